//! Leases: they expire, they are waited for in line, and their tokens fence off those who lost them.

use serde_json::{Value, json};

use super::case::fits;
use super::team::{eventually, team};
use crate::support::{Entry, Place};

const HOLDS: &str = "needs = { lease = [\"db\"], send = [\"parent\"] }";

#[test]
fn a_lease_expires_and_its_old_token_fences_nothing() {
    let place = Place::new();
    place.folder("site");
    let write = |fence: &str, body: &str| json!({"op": "write", "mount": "site", "path": "a", "body": body, "if": {"fence": fence}});
    let script = json!([
        {"op": "acquire", "name": "db", "ttl_ms": 1, "as": "old"},
        {"op": "sleep", "ms": 20},
        write("old", "too late"),
        {"op": "renew", "on": "old", "ttl_ms": 1_000},
        {"op": "acquire", "name": "db", "ttl_ms": 60_000, "as": "new"},
        write("old", "too late"),
        {"op": "renew", "on": "old", "ttl_ms": 1_000},
        {"op": "release", "on": "old"},
        write("new", "in time"),
        {"op": "renew", "on": "new", "ttl_ms": 60_000},
        write("new", "in time"),
        {"op": "remove", "mount": "site", "path": "a", "if": {"fence": "old"}},
        {"op": "write", "mount": "scratch", "path": "a", "body": "x", "if": {"fence": "old"}},
        {"op": "write", "mount": "scratch", "path": "a", "body": "x", "if": {"fence": "new"}},
    ]);
    let manifest = team("lease = [\"db\"]\nwrite = [\"site\"]", &[]);
    let run = place.probes(&manifest, &["--mount", "site=site:rw"], &script);
    let results = run.results();
    let (old, new) = (results[0]["ok"].as_u64().unwrap(), results[4]["ok"].as_u64().unwrap());
    assert!(old < new, "tokens grow: {old}, then {new}");
    for at in [2, 3] {
        assert!(fits(&results[at], &json!({"err": {"stale": "*"}})), "expired: {}", results[at]);
    }
    for at in [5, 6, 7, 11, 12] {
        assert_eq!(results[at], json!({"err": {"stale": new}}), "step {at} with the old token");
    }
    for at in [8, 9, 10, 13] {
        assert!(results[at].get("ok").is_some(), "step {at} with the new token: {}", results[at]);
    }
    assert_eq!(place.text("site/a"), "in time");
    let expiry = run.first(|entry| entry.kind() == "expire");
    assert_eq!(expiry.event(), &json!({"lease": "db", "token": old}));
    assert_eq!(expiry.pid(), 0, "it is the kernel's entry");
}

#[test]
fn a_held_lease_is_busy_or_waited_for() {
    let needs = "lease = [\"db\"]\nspawn = [\"child\"]\n[needs.delegate]\nlease = [\"db\"]";
    let acquire = |wait: u64| json!({"op": "acquire", "name": "db", "ttl_ms": 1_000, "wait_ms": wait});
    let script = json!([
        {"op": "acquire", "name": "db", "ttl_ms": 60_000},
        {"op": "spawn", "component": "child", "input": [acquire(0), acquire(1)], "as": "c"},
        {"op": "wait", "on": "c"},
    ]);
    let results = Place::new().probes(&team(needs, &[("child", HOLDS)]), &[], &script).results();
    assert_eq!(results[2]["ok"]["returned"], "[{\"err\":{\"busy\":null}},{\"err\":{\"timed-out\":null}}]");
}

#[test]
fn those_who_wait_are_served_in_order() {
    let needs = "lease = [\"db\"]\nspawn = [\"child\"]\n[needs.delegate]\nlease = [\"db\"]";
    let child = json!([{"op": "acquire", "name": "db", "ttl_ms": 60_000, "as": "l", "must": true}, {"op": "release", "on": "l"}]);
    let spawn =
        |name: &str| json!({"op": "spawn", "component": "child", "name": name, "input": child, "as": name});
    eventually(|ms| {
        let script = json!([
            {"op": "acquire", "name": "db", "ttl_ms": 60_000, "as": "mine"},
            spawn("a"), spawn("b"), spawn("c"),
            {"op": "wait", "on": "c", "timeout_ms": ms},
            {"op": "release", "on": "mine"},
            {"op": "wait", "on": "a"}, {"op": "wait", "on": "b"}, {"op": "wait", "on": "c"},
        ]);
        let run = Place::new().probes(&team(needs, &[("child", HOLDS)]), &[], &script);
        let results = run.results();
        for (at, exit) in results.iter().enumerate().skip(6) {
            assert!(exit["ok"]["returned"].is_string(), "step {at}: {exit}");
        }
        let pids = |kind: &str, what: fn(&Entry) -> bool| -> Vec<u64> {
            run.entries
                .iter()
                .filter(|e| e.pid() > 1 && e.kind() == kind && what(e))
                .map(|e| e.pid())
                .collect()
        };
        let waiting = pids("wait", |entry| entry.verb() == "acquire");
        let served = run.entries.iter().filter(|e| e.kind() == "outcome" && e.pid() > 1);
        let served: Vec<(u64, u64)> =
            served.map(|e| (e.pid(), e.out()["Ok"]["id"].as_u64().unwrap())).collect();
        if waiting.len() < 3 {
            return None;
        }
        assert_eq!(
            served.iter().map(|(pid, _)| *pid).collect::<Vec<_>>(),
            waiting,
            "first come, first served"
        );
        assert!(served.is_sorted_by_key(|(_, token)| *token), "tokens grow: {served:?}");
        Some(())
    });
}

/// Whoever ends without giving a lease back loses it.
#[test]
fn an_end_frees_leases() {
    let needs = "lease = [\"db\"]\nspawn = [\"child\"]\n[needs.delegate]\nlease = [\"db\"]";
    let child = json!([{"op": "acquire", "name": "db", "ttl_ms": 60_000, "must": true}, {"op": "trap"}]);
    let script = json!([
        {"op": "spawn", "component": "child", "input": child, "as": "c"},
        {"op": "wait", "on": "c"},
        {"op": "acquire", "name": "db", "ttl_ms": 60_000, "wait_ms": 0},
    ]);
    let results = Place::new().probes(&team(needs, &[("child", HOLDS)]), &[], &script).results();
    assert!(results[1]["ok"]["trapped"].is_string(), "{}", results[1]);
    assert!(results[2]["ok"].is_u64(), "the lease is free again: {}", results[2]);
}

#[test]
fn sixty_four_leases_are_the_most() {
    let mut script: Vec<Value> = (0..64)
        .map(|n| json!({"op": "acquire", "name": format!("l{n}"), "ttl_ms": 60_000, "must": true}))
        .collect();
    script.push(json!({"op": "acquire", "name": "l64", "ttl_ms": 60_000}));
    let results = Place::new().probes(&team("lease = [\"*\"]", &[]), &[], &Value::Array(script)).results();
    assert_eq!(results[64], json!({"err": {"too-large": 64}}));
}
