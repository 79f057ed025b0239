//! Mounts: the scratch mount, which every process has of its own and which is kernel state, and the operator's directories.

use serde_json::{Value, json};

use super::case::{fits, shown};
use super::team::team;
use crate::support::Place;

/// Of `one` and `two`.
const ONE: &str = "sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
const TWO: &str = "sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";

/// The same script on scratch and on a directory must be answered alike.
pub fn every_condition(mount: &str) -> (Value, Value) {
    let write = |path: &str, body: &str, condition: Value| json!({"op": "write", "mount": mount, "path": path, "body": body, "if": condition});
    let remove =
        |path: &str, condition: Value| json!({"op": "remove", "mount": mount, "path": path, "if": condition});
    let rename = |source: &str, target: &str, condition: Value| json!({"op": "rename", "mount": mount, "source": source, "target": target, "if": condition});
    let is = |digest: &str| json!({"digest_is": digest});
    let ok = json!({"ok": null});
    let conflict = |there: Value| json!({"err": {"conflict": there}});
    let steps = [
        (write("a/b", "one", json!("absent")), json!({"ok": ONE})),
        (write("a/b", "two", json!("absent")), conflict(json!(ONE))),
        (write("a/b", "two", is(TWO)), conflict(json!(ONE))),
        (write("a/b", "two", is(ONE)), json!({"ok": TWO})),
        (write("none", "two", is(ONE)), conflict(Value::Null)),
        (write("a/b", "two", is("md5:1")), json!({"err": {"invalid": "*"}})),
        (write("a", "x", json!("any")), json!({"err": {"invalid": "*"}})),
        (write("a/b/c", "x", json!("any")), json!({"err": {"invalid": "*"}})),
        (write("", "x", json!("any")), json!({"err": {"invalid": "*"}})),
        (write("c", "x", json!({"fence": 999})), json!({"err": {"stale": "*"}})),
        (
            json!({"op": "read", "mount": mount, "path": "a/b"}),
            json!({"ok": {"data": "two", "digest": TWO, "size": 3}}),
        ),
        (
            json!({"op": "read", "mount": mount, "path": "a/b", "range": [1, 1]}),
            json!({"ok": {"data": "w", "digest": TWO, "size": 3}}),
        ),
        (
            json!({"op": "read", "mount": mount, "path": "a/b", "range": [9, 9]}),
            json!({"ok": {"data": "", "size": 3}}),
        ),
        (
            json!({"op": "stat", "mount": mount, "path": "a/b"}),
            json!({"ok": {"name": "b", "kind": "file", "size": 3, "digest": TWO}}),
        ),
        (
            json!({"op": "stat", "mount": mount, "path": "a"}),
            json!({"ok": {"name": "a", "kind": "directory"}}),
        ),
        (write("a/c", "one", json!("any")), json!({"ok": ONE})),
        (json!({"op": "list", "mount": mount, "path": "a"}), json!({"ok": [{"name": "b"}, {"name": "c"}]})),
        (json!({"op": "list", "mount": mount, "path": "a", "limit": 1}), json!({"ok": [{"name": "b"}]})),
        (json!({"op": "list", "mount": mount, "path": "a", "after": "b"}), json!({"ok": [{"name": "c"}]})),
        (json!({"op": "list", "mount": mount, "path": "zebra"}), json!({"err": {"not-found": null}})),
        (rename("a/b", "a/c", json!("absent")), conflict(json!(ONE))),
        (rename("a/b", "a/c", is(TWO)), conflict(json!(ONE))),
        (rename("a/b", "a/c", is(ONE)), ok.clone()),
        (rename("a/b", "d", json!("any")), json!({"err": {"not-found": null}})),
        (remove("a", json!("any")), conflict(Value::Null)),
        (remove("a/c", is(ONE)), conflict(json!(TWO))),
        (remove("a/c", is(TWO)), ok),
        (remove("a/c", json!("any")), json!({"err": {"not-found": null}})),
    ];
    let (steps, answers): (Vec<Value>, Vec<Value>) = steps.into_iter().unzip();
    (Value::Array(steps), Value::Array(answers))
}

/// Fails unless each step of a script answered as it should.
#[track_caller]
pub fn check(script: &Value, results: &[Value], answers: &Value) {
    for ((step, result), answer) in
        script.as_array().unwrap().iter().zip(results).zip(answers.as_array().unwrap())
    {
        assert!(fits(result, answer), "{step} should answer {answer}, not {result}");
    }
}

#[test]
fn a_directory_holds_every_condition() {
    let place = Place::new();
    place.folder("site");
    let (script, answers) = every_condition("site");
    let manifest = team("read = [\"site\"]\nwrite = [\"site\"]", &[]);
    let run = place.probes(&manifest, &["--mount", "site=site:rw"], &script);
    check(&script, &run.results(), &answers);
    let left = std::fs::read_dir(place.path("site")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["a"], "nothing half-written stays");
    let done = |of: u64| run.entries.iter().any(|e| e.event()["of"] == of && e.out().get("Ok").is_some());
    let intents = run.entries.iter().filter(|e| e.kind() == "intent" && done(e.seq()));
    let previous: Vec<&Value> = intents.map(|e| &e.event()["previous"]).collect();
    // What was replaced is on record before it is replaced.
    assert_eq!(previous, [&Value::Null, &json!(ONE), &Value::Null, &json!(ONE), &json!(TWO)]);
}

#[test]
fn scratch_holds_every_condition_without_a_capability() {
    let (script, answers) = every_condition("scratch");
    let run = Place::new().probe(&[], &script);
    check(&script, &run.results(), &answers);
    assert!(run.of(1).iter().all(|entry| entry.kind() == "call"), "scratch is kernel state: nothing waits");
    assert_eq!(shown(run.of(1)[0]), "call write digest body");
}

#[test]
fn scratch_is_the_process_s_own_and_bounded() {
    let child = json!([{"op": "read", "mount": "scratch", "path": "mine"}, {"op": "list", "mount": "scratch", "path": ""}]);
    let mut script = vec![
        json!({"op": "write", "mount": "scratch", "path": "mine", "body": "x"}),
        json!({"op": "spawn", "component": "child", "input": child, "as": "c"}),
        json!({"op": "wait", "on": "c"}),
    ];
    script.extend(
        (0..1_024).map(|n| json!({"op": "write", "mount": "scratch", "path": format!("f{n}"), "body": ""})),
    );
    let results = Place::new()
        .probes(&team("spawn = [\"child\"]", &[("child", "")]), &[], &Value::Array(script))
        .results();
    assert_eq!(results[2]["ok"]["returned"], "[{\"err\":{\"not-found\":null}},{\"ok\":[]}]");
    assert!(results[3 + 1_022].get("ok").is_some(), "{}", results[3 + 1_022]);
    assert_eq!(results[3 + 1_023], json!({"err": {"too-large": 1_024}}));
}

#[test]
fn a_rename_and_a_second_label_change_nothing_else() {
    let place = Place::new();
    place.file("site/a", "one");
    place.file("beside", "kept");
    let script = json!([
        {"op": "rename", "mount": "site", "source": "a", "target": "deep/down/b"},
        {"op": "read", "mount": "same", "path": "deep/down/b"},
        {"op": "remove", "mount": "site", "path": "deep/down/b"},
        {"op": "remove", "mount": "site", "path": "deep/down"},
        {"op": "stat", "mount": "same", "path": "deep"},
    ]);
    let run = place.probe(&["--mount", "site=site:rw", "--mount", "same=site:rw"], &script);
    let results = run.results();
    assert!(results.iter().all(|result| result.get("ok").is_some()), "{results:?}");
    assert_eq!(results[1]["ok"]["data"], "one");
    assert_eq!(place.text("beside"), "kept");
}
