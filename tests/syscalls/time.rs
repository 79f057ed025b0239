//! What a guest sees of time, chance and the world through WASI: the log's, not the machine's. Every run here is replayed
//! by the harness, on another day's clock as it were, and must do the same.

use serde_json::{Value, json};

use crate::support::{Place, guest};

#[test]
fn sleeping_moves_both_clocks_by_as_much() {
    let script = json!([{"op": "clock"}, {"op": "sleep", "ms": 30}, {"op": "clock"}, {"op": "clock"}]);
    let run = Place::new().probe(&[], &script);
    let results = run.results();
    let read = |at: usize, key: &str| results[at]["ok"][key].as_u64().unwrap();
    assert!(read(2, "system_ms") >= read(0, "system_ms") + 30, "{results:?}");
    assert!(read(2, "monotonic_ns") >= 30_000_000, "{results:?}");
    assert_eq!(results[2], results[3], "time stands still between calls");
    assert_eq!(
        read(0, "system_ms"),
        run.entries[1].0["t"].as_u64().unwrap(),
        "it is the time of the last entry"
    );
    let slept: Vec<&str> = run.of(1).iter().map(|entry| entry.kind()).collect();
    assert_eq!(slept, ["wait", "outcome"]);
}

#[test]
fn chance_is_another_one_in_each_process() {
    let place = Place::new();
    let draw = |place: &Place| place.probe(&[], &json!([{"op": "random"}])).results()[0]["ok"].clone();
    let (first, second) = (draw(&place), draw(&place));
    assert_ne!(first, second);
    assert_ne!(first[0], first[1]);
}

#[test]
fn there_is_no_environment_no_file_and_no_network() {
    let script = json!([
        {"op": "env"},
        {"op": "open", "path": "/etc/passwd"},
        {"op": "connect", "to": "127.0.0.1:80"},
        {"op": "connect", "to": "localhost:80"},
    ]);
    let run = Place::new().probe(&[], &script);
    let results = run.results();
    assert_eq!(results[0]["ok"], json!({"arguments": 0, "variables": 0}));
    for refused in &results[1..] {
        assert!(refused["ok"]["refused"].is_string(), "{refused}");
    }
    assert_eq!(run.of(1).len(), 0, "what does not exist leaves no entry");
}

#[test]
fn what_an_agent_prints_is_a_log_line() {
    let script = json!([{"op": "print", "text": "to out"}, {"op": "eprint", "text": "to err"}]);
    let run = Place::new().probe(&[], &script);
    let levels: Vec<&Value> = run.calls("log").iter().map(|entry| &entry.arguments()["level"]).collect();
    assert_eq!(levels, ["stdout", "stderr"]);
    run.ran.says("to out").says("to err");
    assert!(!run.ran.stdout.contains("to out"), "an agent's result is what it returns: {}", run.ran);
}

/// A program that knows nothing of `aos:host` runs too; its standard output is the result.
#[test]
fn a_plain_command_runs() {
    let run = Place::new().run(&guest("command"), &[], "").expect(0);
    let lines: Vec<&str> = run.ran.stdout.lines().collect();
    assert_eq!(lines[0], "arguments 0");
    assert_eq!(lines[1], "variables 0");
    let number = |line: &str, before: &str, after: &str| -> u64 {
        let inner = line.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        inner.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{line:?} in {}", run.ran))
    };
    assert!(number(lines[2], "slept ", " ms") >= 20);
    assert!(number(lines[3], "clock moved ", " ms") >= 20);
    assert_eq!(lines.last(), Some(&"done"));
    run.ran.says("to standard error");
}
