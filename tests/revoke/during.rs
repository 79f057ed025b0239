//! A right that is taken back while a call that stands on it waits: the call is answered `denied`, and nothing of what it waited
//! for is handed over.

use serde_json::{Value, json};

use super::{answers, denied, write};
use crate::support::{Place, Started};
use crate::syscalls::team::team;
use crate::terminal::owner::{Owner, whole};

const SLOW: &str = "[[answer]]\ntext = \"a secret\"\nlatency-ms = 1500\ntokens-in = 7\ntokens-out = 3\n";

/// Starts a probe with a script and these flags, waits until it waits, and takes a right from it.
fn taken(flags: &[&str], script: &Value, right: &str) -> (Owner, Started) {
    let owner = Owner::up();
    owner.place.folder("site");
    owner.place.file("slow.toml", SLOW);
    let run = owner.probe(flags, script);
    owner.waiting(1);
    owner.place.aos(&["revoke", "r1", right]).expect(0);
    (owner, run)
}

fn down(owner: Owner) -> Place {
    let (place, _) = owner.down();
    whole(&place, "r1");
    place
}

const MODEL: [&str; 2] = ["--model", "default=scripted:slow.toml"];

#[test]
fn what_a_model_said_is_not_handed_over_and_is_paid_for() {
    let ask = json!({"op": "generate", "prompt": "x", "max_tokens": 50});
    let (owner, run) = taken(&MODEL, &json!([ask, ask, {"op": "budget"}]), "infer=default");
    let ran = run.wait().expect(0);
    let steps = answers(&ran.stdout);
    assert!(denied(&steps[0]) && denied(&steps[1]), "{ran}");
    assert!(!ran.stdout.contains("a secret"), "{ran}");
    let of = &steps[2]["ok"]["tokens-out"];
    let spent = of["granted"].as_u64().unwrap() - of["left"].as_u64().unwrap();
    assert_eq!(spent, 50, "what was reserved is spent: nobody is told what was used");
    let place = down(owner);
    assert_eq!(place.entries(Some("r1")).iter().filter(|entry| entry.kind() == "intent").count(), 1);
}

/// A generation that is open: no more of it is handed over, whether it waits for the next part or not.
#[test]
fn a_stream_ends_where_it_is() {
    let next = json!({"op": "next", "on": "s"});
    let script = json!([
        {"op": "stream", "prompt": "x", "max_tokens": 50, "as": "s"},
        next, {"op": "receive"}, next, next, {"op": "cancel", "on": "s"},
    ]);
    let chunks = "[[answer]]\nchunks = [\"first\", \"a secret\"]\n";
    let owner = Owner::up();
    owner.place.file("slow.toml", chunks);
    let run = owner.probe(&MODEL, &script);
    owner.waiting(1);
    owner.place.aos(&["revoke", "r1", "infer=*"]).expect(0);
    owner.place.aos(&["stop", "r1"]).expect(0);
    let ran = run.wait().expect(0);
    let steps = answers(&ran.stdout);
    assert!(steps[1].to_string().contains("first") && denied(&steps[3]) && denied(&steps[4]), "{ran}");
    assert!(!ran.stdout.contains("a secret"), "{ran}");
    down(owner);
}

#[test]
fn a_stream_that_has_not_begun_does_not_begin() {
    let script = json!([{"op": "stream", "prompt": "x", "max_tokens": 50, "as": "s"}]);
    let (owner, run) = taken(&MODEL, &script, "infer=*");
    assert!(denied(&answers(&run.wait().expect(0).stdout)[0]));
    down(owner);
}

#[test]
fn a_call_that_waits_for_the_operator_is_asked_no_more() {
    let flags = ["--mount", "site=site:rw", "--ask", "write=site"];
    let (owner, run) = taken(&flags, &json!([write("a"), {"op": "log", "text": "on"}]), "write=site");
    let steps = answers(&run.wait().expect(0).stdout);
    assert!(denied(&steps[0]) && steps[1].get("ok").is_some(), "{steps:?}");
    assert!(owner.shown("question").is_empty());
    assert!(!down(owner).path("site/a").exists());
}

/// Two agents want one lease. The one that waits for it loses the right; then the one that has it does.
#[test]
fn a_line_for_a_lease_is_left_and_a_lease_is_given_back() {
    let owner = Owner::up();
    let needs = "spawn = [\"a\", \"b\", \"c\"]\n[needs.delegate]\nlease = [\"l\"]";
    let child = |label: &str| format!("[children.{label}.needs]\nlease = [\"l\"]");
    let folder =
        owner.place.team(&team(needs, &[("a", &child("a")), ("b", &child("b")), ("c", &child("c"))]));
    let acquire = json!({"op": "acquire", "name": "l", "ttl_ms": 600_000, "wait_ms": 600_000, "as": "l"});
    let script = json!([
        {"op": "spawn", "component": "a", "as": "a", "input": [acquire, {"op": "receive"}, {"op": "renew", "on": "l", "ttl_ms": 1000}]},
        {"op": "sleep", "ms": 100},
        {"op": "spawn", "component": "b", "as": "b", "input": [acquire]},
        {"op": "spawn", "component": "c", "as": "c", "input": [acquire]},
        {"op": "wait", "on": "b"}, {"op": "wait", "on": "c"}, {"op": "signal", "on": "a", "signal": "stop"}, {"op": "wait", "on": "a"},
    ]);
    let words = ["run", folder.to_str().unwrap(), "--input", "-"];
    let run = owner.place.start(&words, script.to_string().as_bytes());
    owner.waiting(4);
    owner.place.aos(&["revoke", "r1/3", "lease=l"]).expect(0);
    owner.place.aos(&["revoke", "r1/2", "lease=l"]).expect(0);
    let steps = answers(&run.wait().expect(0).stdout);
    let output = |step: &Value| answers(step["ok"]["returned"].as_str().unwrap_or_else(|| panic!("{step}")));
    assert!(denied(&output(&steps[4])[0]), "{steps:?}");
    assert!(output(&steps[5])[0].get("ok").is_some(), "the third had it at once: {steps:?}");
    assert!(output(&steps[7])[2]["err"].get("stale").is_some(), "the first has lost it: {steps:?}");
    down(owner);
}

/// A sender that waits for room leaves the line.
#[test]
fn a_line_for_a_mailbox_is_left() {
    let owner = Owner::up();
    let needs = "spawn = [\"deaf\"]\nsend = [\"deaf\"]";
    let folder = owner.place.team(&team(needs, &[("deaf", "")]));
    let send = json!({"op": "send", "to": "deaf", "body": "x", "wait_ms": 600_000});
    let script = json!([
        {"op": "spawn", "component": "deaf", "as": "deaf", "input": [{"op": "sleep", "ms": 600_000}]},
        {"op": "repeat", "n": 1_024, "steps": [send]}, send, send,
        {"op": "signal", "on": "deaf", "signal": "kill"}, {"op": "wait", "on": "deaf"},
    ]);
    let words = ["run", folder.to_str().unwrap(), "--input", "-"];
    let run = owner.place.start(&words, script.to_string().as_bytes());
    owner.waiting(2);
    owner.place.aos(&["revoke", "r1/1", "send=deaf"]).expect(0);
    let steps = answers(&run.wait().expect(0).stdout);
    assert!(denied(&steps[2]) && denied(&steps[3]), "{steps:?}");
    down(owner);
}

/// Events that come after a subscription's right is gone are not received.
#[test]
fn a_subscription_is_closed() {
    let owner = Owner::up();
    let needs = "spawn = [\"ear\"]\npublish = [\"news\"]\n[needs.delegate]\nsubscribe = [\"news\"]";
    let folder = owner.place.team(&team(needs, &[("ear", "[children.ear.needs]\nsubscribe = [\"news\"]")]));
    let ear = json!([{"op": "subscribe", "pattern": "news", "as": "s"}, {"op": "receive"}, {"op": "receive", "timeout_ms": 1}]);
    let script = json!([
        {"op": "spawn", "component": "ear", "as": "ear", "input": ear}, {"op": "receive"},
        {"op": "publish", "topic": "news", "body": "a secret"},
        {"op": "signal", "on": "ear", "signal": "stop"}, {"op": "wait", "on": "ear"},
    ]);
    let words = ["run", folder.to_str().unwrap(), "--input", "-"];
    let run = owner.place.start(&words, script.to_string().as_bytes());
    owner.waiting(2);
    owner.place.aos(&["revoke", "r1/2", "subscribe=news"]).expect(0);
    owner.place.aos(&["stop", "r1"]).expect(0);
    let ran = run.wait().expect(0);
    assert_eq!(answers(&ran.stdout)[2]["ok"], 0, "nobody hears it: {ran}");
    assert!(!ran.stdout.contains("a secret"), "{ran}");
    down(owner);
}
