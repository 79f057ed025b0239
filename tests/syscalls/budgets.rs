//! Budgets: what happens at the end of each meter, and how a child's budget is moved and comes back.

use serde_json::{Value, json};

use super::case::shown;
use super::team::team;
use crate::support::Place;

/// A call that the meter does not cover is answered; the process lives and sees it.
#[test]
fn an_unpaid_call_is_an_answer() {
    let receive = json!({"op": "receive", "timeout_ms": 0});
    let spawn = json!({"op": "spawn", "component": "child", "input": [{"op": "receive"}], "name": "x"});
    let cases = [
        ("calls=1", "calls", vec![receive.clone(), receive]),
        (
            "bytes-stored=1000",
            "bytes-stored",
            vec![json!({"op": "log", "huge_text": 900}), json!({"op": "log", "huge_text": 101})],
        ),
        (
            "bytes-sent=5",
            "bytes-sent",
            vec![
                json!({"op": "send", "to": "team", "body": "hello"}),
                json!({"op": "send", "to": "team", "body": "x"}),
            ],
        ),
        ("children=1", "children", vec![spawn.clone(), json!({"op": "spawn", "component": "child"})]),
        (
            "fuel=10G",
            "fuel",
            vec![json!({"op": "whoami"}), {
                let mut spawn = spawn.clone();
                spawn["budget"] = json!({"fuel": 20_000_000_000_u64});
                spawn
            }],
        ),
        (
            "wall-time=60s",
            "wall-time",
            vec![json!({"op": "whoami"}), {
                let mut spawn = spawn;
                spawn["budget"] = json!({"wall-time": 600_000});
                spawn
            }],
        ),
    ];
    for (budget, meter, script) in cases {
        let manifest = team("send = [\"team\"]\nspawn = [\"child\"]", &[("child", "")]);
        let run = Place::new().probes(&manifest, &["--budget", budget], &Value::Array(script));
        let results = run.results();
        assert!(results[0].get("ok").is_some(), "{budget}: {}", results[0]);
        assert_eq!(results[1], json!({"err": {"exhausted": meter}}), "{budget}");
    }
}

#[test]
fn the_end_of_fuel_ends_the_process() {
    let run = Place::new().probe(&["--budget", "fuel=20M"], &json!([{"op": "spin"}])).expect(5);
    assert_eq!(run.exit(1), &json!({"exhausted": "fuel"}));
    assert_eq!(run.first(|entry| entry.kind() == "exit").0["fuel"], 20_000_000);
    run.ran.says("fuel");
    assert_eq!(run.ran.stdout, "");
}

#[test]
fn the_end_of_wall_time_ends_the_process() {
    let flags = ["--budget", "wall-time=200ms", "--budget", "fuel=unlimited"];
    let run = Place::new().probe(&flags, &json!([{"op": "spin"}])).expect(5);
    assert_eq!(run.exit(1), &json!({"exhausted": "wall-time"}));
    let waits = Place::new().probe(&["--budget", "wall-time=50ms"], &json!([{"op": "receive"}])).expect(5);
    assert_eq!(waits.exit(1), &json!({"exhausted": "wall-time"}));
}

#[test]
fn memory_is_refused_and_a_guest_that_cannot_go_on_without_it_ends() {
    let script = json!([{"op": "grow", "bytes": 1 << 20}, {"op": "grow", "bytes": 64 << 20}]);
    let run = Place::new().probe(&["--budget", "memory=8MiB"], &script);
    assert_eq!(run.results(), [json!({"ok": {"grown": true}}), json!({"ok": {"grown": false}})]);
    let script = json!([{"op": "grow", "bytes": 64 << 20}, {"op": "trap"}]);
    let run = Place::new().probe(&["--budget", "memory=8MiB"], &script).expect(5);
    assert_eq!(run.exit(1), &json!({"exhausted": "memory"}));
}

/// A call costs 1,000 fuel and one for each byte that it carries.
#[test]
fn a_call_is_paid_with_fuel_by_its_size() {
    let log = |size: u64| {
        let script = json!([{"op": "log", "huge_text": size}, {"op": "whoami"}]);
        let run = Place::new().probe(&[], &script);
        let at = |verb: &str| run.calls(verb)[0].0["fuel"].as_u64().unwrap();
        at("whoami") - at("log")
    };
    let (small, large) = (log(1_000), log(8_000));
    assert!(small >= 2_000, "{small}");
    assert!(large - small >= 7_000, "{small}, {large}");
    assert_eq!(large, log(8_000), "and always the same");
}

#[test]
fn a_childs_budget_is_moved_and_what_is_left_comes_back() {
    let child = json!([{"op": "receive", "timeout_ms": 0}, {"op": "budget"}]);
    let script = json!([
        {"op": "budget"},
        {"op": "spawn", "component": "child", "input": child, "budget": {"calls": 50, "fuel": 100_000_000}, "as": "c"},
        {"op": "budget"},
        {"op": "wait", "on": "c"},
        {"op": "budget"},
    ]);
    let run = Place::new().probes(
        &team("spawn = [\"child\"]", &[("child", "")]),
        &["--budget", "calls=100"],
        &script,
    );
    let results = run.results();
    let left = |at: usize, meter: &str| results[at]["ok"][meter]["left"].as_u64().unwrap();
    assert_eq!((left(0, "calls"), left(2, "calls")), (100, 100 - 3 - 50));
    assert_eq!(left(4, "calls"), 100 - 3 - 2 - 2, "budget, spawn, pid; budget, wait; and the child's two");
    let moved = left(0, "fuel") - left(2, "fuel");
    assert!((100_000_000..101_000_000).contains(&moved), "{moved}");
    assert!(left(4, "fuel") > left(2, "fuel") + 90_000_000, "the child's rest comes back");
    let told: Value = serde_json::from_str(results[3]["ok"]["returned"].as_str().unwrap()).unwrap();
    assert_eq!(told[1]["ok"]["calls"], json!({"left": 49, "granted": 50}));
    assert_eq!(told[1]["ok"]["fuel"]["granted"], 100_000_000);
}

#[test]
fn an_exhausted_child_does_not_exhaust_its_parent() {
    let script = json!([
        {"op": "spawn", "component": "child", "input": [{"op": "spin"}], "budget": {"fuel": 10_000_000}, "as": "c"},
        {"op": "wait", "on": "c"},
        {"op": "whoami"},
    ]);
    let run = Place::new().probes(&team("spawn = [\"child\"]", &[("child", "")]), &[], &script);
    assert_eq!(run.results()[1], json!({"ok": {"exhausted": "fuel"}}));
    assert_eq!(run.exit(2), &json!({"exhausted": "fuel"}));
}

/// What a spawn costs is kept back from what it moves. Then nothing is left: the next call has no error to answer with, so
/// that the process ends.
#[test]
fn a_spawn_keeps_back_what_it_costs_itself() {
    let needs = "spawn = [\"child\"]";
    let input = json!([{"op": "return", "body": "x"}]);
    let size = input.to_string().len();
    let script = json!([{"op": "spawn", "component": "child", "input": input}]);
    let flags = ["--budget", "calls=1", "--budget", &format!("bytes-sent={}", size + 3)];
    let run = Place::new().probes(&team(needs, &[("child", "")]), &flags, &script).expect(5);
    assert_eq!(run.exit(1), &json!({"exhausted": "calls"}));
    assert_eq!(shown(run.of(1)[0]), "call spawn id body");
    assert_eq!(shown(run.of(1)[1]), "call pid exhausted");
}
