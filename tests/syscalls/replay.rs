//! Replay: the same component on the same entries does the same, on a busy machine too; another one is found out.

use serde_json::{Value, json};

use super::team::team;
use crate::support::load::Load;
use crate::support::{Place, Run, guest};

/// Work in three children at a time: computing, files, messages, time and chance.
fn busy() -> (String, Value) {
    let needs = "spawn = [\"child\"]\npublish = [\"nobody\"]\n[needs.delegate]\nsubscribe = [\"go\"]";
    let manifest = team(needs, &[("child", "needs = { subscribe = [\"go\"], send = [\"parent\"] }")]);
    let child = json!([
        {"op": "subscribe", "pattern": "go"},
        {"op": "spin_for", "n": 300_000},
        {"op": "write", "mount": "scratch", "path": "a", "size": 10_000},
        {"op": "repeat", "n": 20, "steps": [{"op": "read", "mount": "scratch", "path": "a"}, {"op": "read", "mount": "none", "path": "a"}]},
        {"op": "sleep", "ms": 5},
        {"op": "log", "text": "working"},
        {"op": "spin_for", "n": 300_000},
        {"op": "return", "body": "done"},
    ]);
    let names = ["a", "b", "c"];
    let mut script: Vec<Value> = names
        .map(|name| json!({"op": "spawn", "component": "child", "name": name, "input": child, "as": name}))
        .to_vec();
    // To nobody: who has subscribed by now depends on the machine, and each subscriber costs fuel.
    script.push(json!({"op": "publish", "topic": "nobody", "body": "now"}));
    script.extend(names.map(|name| json!({"op": "wait", "on": name})));
    script.push(json!({"op": "return", "body": "all done"}));
    (manifest, Value::Array(script))
}

/// What each process called, and with how much fuel: that is the program's, and no machine's.
fn calls(run: &Run) -> Vec<(u64, String, u64)> {
    let mut calls: Vec<(u64, u64, String, u64)> = run
        .entries
        .iter()
        .filter(|entry| !entry.verb().is_empty() || entry.kind() == "exit")
        .map(|entry| (entry.pid(), entry.seq(), entry.verb().to_owned(), entry.0["fuel"].as_u64().unwrap()))
        .collect();
    calls.sort();
    calls.into_iter().map(|(pid, _, verb, fuel)| (pid, verb, fuel)).collect()
}

#[test]
fn threads_and_load_change_nothing() {
    let (manifest, script) = busy();
    let run = |threads: &str| {
        let run = Place::new().probes(&manifest, &["--threads", threads], &script).expect(0);
        assert_eq!(run.ran.stdout, "all done\n");
        calls(&run)
    };
    let first = run("1");
    assert_eq!(first, run("4"));
    let _load = Load::new(2);
    assert_eq!(first, run("1"), "on a busy machine");
    assert_eq!(first, run("4"), "on a busy machine");
}

/// Replay does not care whether the mounts and models are still what they were, or there at all.
#[test]
fn nothing_outside_is_touched() {
    let place = Place::new();
    place.file("docs/a", "one");
    place.folder("site");
    place.file("script.toml", "[[answer]]\ntext = \"x\"\n");
    let script = json!([
        {"op": "read", "mount": "docs", "path": "a"},
        {"op": "generate", "prompt": "go"},
        {"op": "write", "mount": "site", "path": "a", "body": "two"},
        {"op": "list", "mount": "docs", "path": ""},
    ]);
    let flags =
        ["--mount", "docs=docs", "--mount", "site=site:rw", "--model", "default=scripted:script.toml"];
    place.probe(&flags, &script).results();
    std::fs::remove_dir_all(place.path("docs")).unwrap();
    std::fs::remove_file(place.path("script.toml")).unwrap();
    place.file("site/a", "changed since");
    place.aos(&["replay", "r1"]).expect(0).answers("identical");
    assert_eq!(place.text("site/a"), "changed since");
}

#[test]
fn a_changed_component_is_found_out() {
    let place = Place::new();
    let (manifest, script) = busy();
    place.probes(&manifest, &[], &script).expect(0);
    let (idle, probe) = (guest("idle"), guest("probe"));
    let (idle, probe) = (idle.to_str().unwrap(), probe.to_str().unwrap());
    let root = place.aos(&["replay", "r1", "--component", idle]).expect(4);
    let said = format!("{}{}", root.stdout, root.stderr);
    for part in ["r1/1 diverged at call 1", "logged", "process.spawn", "now", "ipc.receive"] {
        assert!(said.contains(part), "it should say {part:?}: {root}");
    }
    let child = place.aos(&["replay", "r1", "--component", &format!("child={idle}")]).expect(4);
    let said = format!("{}{}", child.stdout, child.stderr);
    for part in ["r1/2 diverged at call 1", "ipc.subscribe", "ipc.receive"] {
        assert!(said.contains(part), "it should say {part:?}: {child}");
    }
    // The same bytes from another place are no change.
    place.aos(&["replay", "r1", "--component", probe]).expect(0).answers("identical");
    place.aos(&["replay", "r1", "--component", &format!("child={probe}")]).expect(0).answers("identical");
}

/// A run in which everything ends badly is replayed as well (the harness does it): killed, exhausted, trapped.
#[test]
fn bad_ends_are_replayed() {
    let manifest = team("spawn = [\"child\"]", &[("child", "")]);
    let spawn = |name: &str, input: Value, fuel: u64| json!({"op": "spawn", "component": "child", "name": name, "input": input, "budget": {"fuel": fuel}, "as": name});
    let spin = json!([{"op": "log", "text": "spinning"}, {"op": "spin"}]);
    let script = json!([
        spawn("killed", spin.clone(), 5_000_000_000),
        spawn("waiting", json!([{"op": "receive"}]), 1_000_000_000),
        spawn("exhausted", spin, 10_000_000),
        spawn("trapped", json!([{"op": "whoami"}, {"op": "trap"}]), 1_000_000_000),
        {"op": "wait", "on": "exhausted"},
        {"op": "wait", "on": "trapped"},
        {"op": "signal", "on": "killed", "signal": "kill"},
        {"op": "wait", "on": "killed"},
        {"op": "fail", "message": "enough"},
    ]);
    for threads in ["1", "4"] {
        let run = Place::new().probes(&manifest, &["--threads", threads], &script).expect(1);
        assert_eq!((run.exit(2), run.exit(3)), (&json!("killed"), &json!("killed")));
        assert_eq!(run.exit(4), &json!({"exhausted": "fuel"}));
        assert!(run.exit(5)["trapped"].is_string(), "{}", run.exit(5));
        assert_eq!(run.exit(1), &json!({"failed": {"message": "enough"}}));
    }
}

/// The entry of a refusal is written later than its answer; the answer must not tell the process anything of then.
#[test]
fn a_refusal_tells_no_time() {
    let deny = json!({"op": "publish", "topic": "x"});
    let script = json!([
        {"op": "log", "text": "now"},
        {"op": "clock"},
        {"op": "spin_for", "n": 20_000_000},
        deny,
        {"op": "clock"},
        {"op": "spin_for", "n": 20_000_000},
        deny,
        {"op": "clock"},
        {"op": "log", "text": "later"},
        {"op": "clock"},
    ]);
    let results = Place::new().probe(&[], &script).results();
    let read = |at: usize| results[at]["ok"]["system_ms"].as_u64().unwrap();
    assert_eq!((read(1), read(1)), (read(4), read(7)));
    assert!(read(9) > read(7), "{results:?}");
}

/// A process that gives all its fuel to its child ends where the log says, and so does its replay.
#[test]
fn a_parent_without_fuel_is_replayed() {
    let needs = "spawn = [\"middle\"]\n[needs.delegate]\nspawn = [\"leaf\"]";
    let manifest =
        team(needs, &[("middle", "needs = { spawn = [\"leaf\"] }"), ("leaf", "budget = { fuel = \"3G\" }")]);
    let middle = json!([{"op": "spawn", "component": "leaf", "input": [{"op": "spin"}], "as": "l"}, {"op": "wait", "on": "l"}]);
    let script = json!([
        {"op": "spawn", "component": "middle", "input": middle, "budget": {"children": 1, "fuel": 1_000_000}, "as": "m"},
        {"op": "wait", "on": "m"},
    ]);
    let results = Place::new().probes(&manifest, &[], &script).results();
    assert_eq!(results[1], json!({"ok": {"exhausted": "fuel"}}));
}
