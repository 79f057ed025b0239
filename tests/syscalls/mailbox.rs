//! Mailboxes: limits, order, and who is told what when a peer has ended.

use serde_json::{Value, json};

use super::case::{fits, shown};
use super::team::{eventually, team};
use crate::support::Place;

/// Fills the root's mailbox with messages from itself.
fn fill() -> Value {
    json!({"op": "repeat", "n": 1_024, "steps": [{"op": "send", "to": "team", "body": "x"}]})
}

#[test]
fn a_full_mailbox_is_a_time_out() {
    let send = |wait: u64| json!({"op": "send", "to": "team", "body": "x", "wait_ms": wait});
    let run = Place::new().probes(&team("send = [\"team\"]", &[]), &[], &json!([fill(), send(0), send(1)]));
    let timed_out = json!({"err": {"timed-out": null}});
    assert_eq!(run.results()[1..], [timed_out.clone(), timed_out]);
    let last: Vec<String> = run.of(1).into_iter().skip(1_024).map(shown).collect();
    assert_eq!(last, ["call send timed-out size", "wait send body", "outcome timed-out"]);
}

#[test]
fn a_mailbox_holds_eight_mebibytes() {
    let mega = json!({"op": "send", "to": "team", "size": 1 << 20, "wait_ms": 0});
    let small = json!({"op": "send", "to": "team", "body": "x", "wait_ms": 0});
    let script = json!([{"op": "repeat", "n": 8, "steps": [mega]}, small, {"op": "receive"}, small, mega]);
    let results = Place::new().probes(&team("send = [\"team\"]", &[]), &[], &script).results();
    let timed_out = json!({"err": {"timed-out": null}});
    assert_eq!(results[1], timed_out);
    assert!(results[3]["ok"].is_u64(), "there should be room again: {}", results[3]);
    assert_eq!(results[4], timed_out);
}

/// A sender that waits goes on when room comes, after those that waited before it.
#[test]
fn a_waiting_sender_gets_its_turn() {
    let manifest =
        team("send = [\"team\"]\nspawn = [\"sender\"]", &[("sender", "needs = { send = [\"parent\"] }")]);
    eventually(|ms| {
        let send = json!([{"op": "send", "to": "parent", "body": "at last"}]);
        let script = json!([
            fill(),
            {"op": "spawn", "component": "sender", "name": "first", "input": send, "as": "a"},
            {"op": "spawn", "component": "sender", "name": "second", "input": send, "as": "b"},
            {"op": "wait", "on": "b", "timeout_ms": ms},
            {"op": "repeat", "n": 1_024, "steps": [{"op": "receive"}]},
            {"op": "receive"},
            {"op": "receive"},
            {"op": "wait", "on": "a"},
            {"op": "wait", "on": "b"},
        ]);
        let run = Place::new().probes(&manifest, &["--budget", "children=4"], &script);
        let waited: Vec<u64> =
            run.calls("send").iter().filter(|e| e.kind() == "wait").map(|e| e.pid()).collect();
        if waited.len() < 2 {
            return None;
        }
        let sent = |e: &&crate::support::Entry| {
            e.kind() == "outcome" && waited.contains(&e.pid()) && e.out()["Ok"]["id"].is_u64()
        };
        let went_on: Vec<u64> = run.entries.iter().filter(sent).map(|e| e.pid()).collect();
        assert_eq!(went_on, waited, "first come, first served");
        let sender = json!({"ok": {"body": "at last"}});
        let texts: Vec<Value> = run.results()[5..7].to_vec();
        let came = run.calls("receive").iter().filter(|e| e.out()["Ok"]["message"]["size"] == 7).count();
        assert!(
            came == 2 || texts.iter().all(|text| fits(text, &sender)),
            "both messages should come: {texts:?}"
        );
        Some(())
    });
}

#[test]
fn high_comes_before_normal_before_low_and_each_in_order() {
    let send =
        |body: &str, priority: &str| json!({"op": "send", "to": "team", "body": body, "priority": priority});
    let mut script = vec![
        send("l1", "low"),
        send("n1", "normal"),
        send("h1", "high"),
        send("n2", "normal"),
        send("h2", "high"),
        send("l2", "low"),
    ];
    script.extend((0..6).map(|_| json!({"op": "receive", "timeout_ms": 0})));
    let results = Place::new().probes(&team("send = [\"team\"]", &[]), &[], &Value::Array(script)).results();
    let ids: Vec<u64> = results[..6].iter().map(|sent| sent["ok"].as_u64().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "every id is larger than those before it: {ids:?}");
    let bodies: Vec<&str> = results[6..].iter().map(|got| got["ok"]["body"].as_str().unwrap()).collect();
    assert_eq!(bodies, ["h1", "h2", "n1", "n2", "l1", "l2"]);
}

#[test]
fn an_ended_peer_is_closed_and_its_name_is_free() {
    let manifest = team("send = [\"*\"]\nspawn = [\"child\"]", &[("child", "")]);
    let script = json!([
        {"op": "spawn", "component": "child", "input": [], "as": "c"},
        {"op": "wait", "on": "c"},
        {"op": "send", "to": "child", "body": "x"},
        {"op": "receive", "timeout_ms": 0},
        {"op": "spawn", "component": "child", "input": [{"op": "receive"}]},
        {"op": "send", "to": "child", "body": "x"},
    ]);
    let results = Place::new().probes(&manifest, &[], &script).results();
    assert_eq!(results[2], json!({"err": {"closed": null}}));
    let notice = json!({"ok": {
        "sender": 0, "sender_name": "kernel", "topic": "$exit", "body": "{\"exit\":\"returned\",\"name\":\"child\",\"pid\":2}",
    }});
    assert!(fits(&results[3], &notice), "the parent is told of the end: {}", results[3]);
    assert_eq!(results[4], json!({"ok": 3}));
    assert!(results[5]["ok"].is_u64(), "the name is the new child's: {}", results[5]);
}

/// `$stop` arrives as a message, and every other wait of a stopped process answers `interrupted`.
#[test]
fn a_stop_request_ends_waits() {
    let needs = "lease = [\"db\"]\nspawn = [\"child\"]\n[needs.delegate]\nlease = [\"db\"]";
    let manifest = team(needs, &[("child", "needs = { lease = [\"db\"], send = [\"parent\"] }")]);
    let child = json!([
        {"op": "receive"},
        {"op": "acquire", "name": "db", "ttl_ms": 1_000},
        {"op": "receive", "timeout_ms": 0},
    ]);
    let script = json!([
        {"op": "acquire", "name": "db", "ttl_ms": 60_000},
        {"op": "spawn", "component": "child", "input": child, "as": "c"},
        {"op": "signal", "on": "c", "signal": "stop"},
        {"op": "signal", "on": "c", "signal": "stop"},
        {"op": "wait", "on": "c"},
    ]);
    let results = Place::new().probes(&manifest, &[], &script).results();
    let told: Value = serde_json::from_str(results[4]["ok"]["returned"].as_str().unwrap()).unwrap();
    let expected = json!([
        {"ok": {"sender": 0, "topic": "$stop", "priority": "high", "body": "{}"}},
        {"err": {"interrupted": null}},
        {"ok": null},
    ]);
    assert!(fits(&told, &expected), "{told}");
}
