//! Refusals are entries, but a flood of them is one: identical ones in a row are counted.

use serde_json::{Value, json};

use super::case::shown;
use super::team::team;
use crate::support::Place;

#[test]
fn identical_denials_are_one_entry() {
    let deny = json!({"op": "publish", "topic": "x", "body": "abc"});
    let script = json!([
        {"op": "repeat", "n": 100, "steps": [deny]},
        {"op": "publish", "topic": "x", "body": "abcd"},
        {"op": "publish", "topic": "y", "body": "abcd"},
        {"op": "whoami"},
        deny,
        {"op": "repeat", "n": 7, "steps": [{"op": "read", "mount": "none", "path": "x"}]},
    ]);
    let run = Place::new().probe(&[], &script);
    run.results();
    let left: Vec<String> = run.of(1).into_iter().map(shown).collect();
    assert_eq!(
        left,
        [
            "call publish denied x100 size",
            "call publish denied size",
            "call publish denied size",
            "call whoami info",
            "call publish denied size",
            "call read denied x7",
        ]
    );
    let first = &run.of(1)[0].0;
    let (from, to) =
        (first["fuel"].as_u64().unwrap(), first["event"]["call"]["repeat"]["last"].as_u64().unwrap());
    assert!(to > from + 99 * 1_000, "each of them is paid for: {from} to {to}");
}

#[test]
fn unpaid_calls_are_one_entry_too_and_denials_cost_calls() {
    let script = json!([
        {"op": "repeat", "n": 3, "steps": [{"op": "publish", "topic": "x"}]},
        {"op": "budget"},
        {"op": "repeat", "n": 50, "steps": [{"op": "publish", "topic": "x"}]},
    ]);
    let run = Place::new().probe(&["--budget", "calls=10"], &script);
    assert_eq!(run.results()[1]["ok"]["calls"], json!({"left": 7, "granted": 10}));
    let left: Vec<String> = run.of(1).into_iter().map(shown).collect();
    assert_eq!(
        left,
        [
            "call publish denied x3 size",
            "call budget allowances",
            "call publish denied x6 size",
            "call publish exhausted x44 size",
        ]
    );
}

/// Another process's calls do not end a run of denials, and its own end does.
#[test]
fn runs_of_denials_are_each_process_s_own() {
    let flood = json!({"op": "repeat", "n": 500, "steps": [{"op": "publish", "topic": "x"}]});
    let names = ["a", "b", "c"];
    let mut script: Vec<Value> = names
        .map(|name| json!({"op": "spawn", "component": "child", "name": name, "input": [flood], "as": name}))
        .to_vec();
    script.extend(names.map(|name| json!({"op": "wait", "on": name})));
    let run = Place::new().probes(&team("spawn = [\"child\"]", &[("child", "")]), &[], &Value::Array(script));
    for pid in 2..=4 {
        let left: Vec<String> = run.of(pid).into_iter().map(shown).collect();
        assert_eq!(left, ["call publish denied x500 size"], "process {pid}");
    }
}
