//! `process`.

use serde_json::json;

use crate::syscalls::case::{Case, Shows::*};

pub fn cases() -> Vec<Case> {
    let spawns = "spawn = [\"*\"]";
    let spawn = json!({"op": "spawn", "component": "idle", "as": "c"});
    vec![
        Case::new("process.whoami", Granted)
            .does(json!([{"op": "whoami"}]))
            .answers(json!([{"ok": {"pid": 1, "parent": null, "name": "case"}}]))
            .leaves(&["call whoami info"]),
        Case::new("process.spawn", Granted)
            .needs(spawns)
            .does(json!([spawn, {"op": "spawn", "component": "idle", "name": "second"}]))
            .answers(json!([{"ok": 2}, {"ok": 3}]))
            .leaves(&["call spawn id body", "call pid id", "call spawn id body", "call pid id"]),
        Case::new("process.spawn", Denied)
            .needs("spawn = [\"idle\"]")
            .does(json!([
                {"op": "spawn", "component": "probe"},
                {"op": "spawn", "component": "idle", "capabilities": [["read", "docs"]]},
            ]))
            .answers(json!([{"err": {"denied": null}}, {"err": {"denied": null}}]))
            .leaves(&["call spawn denied size", "call spawn denied size"]),
        Case::new("process.spawn", Error)
            .needs(spawns)
            .does(json!([
                {"op": "spawn", "component": "stranger"},
                spawn,
                {"op": "spawn", "component": "idle"},
                {"op": "spawn", "component": "idle", "name": "parent"},
                {"op": "spawn", "component": "idle", "name": "x", "restart": "always"},
                {"op": "spawn", "component": "idle", "name": "x", "budget": {"fuel": 99_000_000_000_u64}},
            ]))
            .answers(json!([
                {"err": {"not-found": null}},
                {"ok": 2},
                {"err": {"conflict": null}},
                {"err": {"invalid": "*"}},
                {"err": {"unsupported": null}},
                {"err": {"exhausted": "fuel"}},
            ]))
            .leaves(&[
                "call spawn not-found size",
                "call spawn id body",
                "call pid id",
                "call spawn conflict size",
                "call spawn invalid size",
                "call spawn unsupported size",
                "call spawn exhausted size",
            ]),
        Case::new("process.continue-as-new", Granted)
            .does(json!([{"op": "continue_as_new", "body": "state"}, {"op": "restored"}]))
            .answers(json!([{"err": {"unsupported": null}}, {"ok": null}]))
            .leaves(&["call continue-as-new unsupported size", "call restored nothing"]),
        Case::new("process.continue-as-new", Error)
            .flags(&["--budget", "calls=0"])
            .does(json!([{"op": "continue_as_new", "body": "state"}]))
            .answers(json!([{"err": {"exhausted": "calls"}}]))
            .leaves(&["call continue-as-new exhausted size"]),
        Case::new("process.restored", Granted)
            .does(json!([{"op": "restored"}]))
            .answers(json!([{"ok": null}]))
            .leaves(&["call restored nothing"]),
        Case::new("process.held", Granted)
            .does(json!([{"op": "held"}]))
            .answers(json!([{"ok": {"leases": [], "subscriptions": 0, "children": []}}]))
            .leaves(&["call held done"]),
        Case::new("process.budget", Granted)
            .flags(&["--budget", "calls=7"])
            .does(json!([{"op": "receive", "timeout_ms": 0}, {"op": "budget"}]))
            .answers(json!([{"ok": null}, {"ok": {"calls": {"left": 6, "granted": 7}, "children": {"left": 16, "granted": 16}}}]))
            .leaves(&["call receive nothing", "call budget allowances"]),
        Case::new("process.child.pid", Granted)
            .needs(spawns)
            .does(json!([spawn, {"op": "pid", "on": "c"}]))
            .answers(json!([{"ok": 2}, {"ok": 2}]))
            .leaves(&["call spawn id body", "call pid id", "call pid id"]),
        Case::new("process.child.wait", Granted)
            .needs(spawns)
            .does(json!([
                {"op": "spawn", "component": "probe", "input": [{"op": "return", "body": "bye"}], "as": "c"},
                {"op": "wait", "on": "c"},
                {"op": "wait", "on": "c"},
            ]))
            .answers(json!([{"ok": 2}, {"ok": {"returned": "bye"}}, {"ok": {"returned": "bye"}}]))
            .leaves(&["call spawn id body", "call pid id", "~wait exit", "call wait exit"]),
        Case::new("process.child.wait", Error)
            .needs(spawns)
            .flags(&["--budget", "calls=2"])
            .does(json!([
                {"op": "spawn", "component": "idle", "budget": {"calls": 0}, "as": "c"},
                {"op": "wait", "on": "c"},
            ]))
            .answers(json!([{"ok": 2}, {"err": {"exhausted": "calls"}}]))
            .leaves(&["call spawn id body", "call pid id", "call wait exhausted"]),
        Case::new("process.child.signal", Granted)
            .needs(spawns)
            .does(json!([spawn, {"op": "signal", "on": "c", "signal": "kill"}, {"op": "wait", "on": "c"}]))
            .answers(json!([{"ok": 2}, {"ok": null}, {"ok": {"killed": null}}]))
            .leaves(&["call spawn id body", "call pid id", "call signal done", "~wait exit"]),
        Case::new("process.child.signal", Error)
            .needs(spawns)
            .does(json!([
                spawn,
                {"op": "signal", "on": "c", "signal": "pause"},
                {"op": "signal", "on": "c", "signal": "kill"},
                {"op": "wait", "on": "c"},
                {"op": "signal", "on": "c", "signal": "stop"},
            ]))
            .answers(json!([
                {"ok": 2},
                {"err": {"unsupported": null}},
                {"ok": null},
                {"ok": {"killed": null}},
                {"err": {"closed": null}},
            ]))
            .leaves(&[
                "call spawn id body",
                "call pid id",
                "call signal unsupported",
                "call signal done",
                "~wait exit",
                "call signal closed",
            ]),
    ]
}
