//! A right that is taken back is gone with the next call, for a process and for all that it spawned.

use serde_json::{Value, json};

use super::{answers, denied, write};
use crate::support::{Entry, Place};
use crate::syscalls::team::team;
use crate::terminal::owner::{Owner, until, whole};

/// Receives, then writes.
fn waits_and_writes(path: &str) -> Value {
    json!([{"op": "receive"}, write(path)])
}

/// A team of three generations: the root, two children, and a child of the first.
fn family() -> String {
    let needs = "publish = [\"go\"]\nspawn = [\"a\", \"b\"]\nsend = [\"a\", \"b\"]\nwrite = [\"site\"]\n[needs.delegate]\nwrite = [\"site\"]\nspawn = [\"c\"]\nsend = [\"c\"]";
    let a = "[children.a.needs]\nspawn = [\"c\"]\nsend = [\"c\"]\nwrite = [\"site\"]\n[children.a.needs.delegate]\nwrite = [\"site\"]\n[children.a.budget]\nchildren = 3\nfuel = \"2G\"\nmemory = \"24MiB\"";
    let leaf = |label: &str| format!("[children.{label}.needs]\nwrite = [\"site\"]");
    team(needs, &[("a", a), ("b", &leaf("b")), ("c", &leaf("c"))])
}

#[test]
fn it_goes_down_the_tree_and_no_further() {
    let owner = Owner::up();
    owner.place.folder("site");
    let folder = owner.place.team(&family());
    let middle = json!([
        {"op": "spawn", "component": "c", "as": "c", "input": waits_and_writes("c")},
        {"op": "receive"}, write("a"), {"op": "send", "to": "c", "body": "go"}, {"op": "wait", "on": "c"},
        {"op": "spawn", "component": "c", "as": "late", "input": [write("late")]}, {"op": "wait", "on": "late"},
    ]);
    let root = json!([
        {"op": "spawn", "component": "a", "as": "a", "input": middle},
        {"op": "spawn", "component": "b", "as": "b", "input": waits_and_writes("b")},
        {"op": "publish", "topic": "go", "body": ""},
        write("root"), {"op": "send", "to": "a", "body": "go"}, {"op": "send", "to": "b", "body": "go"},
        {"op": "wait", "on": "a"}, {"op": "wait", "on": "b"},
    ]);
    let site = ["--mount", "site=site:rw", "--ask", "publish=go"];
    let words = [&["run", folder.to_str().unwrap(), "--input", "-"], &site[..]].concat();
    let run = owner.place.start(&words, root.to_string().as_bytes());
    owner.waiting(4);
    let revoke = |words: &[&str]| owner.place.aos(&[&["revoke"], words].concat());
    revoke(&["r1/2", "write=site"]).expect(0).answers("r1/2: write=site is taken from 2 processes (#");
    revoke(&["r1/2", "write=site"]).expect(1).answers("held by nobody there");
    revoke(&["r1/2", "infer=*"]).expect(1);
    revoke(&["r1/9", "write=site"]).expect(2).says("r1/9 does not live");
    revoke(&["r1/2"]).expect(2);
    let asks = owner.questions(1).remove(0);
    owner.place.aos(&["approve", &format!("r1#{}", asks["entry"])]).expect(0);
    let ran = run.wait().expect(0);
    let steps = answers(&ran.stdout);
    let output = |step: &Value| answers(step["ok"]["returned"].as_str().unwrap_or_else(|| panic!("{step}")));
    assert!(steps[3].get("ok").is_some(), "the root still may: {ran}");
    let (a, b) = (output(&steps[6]), output(&steps[7]));
    assert!(b[1].get("ok").is_some(), "its sibling still may: {b:?}");
    assert!(denied(&a[2]), "{a:?}");
    assert!(denied(&output(&a[4])[1]), "its child may not either: {a:?}");
    assert!(denied(&output(&a[6])[0]), "nor one that it spawns later: {a:?}");
    let (place, _) = owner.down();
    for (path, there) in [("root", true), ("b", true), ("a", false), ("c", false), ("late", false)] {
        assert_eq!(place.path("site").join(path).exists(), there, "{path}");
    }
    whole(&place, "r1");
    let entries: Vec<Entry> = place.entries(Some("r1"));
    let revoked: Vec<&Entry> = entries.iter().filter(|entry| entry.kind() == "revoke").collect();
    assert_eq!(revoked.len(), 1, "only what took something is on record");
    assert_eq!(revoked[0].event()["what"], json!({"right": {"verb": "write", "object": "site"}}));
    place
        .aos(&["audit", "show", &revoked[0].seq().to_string()])
        .expect(0)
        .answers("write site is taken from /2");
}

/// A host that is killed afterwards does not give it back.
#[test]
fn it_outlives_the_host() {
    let owner = Owner::up();
    owner.place.folder("site");
    let flags = ["--mount", "site=site:rw"];
    let run = owner.probe(&flags, &json!([write("before"), {"op": "receive"}, write("after")]));
    owner.waiting(1);
    owner.place.aos(&["revoke", "r1", "write=*"]).expect(0);
    let mut owner = owner;
    owner.kill();
    run.wait().expect(6);
    let owner = Owner::of(std::mem::replace(&mut owner.place, Place::new()), &["up"]);
    owner.waiting(1);
    owner.place.aos(&["stop", "r1"]).expect(0);
    until(|| owner.entries("r1").iter().any(|entry| entry.kind() == "end"));
    let (place, _) = owner.down();
    assert!(place.path("site/before").exists() && !place.path("site/after").exists());
    whole(&place, "r1");
}

/// Without any right, an agent can still compute and end.
#[test]
fn all_can_be_taken() {
    let owner = Owner::up();
    owner.place.folder("site");
    let flags = ["--mount", "site=site:rw", "--allow", "publish=news"];
    let script = json!([
        {"op": "receive"}, write("a"), {"op": "publish", "topic": "news", "body": "x"}, {"op": "log", "text": "x"},
        {"op": "write", "mount": "scratch", "path": "own", "body": "x"},
    ]);
    let run = owner.probe(&flags, &script);
    owner.waiting(1);
    owner.place.aos(&["revoke", "r1", "--all"]).expect(0).answers("all rights is taken from 1 process");
    owner.place.aos(&["stop", "r1"]).expect(0);
    let steps = answers(&run.wait().expect(0).stdout);
    assert!(steps[1..4].iter().all(denied), "{steps:?}");
    assert!(steps[4].get("ok").is_some(), "its own scratch is no right: {steps:?}");
    let (place, _) = owner.down();
    whole(&place, "r1");
}
