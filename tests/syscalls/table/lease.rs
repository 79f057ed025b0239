//! `lease`. A lease that is still held when its handle is dropped leaves a release.

use serde_json::json;

use crate::syscalls::case::{Case, Shows::*};

pub fn cases() -> Vec<Case> {
    let needs = "lease = [\"db\"]";
    let acquire = json!({"op": "acquire", "name": "db", "ttl_ms": 60_000, "as": "l"});
    vec![
        Case::new("lease.acquire", Granted)
            .needs(needs)
            .does(json!([acquire]))
            .answers(json!([{"ok": "*"}]))
            .leaves(&["call acquire id", "call token id", "call release done"]),
        Case::new("lease.acquire", Denied)
            .needs(needs)
            .does(json!([{"op": "acquire", "name": "disk", "ttl_ms": 60_000}]))
            .answers(json!([{"err": {"denied": null}}]))
            .leaves(&["call acquire denied"]),
        Case::new("lease.acquire", Error)
            .needs(needs)
            .does(json!([acquire, {"op": "acquire", "name": "db", "ttl_ms": 1}, {"op": "acquire", "name": "db", "ttl_ms": 0}]))
            .answers(json!([{"ok": "*"}, {"err": {"busy": null}}, {"err": {"invalid": "*"}}]))
            .leaves(&["call acquire id", "call token id", "call acquire busy", "call acquire invalid", "call release done"]),
        Case::new("lease.lease.token", Granted)
            .needs(needs)
            .does(json!([acquire, {"op": "token", "on": "l"}]))
            .answers(json!([{"ok": 3}, {"ok": 3}]))
            .leaves(&["call acquire id", "call token id", "call token id", "call release done"]),
        Case::new("lease.lease.renew", Granted)
            .needs(needs)
            .does(json!([acquire, {"op": "renew", "on": "l", "ttl_ms": 120_000}]))
            .answers(json!([{"ok": "*"}, {"ok": null}]))
            .leaves(&["call acquire id", "call token id", "call renew done", "call release done"]),
        Case::new("lease.lease.renew", Error)
            .needs(needs)
            .does(json!([
                acquire,
                {"op": "renew", "on": "l", "ttl_ms": 0},
                {"op": "release", "on": "l"},
                {"op": "renew", "on": "l", "ttl_ms": 1},
            ]))
            .answers(json!([{"ok": "*"}, {"err": {"invalid": "*"}}, {"ok": null}, {"err": {"stale": "*"}}]))
            .leaves(&["call acquire id", "call token id", "call renew invalid", "call release done", "call renew stale"]),
        Case::new("lease.lease.release", Granted)
            .needs(needs)
            .does(json!([acquire, {"op": "release", "on": "l"}]))
            .answers(json!([{"ok": "*"}, {"ok": null}]))
            .leaves(&["call acquire id", "call token id", "call release done"]),
        Case::new("lease.lease.release", Error)
            .needs(needs)
            .does(json!([acquire, {"op": "release", "on": "l"}, {"op": "release", "on": "l"}]))
            .answers(json!([{"ok": "*"}, {"ok": null}, {"err": {"stale": "*"}}]))
            .leaves(&["call acquire id", "call token id", "call release done", "call release stale"]),
    ]
}
