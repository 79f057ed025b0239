//! Agents that panic, trap, never end or want too much, alone: what the operator is told, and the exit code. What they do to
//! others is in `redteam`.

use serde_json::{Value, json};

use crate::support::{Place, Run, guest};

#[track_caller]
fn ends(script: Value, flags: &[&str], code: i32, words: &[&str]) -> Run {
    let run = Place::new().probe(flags, &script).expect(code);
    for word in words {
        run.ran.says(word);
    }
    assert_eq!(run.ran.stdout, "", "a run without a result answers nothing: {}", run.ran);
    assert_eq!(run.entries.last().unwrap().kind(), "end", "the log is closed: {}", run.ran);
    run
}

#[test]
fn panics_and_traps_name_themselves() {
    ends(
        json!([{"op": "panic", "message": "the sky fell"}]),
        &[],
        1,
        &["the sky fell", "r1 trapped", "unreachable"],
    );
    ends(json!([{"op": "trap"}]), &[], 1, &["r1 trapped", "unreachable"]);
    ends(json!([{"op": "recurse"}]), &[], 1, &["r1 trapped", "call stack exhausted"]);
}

#[test]
fn what_never_ends_is_ended_by_a_meter() {
    ends(json!([{"op": "spin"}]), &["--budget", "fuel=10M"], 5, &["r1 exhausted: fuel", "--budget fuel="]);
    let time = ["--budget", "fuel=90G", "--budget", "wall-time=200ms"];
    ends(json!([{"op": "spin"}]), &time, 5, &["r1 exhausted: wall-time", "--budget wall-time="]);
    let waits = ["--budget", "wall-time=50ms"];
    ends(json!([{"op": "receive"}]), &waits, 5, &["r1 exhausted: wall-time"]);
    ends(json!([{"op": "sleep", "ms": 100_000}]), &waits, 5, &["r1 exhausted: wall-time"]);
}

#[test]
fn what_wants_too_much_memory() {
    let grown = Place::new().probe(&["--budget", "memory=4MiB"], &json!([{"op": "grow", "bytes": 8 << 20}]));
    assert_eq!(grown.results(), [json!({"ok": {"grown": false}})]);
    let place = Place::new();
    let words = ["needs more than its processes are given", "--budget memory="];
    super::refused(&place, &guest("probe"), &["--budget", "memory=64KiB"], 2, &words);
}

#[test]
fn failures_are_shown_whole_and_harmless() {
    let run = ends(
        json!([{"op": "fail", "message": "no\u{1b}[2J\u{202e}\nr1 ok"}]),
        &[],
        1,
        &["r1 failed: no\\u{1b}[2J"],
    );
    assert!(!run.ran.stderr.contains(['\u{1b}', '\u{202e}']), "{}", run.ran);
    assert!(!run.ran.stderr.lines().any(|line| line == "r1 ok"), "{}", run.ran);
    let long = ends(json!([{"op": "fail", "huge_message": 1 << 20}]), &[], 1, &["r1 failed: xxx"]);
    assert!(long.ran.stderr.len() < 4_096, "a message is cut");
    let cause = json!([{"op": "publish", "topic": "secret", "must": true}]);
    ends(cause, &[], 1, &["denied r1/1 ipc.publish secret", "--allow publish=secret", "(cause denied)"]);
}

#[test]
fn outputs_that_are_too_large() {
    ends(json!([{"op": "return", "size": (16 << 20) + 1}]), &[], 1, &["16777217", "16777216"]);
    let most = Place::new().probe(&["--quiet"], &json!([{"op": "return", "size": 16 << 20}])).expect(0);
    assert_eq!(most.ran.stdout.trim_end().len(), 16 << 20);
    assert_eq!(most.ran.stderr, "");
}

#[test]
fn an_input_that_is_no_script() {
    let place = Place::new();
    let run = place.run(&guest("probe"), &[], b"\xff\x00{{{").expect(1);
    run.ran.says("r1 failed: the input is no JSON array");
}
