//! `tool`, `log`, `label`, and the agent's own `run`.

use serde_json::json;

use crate::syscalls::case::{Case, Shows::*};

pub fn cases() -> Vec<Case> {
    vec![
        // This host has no tools: that is what a granted call is told.
        Case::new("tool.list", Granted)
            .does(json!([{"op": "tools"}]))
            .answers(json!([{"err": {"unsupported": null}}]))
            .leaves(&["call tools unsupported"]),
        Case::new("tool.list", Error)
            .flags(&["--budget", "calls=0"])
            .does(json!([{"op": "tools"}]))
            .answers(json!([{"err": {"exhausted": "calls"}}]))
            .leaves(&["call tools exhausted"]),
        Case::new("tool.call", Granted)
            .needs("tool = [\"search\"]")
            .flags(&["--allow", "tool=search"])
            .does(json!([{"op": "call", "name": "search", "input": {"q": "x"}}]))
            .answers(json!([{"err": {"unsupported": null}}]))
            .leaves(&["call tool unsupported size"]),
        Case::new("tool.call", Denied)
            .does(json!([{"op": "call", "name": "search"}]))
            .answers(json!([{"err": {"denied": null}}]))
            .leaves(&["call tool denied size"]),
        Case::new("tool.call", Error)
            .flags(&["--budget", "bytes-sent=1"])
            .does(json!([{"op": "call", "name": "search"}]))
            .answers(json!([{"err": {"exhausted": "bytes-sent"}}]))
            .leaves(&["call tool exhausted size"]),
        Case::new("log.emit", Granted)
            .does(json!([{"op": "log", "text": "hello", "level": "warn"}]))
            .answers(json!([{"ok": null}]))
            .leaves(&["call log done body"]),
        Case::new("log.emit", Error)
            .does(json!([{"op": "log", "huge_text": 8_193}]))
            .answers(json!([{"err": {"too-large": 8_192}}]))
            .leaves(&["call log too-large size"]),
        Case::new("label.list", Granted)
            .needs("read = [\"docs\"]")
            .flags(&["--mount", "docs=docs,label=secret,label=personal"])
            .does(json!([{"op": "labels"}, {"op": "read", "mount": "docs", "path": "plan.md"}, {"op": "labels"}]))
            .answers(json!([{"ok": []}, "*", {"ok": ["personal", "secret"]}]))
            .leaves(&["call labels listing body", "call read content body", "call labels listing body"]),
        Case::new("label.list", Error)
            .flags(&["--budget", "calls=0"])
            .does(json!([{"op": "labels"}]))
            .answers(json!([{"err": {"exhausted": "calls"}}]))
            .leaves(&["call labels exhausted"]),
        Case::new("label.declassify", Granted)
            .needs("read = [\"docs\"]\ndeclassify = [\"secret\"]")
            .flags(&["--mount", "docs=docs,label=secret,label=personal", "--allow", "declassify=secret"])
            .does(json!([
                {"op": "read", "mount": "docs", "path": "plan.md"},
                {"op": "declassify", "label": "secret"},
                {"op": "declassify", "label": "personal"},
                {"op": "labels"},
            ]))
            .answers(json!(["*", {"ok": null}, {"err": {"denied": null}}, {"ok": ["personal"]}]))
            .leaves(&[
                "call read content body",
                "call declassify done",
                "call declassify denied",
                "call labels listing body",
            ]),
        Case::new("label.declassify", Denied)
            .does(json!([{"op": "declassify", "label": "secret"}]))
            .answers(json!([{"err": {"denied": null}}]))
            .leaves(&["call declassify denied"]),
        Case::new("label.declassify", Error)
            .flags(&["--budget", "calls=0"])
            .does(json!([{"op": "declassify", "label": "secret"}]))
            .answers(json!([{"err": {"exhausted": "calls"}}]))
            .leaves(&["call declassify exhausted"]),
        Case::new("run", Granted).does(json!([])).answers(json!([])).leaves(&[]),
        Case::new("run", Error).does(json!([{"op": "fail", "message": "no"}])).ends(1).leaves(&[]),
    ]
}
