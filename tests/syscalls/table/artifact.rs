//! `artifact`.

use serde_json::json;

use crate::syscalls::case::{Case, Shows::*};

/// No artifact has it.
const UNKNOWN: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
/// Of `evidence`.
const EVIDENCE: &str = "sha256:ee8250fb76e094b34b471f13a73dbbe51d1ae142e9df59d7c0d31ec20f0a0a8e";

pub fn cases() -> Vec<Case> {
    let put = json!({"op": "put", "kind": "finding", "body": "evidence", "subject": "plan.md"});
    let described = json!({"kind": "finding", "media_type": "text/plain", "size": 8, "subject": "plan.md", "by": 1, "parents": []});
    vec![
        Case::new("artifact.put", Granted)
            .needs("put = [\"finding\"]")
            .does(json!([put, put]))
            .answers(json!([{"ok": "*"}, {"ok": "*"}]))
            .leaves(&["call put digest body", "call put digest body"]),
        Case::new("artifact.put", Denied)
            .needs("put = [\"report\"]")
            .does(json!([put]))
            .answers(json!([{"err": {"denied": null}}]))
            .leaves(&["call put denied size"]),
        Case::new("artifact.put", Error)
            .needs("put = [\"finding\"]")
            .does(json!([{"op": "put", "kind": "finding", "body": "x", "parents": [UNKNOWN]}]))
            .answers(json!([{"err": {"not-found": null}}]))
            .leaves(&["call put not-found size"]),
        Case::new("artifact.get", Granted)
            .needs("put = [\"finding\"]\nget = [\"finding\"]")
            .does(json!([put, {"op": "get", "digest": EVIDENCE}]))
            .answers(json!([{"ok": EVIDENCE}, {"ok": {"artifact": described, "body": "evidence"}}]))
            .leaves(&["call put digest body", "call get artifact"]),
        Case::new("artifact.get", Denied)
            .needs("put = [\"finding\"]")
            .does(json!([put, {"op": "get", "digest": EVIDENCE}]))
            .answers(json!([{"ok": EVIDENCE}, {"err": {"denied": null}}]))
            .leaves(&["call put digest body", "call get denied"]),
        Case::new("artifact.get", Error)
            .needs("get = [\"finding\"]")
            .does(json!([{"op": "get", "digest": UNKNOWN}, {"op": "get", "digest": "plan.md"}]))
            .answers(json!([{"err": {"not-found": null}}, {"err": {"invalid": "*"}}]))
            .leaves(&["call get not-found", "call get invalid"]),
        Case::new("artifact.list", Granted)
            .needs("put = [\"*\"]\nget = [\"finding\"]")
            .does(json!([put, {"op": "put", "kind": "secret", "body": "x"}, {"op": "artifacts"}]))
            .answers(json!([{"ok": "*"}, {"ok": "*"}, {"ok": [described]}]))
            .leaves(&["call put digest body", "call put digest body", "call artifacts listing body"]),
        Case::new("artifact.list", Denied)
            .needs("put = [\"finding\"]")
            .does(json!([{"op": "artifacts"}]))
            .answers(json!([{"err": {"denied": null}}]))
            .leaves(&["call artifacts denied"]),
        Case::new("artifact.list", Error)
            .needs("get = [\"finding\"]")
            .does(json!([{"op": "artifacts", "after": UNKNOWN}]))
            .answers(json!([{"err": {"not-found": null}}]))
            .leaves(&["call artifacts not-found"]),
    ]
}
