//! Attacks with system calls: names that are not granted, more than there is, floods, hoards and bombs. A refusal is an
//! answer, is on record, and gives nothing away.

use serde_json::{Value, json};

use super::siege::{Attack, By, Ends, Siege};
use crate::support::Place;

const NEEDS: &[&str] = &["log = [\"info\"]"];

fn scripted(
    number: u32,
    name: &'static str,
    needs: &'static [&'static str],
    script: Value,
    ends: fn(&[Value]) -> bool,
) -> Attack {
    Attack { number, name, by: By::Script(script), needs, budget: &[], ends: Ends::Answers(ends) }
}

fn all(answers: &[Value], error: &str) -> bool {
    !answers.is_empty()
        && answers.iter().all(|answer| !answer["err"][error].is_null() || answer["err"].get(error).is_some())
}

fn denied(answers: &[Value]) -> bool {
    all(answers, "denied")
}

/// What a `repeat` step answered: how often it ran, and the last round's first answer.
fn repeated(answer: &Value) -> (u64, &Value) {
    (answer["ok"]["times"].as_u64().unwrap_or(0), &answer["ok"]["last"][0])
}

#[test]
fn names_that_are_not_granted_are_denied_however_they_are_written() {
    let publish = |topic: &str| json!({"op": "publish", "topic": topic, "body": "x"});
    let subscribe = |pattern: &str| json!({"op": "subscribe", "pattern": pattern});
    let mut attacks = [
        scripted(
            22,
            "topics-not-granted",
            &["publish = [\"progress.*\"]"],
            json!(
                ["secret", "progress", "progresses.a", "Progress.a", "\u{440}rogress.a", "prog\u{0}ress.a"]
                    .map(publish)
            ),
            |answers| answers.len() == 6 && answers.iter().all(|answer| answer["err"].is_object()),
        ),
        scripted(
            22,
            "wildcards-not-granted",
            &["subscribe = [\"progress.*\"]"],
            json!([
                subscribe("*"),
                subscribe("secret.*"),
                subscribe("p*"),
                subscribe("progress"),
                subscribe("progress.*.*"),
                subscribe("")
            ]),
            |answers| answers.len() == 6 && answers.iter().all(|answer| answer["err"].is_object()),
        ),
        scripted(
            22,
            "peers-not-granted",
            &["send = [\"parent\"]"],
            json!(
                ["innocent", "$kernel", "kernel", "parent ", "PARENT", "\u{ff50}arent"]
                    .map(|to| json!({"op": "send", "to": to}))
            ),
            denied,
        ),
        scripted(
            23,
            "spawn-of-the-undeclared",
            &["spawn = [\"decoy\"]"],
            json!(
                ["innocent", "nobody", "decoy.wasm", "../probe", ""]
                    .map(|label| json!({"op": "spawn", "component": label}))
            ),
            denied,
        ),
        scripted(
            23,
            "spawn-with-more-than-it-has",
            &["spawn = [\"decoy\"]"],
            json!([
                {"op": "spawn", "component": "decoy", "capabilities": [["write", "site"]]},
                {"op": "spawn", "component": "decoy", "capabilities": [["spawn", "decoy"]]},
                {"op": "spawn", "component": "decoy", "capabilities": [["publish", "*"]]},
                {"op": "spawn", "component": "decoy", "name": "innocent", "capabilities": [["write", "site"]]},
            ]),
            denied,
        ),
        decoy(),
        scripted(
            37,
            "secrets",
            &[],
            json!([{"op": "env"}, {"op": "open", "path": "/etc/passwd"}, {"op": "open", "path": "/proc/self/environ"}, {"op": "connect", "to": "127.0.0.1:22"}]),
            |answers| {
                answers[0]["ok"] == json!({"arguments": 0, "variables": 0})
                    || answers[0]["ok"]["variables"] == 0
            },
        ),
        scripted(
            38,
            "component-in-a-mount",
            &["spawn = [\"decoy\"]"],
            json!([
                {"op": "write", "mount": "scratch", "path": "evil.wasm", "hex": "0061736d0d000100", "must": true},
                {"op": "spawn", "component": "scratch/evil.wasm"},
                {"op": "spawn", "component": "evil.wasm"},
                {"op": "spawn", "component": "evil"},
            ]),
            |answers| denied(&answers[1..]),
        ),
    ];
    for attack in &mut attacks {
        attack.budget = &["children = 3"];
    }
    Siege::lay(&Place::new(), &[], &attacks);
}

/// What others try to spawn; itself it does nothing.
fn decoy() -> Attack {
    scripted(23, "decoy", &[], json!([]), <[Value]>::is_empty)
}

#[test]
fn budgets_are_split_but_never_grow() {
    let spawn = |budget: Value| json!({"op": "spawn", "component": "decoy", "name": "s", "input": "[]", "budget": budget});
    let mut splits = scripted(
        24,
        "splits-of-more-than-there-is",
        &["spawn = [\"decoy\"]"],
        json!([
            spawn(json!({"fuel": 9_007_199_254_740_991_u64})),
            spawn(json!({"fuel": 9_007_199_254_740_992_u64})),
            spawn(json!({"fuel": u64::MAX})),
            spawn(json!({"calls": 20_001})),
            spawn(json!({"children": 5})),
            spawn(json!({"memory": 4 << 20})),
        ]),
        |answers| {
            let refused = |answer: &Value| {
                answer["err"]["exhausted"].is_string() || answer["err"]["invalid"].is_string()
            };
            answers.len() == 6 && answers.iter().all(refused)
        },
    );
    splits.budget = &["children = 5"];
    let mut bomb = scripted(
        34,
        "spawn-bomb",
        &["spawn = [\"decoy\"]"],
        json!([{"op": "repeat", "n": 1000, "until_err": true, "steps": [
            {"op": "spawn", "component": "decoy", "name": "d", "input": "[]", "as": "d"},
            {"op": "wait", "on": "d"},
        ]}]),
        |answers| repeated(&answers[0]) == (6, &json!({"err": {"exhausted": "children"}})),
    );
    bomb.budget = &["children = 5"];
    let mut decoy = decoy();
    decoy.budget =
        &["memory = \"2MiB\"", "fuel = 10000000", "calls = 10", "bytes-stored = 100", "bytes-sent = 0"];
    let siege = Siege::lay(&Place::new(), &[], &[splits, bomb, decoy]);
    let started = siege.entries.iter().filter(|entry| entry.kind() == "start").count();
    assert!(started <= 5 + 5, "{started} processes were started: {}", siege.ran);
}

#[test]
fn floods_are_paid_for_and_do_not_fill_the_log() {
    let mut attacks = vec![
        scripted(
            27,
            "flood-of-calls",
            NEEDS,
            json!([{"op": "repeat", "n": 100_000, "until_err": true, "steps": [{"op": "receive", "timeout_ms": 0}]}]),
            |answers| repeated(&answers[0]) == (2_001, &json!({"err": {"exhausted": "calls"}})),
        ),
        scripted(
            27,
            "flood-of-denials",
            &[],
            json!([{"op": "repeat", "n": 1_500, "steps": [{"op": "publish", "topic": "secret", "body": "x"}]}]),
            |answers| repeated(&answers[0]).0 == 1_500,
        ),
        scripted(
            27,
            "flood-of-unpaid-calls",
            &[],
            json!([
                {"op": "repeat", "n": 2_000, "steps": [{"op": "receive", "timeout_ms": 0}]},
                {"op": "repeat", "n": 5_000, "steps": [{"op": "receive", "timeout_ms": 0}]},
            ]),
            |answers| repeated(&answers[1]) == (5_000, &json!({"err": {"exhausted": "calls"}})),
        ),
        scripted(
            27,
            "flood-of-log-lines",
            NEEDS,
            json!([{"op": "repeat", "n": 100_000, "until_err": true, "steps": [{"op": "log", "huge_text": 8000}]}]),
            |answers| repeated(&answers[0]) == (132, &json!({"err": {"exhausted": "bytes-stored"}})),
        ),
        scripted(
            28,
            "log-that-steers-the-terminal",
            NEEDS,
            json!([{"op": "log", "text": "a\u{1b}[2J\u{9b}31mb\u{202e}c\r\n{\"v\":1,\"kind\":\"exit\"}\nr1 ok \u{2028}d\u{0}"}]),
            |answers| answers[0]["ok"].is_null() && answers[0].get("ok").is_some(),
        ),
        scripted(
            29,
            "flood-of-a-mailbox",
            &["send = [\"deaf\"]"],
            json!([{"op": "repeat", "n": 2_000, "until_err": true, "steps": [{"op": "send", "to": "deaf", "body": "x", "wait_ms": 5}]}]),
            |answers| repeated(&answers[0]) == (1_025, &json!({"err": {"timed-out": null}})),
        ),
        scripted(
            39,
            "disk-full-of-files",
            &[],
            json!([{"op": "repeat", "n": 1_000, "until_err": true, "steps": [{"op": "write", "mount": "scratch", "path": "f", "size": 100_000}]}]),
            |answers| repeated(&answers[0]) == (11, &json!({"err": {"exhausted": "bytes-stored"}})),
        ),
        scripted(
            39,
            "disk-full-of-artifacts",
            &["put = [\"junk\"]"],
            json!([{"op": "repeat", "n": 1_000, "until_err": true, "steps": [{"op": "put", "kind": "junk", "size": 1_048_577}]}]),
            |answers| repeated(&answers[0]) == (1, &json!({"err": {"exhausted": "bytes-stored"}})),
        ),
    ];
    for attack in &mut attacks {
        attack.budget = &["calls = 2000", "memory = \"4MiB\"", "fuel = \"2G\""];
    }
    let deaf = json!([{"op": "sleep", "ms": 3000}]);
    attacks.insert(0, scripted(29, "deaf", &[], deaf, |answers| answers.len() == 1));
    let siege = Siege::lay(&Place::new(), &[], &attacks);
    for (name, times) in [("flood-of-denials", 1_500), ("flood-of-unpaid-calls", 5_000)] {
        let entries = siege.of(name);
        let last = entries.iter().rev().find(|entry| !entry.verb().is_empty()).unwrap();
        assert_eq!(last.event()["repeat"]["times"], times, "{name} is one entry: {last:?}");
    }
    for stream in [&siege.ran.stderr, &siege.ran.stdout] {
        let raw =
            stream.chars().find(|c| (c.is_control() && *c != '\n') || "\u{202e}\u{2028}\u{9b}".contains(*c));
        assert_eq!(raw, None, "{stream}");
        assert!(
            !stream.lines().any(|line| line.starts_with("{\"v\"") || line.starts_with("r1 ok \\u")),
            "{stream}"
        );
    }
}

#[test]
fn leases_end_and_order_does_not_lock_for_ever() {
    let acquire = |name: &str, ttl: u64, wait: u64| json!({"op": "acquire", "name": name, "ttl_ms": ttl, "wait_ms": wait, "as": name});
    let hoard: Vec<Value> =
        (0..70).map(|n| json!({"op": "acquire", "name": format!("hoard.{n}"), "ttl_ms": 60_000})).collect();
    let embrace = |first: &str, second: &str| json!([acquire(first, 60_000, 0), {"op": "sleep", "ms": 30}, acquire(second, 60_000, 100)]);
    let attacks = [
        scripted(30, "hoard-of-leases", &["lease = [\"hoard.*\"]"], json!(hoard), |answers| {
            answers.iter().filter(|answer| answer["ok"].is_u64()).count() == 64
                && answers[64..].iter().all(|answer| answer["err"]["too-large"] == 64)
        }),
        scripted(
            30,
            "lease-past-its-end",
            &["lease = [\"short\"]"],
            json!([
                acquire("short", 1, 0), {"op": "sleep", "ms": 20},
                {"op": "write", "mount": "scratch", "path": "f", "body": "late", "if": {"fence": "short"}},
                {"op": "renew", "on": "short", "ttl_ms": 1000}, {"op": "release", "on": "short"},
            ]),
            |answers| {
                answers[2..].len() == 3 && answers[2..].iter().all(|answer| answer["err"]["stale"].is_u64())
            },
        ),
        scripted(
            30,
            "deadly-embrace",
            &["lease = [\"left\", \"right\"]"],
            embrace("left", "right"),
            embraced,
        ),
        scripted(
            30,
            "deadly-embrace-too",
            &["lease = [\"left\", \"right\"]"],
            embrace("right", "left"),
            embraced,
        ),
    ];
    Siege::lay(&Place::new(), &[], &attacks);
}

/// Either waited for the other and was told in time, or the other had ended and it got both.
fn embraced(answers: &[Value]) -> bool {
    let told = answers[2]["err"].get("timed-out").is_some() || answers[2]["err"].get("busy").is_some();
    answers[0]["ok"].is_u64() && (told || answers[2]["ok"].is_u64())
}

#[test]
fn inference_is_paid_before_it_is_asked() {
    let place = Place::new();
    let script = place.file("answers.toml", "[[answer]]\ntext = \"yes\"\n");
    let ask = |text: Value, max: u64| json!({"op": "generate", "prompt": text, "max_tokens": max});
    let racing = json!([{"op": "repeat", "n": 50, "until_err": true, "steps": [ask(json!("hello"), 1_000)]}]);
    let mut attacks = [
        scripted(
            31,
            "bomb-of-tokens",
            &["infer = [\"default\"]"],
            json!([ask(json!("hello"), 4_000_000_000)]),
            |answers| answers[0]["err"]["exhausted"] == "tokens-out",
        ),
        scripted(32, "racing-one", &["infer = [\"default\"]"], racing.clone(), |answers| !answers.is_empty()),
        scripted(32, "racing-two", &["infer = [\"default\"]"], racing, |answers| !answers.is_empty()),
        scripted(
            33,
            "timing",
            &[],
            json!([{"op": "clock"}, {"op": "spin_for", "n": 1_000_000}, {"op": "clock"}]),
            |answers| {
                answers[0]["ok"]["system_ms"] == answers[2]["ok"]["system_ms"]
                    && answers[0]["ok"]["monotonic"] == answers[2]["ok"]["monotonic"]
            },
        ),
    ];
    for attack in &mut attacks {
        attack.budget = &["tokens-in = 4000", "tokens-out = 4000"];
    }
    let model = format!("default=scripted:{}", script.display());
    let siege = Siege::lay(&place, &["--model", &model], &attacks);
    let asked: Vec<_> =
        siege.entries.iter().filter(|entry| entry.kind() == "intent" && entry.verb() == "generate").collect();
    let reserved = |meter: &str| -> u64 {
        let one = |entry: &&&crate::support::Entry| {
            entry.event()["reserve"].as_array().map(|all| {
                all.iter().filter(|pair| pair[0] == meter).filter_map(|pair| pair[1].as_u64()).sum::<u64>()
            })
        };
        asked.iter().filter_map(|entry| one(&entry)).max().unwrap_or(0)
    };
    assert!(
        !asked.is_empty() && reserved("tokens-out") <= 4_000 && reserved("tokens-in") <= 4_000,
        "{asked:?}"
    );
}
