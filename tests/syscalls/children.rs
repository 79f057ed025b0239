//! Children: what they may do is less than what their parent may hand on, and their ends are told.

use serde_json::{Value, json};

use super::case::fits;
use super::team::team;
use crate::support::Place;

/// What a child's script answered, as its parent's `wait` step has it.
#[track_caller]
fn told(wait: &Value) -> Value {
    serde_json::from_str(wait["ok"]["returned"].as_str().unwrap_or_else(|| panic!("{wait}"))).unwrap()
}

#[test]
fn use_and_delegate_are_two_rights() {
    let place = Place::new();
    place.file("notes/a", "one");
    place.folder("site");
    let manifest = team(
        "spawn = [\"writer\"]\nread = [\"notes\"]\n[needs.delegate]\nwrite = [\"site\"]",
        &[("writer", "needs = { write = [\"site\"] }")],
    );
    let write = json!({"op": "write", "mount": "site", "path": "a", "body": "x"});
    let read = json!({"op": "read", "mount": "notes", "path": "a"});
    let script = json!([
        write,
        read,
        {"op": "spawn", "component": "writer", "input": [write, read], "as": "w"},
        {"op": "wait", "on": "w"},
        {"op": "spawn", "component": "writer", "input": [write], "capabilities": [], "as": "none"},
        {"op": "wait", "on": "none"},
        {"op": "spawn", "component": "writer", "input": [write], "capabilities": [["write", "site"]], "as": "all"},
        {"op": "wait", "on": "all"},
        {"op": "spawn", "component": "writer", "capabilities": [["read", "notes"]]},
        {"op": "spawn", "component": "writer", "capabilities": [["write", "*"]]},
        {"op": "spawn", "component": "writer", "capabilities": [["fly", "site"]]},
    ]);
    let flags = ["--mount", "notes=notes", "--mount", "site=site:rw"];
    let results = place.probes(&manifest, &flags, &script).results();
    let denied = json!({"err": {"denied": null}});
    assert_eq!(results[0], denied, "what may only be handed on may not be used");
    assert!(results[1].get("ok").is_some(), "{}", results[1]);
    let writer = told(&results[3]);
    assert!(writer[0].get("ok").is_some(), "{writer}");
    assert_eq!(writer[1], denied, "what may only be used may not be handed on");
    assert_eq!(told(&results[5])[0], denied, "nothing was asked for");
    assert!(told(&results[7])[0].get("ok").is_some());
    assert_eq!(results[8..10], [denied.clone(), denied], "asking for more than may be handed on");
    assert!(fits(&results[10], &json!({"err": {"invalid": "*"}})), "{}", results[10]);
}

/// Each generation holds less: what a child may only use cannot equip a grandchild, and without `children` nobody spawns.
#[test]
fn rights_shrink_from_generation_to_generation() {
    let manifest = team(
        "spawn = [\"middle\"]\n[needs.delegate]\nspawn = [\"leaf\"]\npublish = [\"news.*\"]",
        &[
            (
                "middle",
                "[children.middle.needs]\nspawn = [\"leaf\"]\npublish = [\"news.a\"]\n[children.middle.needs.delegate]\npublish = [\"news.b\"]",
            ),
            ("leaf", "needs = { publish = [\"news.b\"] }\nbudget = { fuel = \"100M\", calls = 100 }"),
        ],
    );
    let publish = |topic: &str| json!({"op": "publish", "topic": topic, "body": ""});
    let leaf =
        json!([publish("news.a"), publish("news.b"), {"op": "spawn", "component": "leaf", "name": "x"}]);
    let middle = json!([
        publish("news.a"),
        publish("news.b"),
        {"op": "spawn", "component": "leaf", "input": leaf, "as": "l"},
        {"op": "wait", "on": "l"},
        {"op": "spawn", "component": "leaf", "input": []},
    ]);
    let script = json!([
        {"op": "spawn", "component": "leaf", "name": "direct"},
        {"op": "spawn", "component": "middle", "input": middle, "budget": {"children": 1}, "as": "m"},
        {"op": "wait", "on": "m"},
    ]);
    let results = Place::new().probes(&manifest, &[], &script).results();
    let denied = json!({"err": {"denied": null}});
    assert_eq!(results[0], denied);
    let middle = told(&results[2]);
    assert_eq!((&middle[0], &middle[1]), (&json!({"ok": 0}), &denied));
    assert_eq!(middle[4], json!({"err": {"exhausted": "children"}}));
    let leaf = told(&middle[3]);
    assert_eq!(leaf, json!([denied, {"ok": 0}, {"err": {"exhausted": "children"}}]));
}

#[test]
fn a_parent_sees_how_each_child_ended() {
    let ends = [
        (json!([{"op": "return", "body": "out"}]), json!({"returned": "out"})),
        (
            json!([{"op": "fail", "message": "no luck"}]),
            json!({"failed": {"message": "no luck", "cause": null}}),
        ),
        (
            json!([{"op": "publish", "topic": "x", "must": true}]),
            json!({"failed": {"message": "*", "cause": {"denied": null}}}),
        ),
        (json!([{"op": "trap"}]), json!({"trapped": "*"})),
        (json!([{"op": "panic", "message": "at the disco"}]), json!({"trapped": "*"})),
        (json!([{"op": "recurse"}]), json!({"trapped": "*"})),
    ];
    let mut script = Vec::new();
    for (at, (input, _)) in ends.iter().enumerate() {
        let name = format!("c{at}");
        script.push(json!({"op": "spawn", "component": "child", "name": name, "input": input, "as": name}));
        script.push(json!({"op": "wait", "on": name}));
    }
    let manifest = team("spawn = [\"child\"]", &[("child", "")]);
    let run = Place::new().probes(&manifest, &[], &Value::Array(script));
    for (at, (input, exit)) in ends.iter().enumerate() {
        let seen = &run.results()[2 * at + 1]["ok"];
        assert!(fits(seen, exit), "{input} should end as {exit}, not {seen}");
    }
    run.ran.says("at the disco");
}

/// A kill takes those below with it, before the one that was killed.
#[test]
fn a_kill_ends_the_descendants_first() {
    let manifest = team(
        "spawn = [\"middle\"]\n[needs.delegate]\nspawn = [\"leaf\"]",
        &[
            ("middle", "needs = { spawn = [\"leaf\"], send = [\"parent\"] }"),
            ("leaf", "budget = { fuel = \"900M\", calls = 100, bytes-sent = 100 }"),
        ],
    );
    let middle = json!([
        {"op": "spawn", "component": "leaf", "input": [{"op": "spin"}]},
        {"op": "send", "to": "parent", "body": "ready"},
        {"op": "receive"},
    ]);
    let script = json!([
        {"op": "spawn", "component": "middle", "input": middle, "budget": {"children": 1}, "as": "m"},
        {"op": "receive"},
        {"op": "signal", "on": "m", "signal": "kill"},
        {"op": "wait", "on": "m"},
    ]);
    let run = Place::new().probes(&manifest, &[], &script);
    assert_eq!(run.results()[3], json!({"ok": {"killed": null}}));
    let ends: Vec<u64> = run.entries.iter().filter(|e| e.kind() == "exit").map(|e| e.pid()).collect();
    assert_eq!(ends, [3, 2, 1]);
    assert_eq!((run.exit(2), run.exit(3)), (&json!("killed"), &json!("killed")));
}

/// A root that ends does not leave its children behind.
#[test]
fn children_end_with_the_root() {
    let manifest = team("spawn = [\"child\"]", &[("child", "")]);
    let script = json!([{"op": "spawn", "component": "child", "input": [{"op": "spin"}]}, {"op": "return", "body": "done"}]);
    let run = Place::new().probes(&manifest, &[], &script).expect(0);
    let ends: Vec<u64> = run.entries.iter().filter(|e| e.kind() == "exit").map(|e| e.pid()).collect();
    assert_eq!(ends, [2, 1]);
    assert_eq!(run.exit(2), &json!("killed"));
}
