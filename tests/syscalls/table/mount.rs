//! `mount`, on directories of the operator. `docs` is read only and has `plan.md`; `site` may be written and has `old.html`.

use serde_json::{Value, json};

use crate::syscalls::case::{Case, Shows, Shows::*};

const DOCS: [&str; 2] = ["--mount", "docs=docs"];
const SITE: [&str; 2] = ["--mount", "site=site:rw"];

/// One step with its answer and its entries; the needs are of reading `docs`, or of writing `site`.
fn reads(function: &'static str, shows: Shows, step: Value, answer: Value, leaves: &[&'static str]) -> Case {
    let case = Case::new(function, shows).needs("read = [\"docs\"]").flags(&DOCS);
    case.does(json!([step])).answers(json!([answer])).leaves(leaves)
}

fn writes(function: &'static str, shows: Shows, step: Value, answer: Value, leaves: &[&'static str]) -> Case {
    let case = Case::new(function, shows).needs("write = [\"site\"]").flags(&SITE);
    case.does(json!([step])).answers(json!([answer])).leaves(leaves)
}

pub fn cases() -> Vec<Case> {
    let denied = json!({"err": {"denied": null}});
    let not_found = json!({"err": {"not-found": null}});
    let conflict = json!({"err": {"conflict": "*"}});
    let plan = json!({"name": "plan.md", "kind": "file", "size": 8});
    vec![
        reads(
            "mount.read",
            Granted,
            json!({"op": "read", "mount": "docs", "path": "plan.md", "range": [4, 9]}),
            json!({"ok": {"data": "plan", "size": 8, "digest": "*"}}),
            &["call read content body"],
        ),
        writes(
            "mount.read",
            Denied,
            json!({"op": "read", "mount": "site", "path": "old.html"}),
            denied.clone(),
            &["call read denied"],
        ),
        reads(
            "mount.read",
            Error,
            json!({"op": "read", "mount": "docs", "path": "none.md"}),
            not_found.clone(),
            &["call read not-found"],
        ),
        writes(
            "mount.write",
            Granted,
            json!({"op": "write", "mount": "site", "path": "new/index.html", "body": "hi"}),
            json!({"ok": "*"}),
            &["intent write body", "outcome digest"],
        ),
        reads(
            "mount.write",
            Denied,
            json!({"op": "write", "mount": "docs", "path": "plan.md", "body": "hi"}),
            denied.clone(),
            &["call write denied size"],
        ),
        writes(
            "mount.write",
            Error,
            json!({"op": "write", "mount": "site", "path": "old.html", "body": "hi", "if": "absent"}),
            conflict.clone(),
            &["call write conflict size"],
        ),
        reads(
            "mount.list",
            Granted,
            json!({"op": "list", "mount": "docs", "path": ""}),
            json!({"ok": [plan]}),
            &["call list listing body"],
        ),
        writes(
            "mount.list",
            Denied,
            json!({"op": "list", "mount": "site", "path": ""}),
            denied.clone(),
            &["call list denied"],
        ),
        reads(
            "mount.list",
            Error,
            json!({"op": "list", "mount": "docs", "path": "../docs"}),
            json!({"err": {"invalid": "*"}}),
            &["call list invalid"],
        ),
        reads(
            "mount.stat",
            Granted,
            json!({"op": "stat", "mount": "docs", "path": "plan.md"}),
            json!({"ok": plan}),
            &["call stat stat"],
        ),
        writes(
            "mount.stat",
            Denied,
            json!({"op": "stat", "mount": "site", "path": "old.html"}),
            denied.clone(),
            &["call stat denied"],
        ),
        reads(
            "mount.stat",
            Error,
            json!({"op": "stat", "mount": "docs", "path": "x"}),
            not_found.clone(),
            &["call stat not-found"],
        ),
        writes(
            "mount.remove",
            Granted,
            json!({"op": "remove", "mount": "site", "path": "old.html"}),
            json!({"ok": null}),
            &["intent remove", "outcome done"],
        ),
        reads(
            "mount.remove",
            Denied,
            json!({"op": "remove", "mount": "docs", "path": "plan.md"}),
            denied.clone(),
            &["call remove denied"],
        ),
        writes(
            "mount.remove",
            Error,
            json!({"op": "remove", "mount": "site", "path": "x"}),
            not_found,
            &["call remove not-found"],
        ),
        writes(
            "mount.rename",
            Granted,
            json!({"op": "rename", "mount": "site", "source": "old.html", "target": "new.html", "if": "absent"}),
            json!({"ok": null}),
            &["intent rename", "outcome done"],
        ),
        reads(
            "mount.rename",
            Denied,
            json!({"op": "rename", "mount": "docs", "source": "plan.md", "target": "x.md"}),
            denied,
            &["call rename denied"],
        ),
        writes(
            "mount.rename",
            Error,
            json!({"op": "rename", "mount": "site", "source": "old.html", "target": "old.html", "if": "absent"}),
            conflict,
            &["call rename conflict"],
        ),
    ]
}
