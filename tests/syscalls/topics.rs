//! Topics: who gets an event, and what happens to one who does not keep up.

use serde_json::{Value, json};

use super::team::team;
use crate::support::Place;

const NEEDS: &str = "publish = [\"*\"]\nsubscribe = [\"*\"]";

#[test]
fn a_pattern_takes_what_is_below_its_prefix() {
    let publish = |topic: &str| json!({"op": "publish", "topic": topic, "body": topic});
    let script = json!([
        {"op": "subscribe", "pattern": "a.b"},
        {"op": "subscribe", "pattern": "a.*", "as": "below"},
        publish("a.b"),
        publish("a.b.c"),
        publish("a"),
        publish("ab.c"),
        {"op": "close", "on": "below"},
        publish("a.b.c"),
        publish("a.b"),
        {"op": "subscribe", "pattern": "*"},
        publish("zebra"),
    ]);
    let results = Place::new().probes(&team(NEEDS, &[]), &[], &script).results();
    let counts: Vec<&Value> = [2, 3, 4, 5, 7, 8, 10].into_iter().map(|at| &results[at]["ok"]).collect();
    // One who is reached by two patterns gets an event once.
    assert_eq!(counts, [1, 1, 0, 0, 0, 1, 1]);
}

#[test]
fn every_subscriber_gets_an_event() {
    let manifest = team(
        "publish = [\"go\"]\nspawn = [\"child\"]\n[needs.delegate]\nsubscribe = [\"go\"]",
        &[("child", "needs = { subscribe = [\"go\"], send = [\"parent\"] }")],
    );
    let child = json!([
        {"op": "subscribe", "pattern": "go", "must": true},
        {"op": "send", "to": "parent", "body": "ready"},
        {"op": "receive"},
    ]);
    let script = json!([
        {"op": "spawn", "component": "child", "name": "a", "input": child, "as": "a"},
        {"op": "spawn", "component": "child", "name": "b", "input": child, "as": "b"},
        {"op": "receive"},
        {"op": "receive"},
        {"op": "publish", "topic": "go", "body": "now"},
        {"op": "wait", "on": "a"},
        {"op": "wait", "on": "b"},
    ]);
    let results = Place::new().probes(&manifest, &[], &script).results();
    assert_eq!(results[4], json!({"ok": 2}));
    for exit in &results[5..] {
        let told: Value = serde_json::from_str(exit["ok"]["returned"].as_str().unwrap()).unwrap();
        assert_eq!((&told[2]["ok"]["topic"], &told[2]["ok"]["body"]), (&json!("go"), &json!("now")));
    }
}

/// Publishing never waits: a full subscriber loses its oldest events, and no message of anybody's.
#[test]
fn a_full_subscriber_loses_its_oldest_events() {
    let script = json!([
        {"op": "subscribe", "pattern": "n"},
        {"op": "send", "to": "team", "body": "a message"},
        {"op": "repeat", "n": 1_030, "steps": [{"op": "publish", "topic": "n", "body": "x"}]},
        {"op": "repeat", "n": 2_000, "steps": [{"op": "receive", "timeout_ms": 0}]},
    ]);
    let needs = format!("{NEEDS}\nsend = [\"team\"]");
    let run = Place::new().probes(&team(&needs, &[]), &[], &script);
    let published: Vec<u64> = run.calls("publish").iter().map(|entry| entry.seq()).collect();
    let received: Vec<u64> =
        run.calls("receive").iter().filter_map(|entry| entry.out()["Ok"]["message"]["id"].as_u64()).collect();
    let message = run.first(|entry| entry.verb() == "send").seq();
    // 1,024 in all: the message, and the newest 1,023 of 1,030 events.
    assert_eq!(received[0], message);
    assert_eq!(received[1..], published[7..]);
}

#[test]
fn sixty_four_subscriptions_are_the_most() {
    let script = json!([
        {"op": "repeat", "n": 64, "steps": [{"op": "subscribe", "pattern": "n"}]},
        {"op": "subscribe", "pattern": "n"},
        {"op": "publish", "topic": "n", "body": "x"},
    ]);
    let results = Place::new().probes(&team(NEEDS, &[]), &[], &script).results();
    assert_eq!(results[1..], [json!({"err": {"too-large": 64}}), json!({"ok": 1})]);
}
