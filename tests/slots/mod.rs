//! Slots of a model: who comes first under each policy, rates, and places that are given back. Each run is verified and replayed.
//! [`http`]: the same before servers.

mod http;

use serde_json::{Value, json};

use crate::support::{Place, Run};
use crate::syscalls::team::{eventually, team};

/// What the team needs, and its members: the tests' probe under four labels.
fn members() -> String {
    let needs = "spawn = [\"holder\", \"greedy\", \"modest\", \"late\"]\nsend = [\"*\"]\ninfer = [\"default\"]\n\
                 [needs.delegate]\nsend = [\"*\"]\ninfer = [\"default\"]";
    let child = "needs = { send = [\"*\"], infer = [\"default\"] }\nbudget = { memory = \"8MiB\" }";
    team(needs, &["holder", "greedy", "modest", "late"].map(|label| (label, child)))
}

/// A model with one slot. It answers "hold" after so many milliseconds, and the greedy ones with a thousand tokens.
fn script(settings: &str, hold: u64) -> String {
    format!(
        "[model]\nslots = 1\n{settings}\n\
         [[answer]]\ncontains = \"hold\"\ntext = \"held\"\nlatency-ms = {hold}\n\
         [[answer]]\ncontains = \"much\"\ntext = \"much\"\ntokens-in = 500\ntokens-out = 500\n\
         [[answer]]\ntext = \"little\"\ntokens-in = 5\ntokens-out = 5\n"
    )
}

fn ask(prompt: &str) -> Value {
    json!({"op": "generate", "prompt": prompt, "max_tokens": 600})
}

fn spawn(label: &str, name: &str, input: &Value) -> Value {
    json!({"op": "spawn", "component": label, "name": name, "input": input, "as": name})
}

/// Two greedy ones have been served before. While a third process has the slot, they ask again, one after the other, and
/// last of all a modest one asks for the first time.
fn contest(patience: u64) -> Value {
    let greedy = json!([ask("much"), {"op": "send", "to": "parent", "body": "served"}, {"op": "receive"}, ask("much")]);
    let pause = json!({"op": "receive", "timeout_ms": patience});
    let go = |name: &str| json!({"op": "send", "to": name, "body": "go"});
    let wait = |name: &str| json!({"op": "wait", "on": name});
    json!([
        spawn("greedy", "one", &greedy), {"op": "receive"},
        spawn("greedy", "two", &greedy), {"op": "receive"},
        spawn("holder", "holder", &json!([ask("hold")])), pause,
        go("one"), pause,
        go("two"), pause,
        spawn("modest", "modest", &json!([ask("little")])),
        wait("holder"), wait("one"), wait("two"), wait("modest"),
    ])
}

/// The last question of each member, where it began and where it was answered: holder, one, two, modest.
fn last_questions(run: &Run) -> [(u64, u64); 4] {
    // By birth: one, two, holder, modest.
    [4, 2, 3, 5].map(|pid| {
        let of = |kind: &str| run.entries.iter().rev().find(|e| e.pid() == pid && e.kind() == kind);
        let outcome = |of: u64| {
            run.first(|entry| entry.kind() == "outcome" && entry.event()["of"].as_u64() == Some(of)).seq()
        };
        let intent = of("intent").unwrap_or_else(|| panic!("process {pid} asked nothing: {}", run.ran)).seq();
        (intent, outcome(intent))
    })
}

/// The order in which those who waited were answered.
fn order(policy: &str, weights: &[&str]) -> Vec<&'static str> {
    eventually(|patience| {
        let place = Place::new();
        place.file("script.toml", script(&format!("policy = \"{policy}\""), 8 * patience));
        let flags = [&["--model", "default=scripted:script.toml"], weights].concat();
        let run = place.probes(&members(), &flags, &contest(patience)).expect(0);
        let [holder, one, two, modest] = last_questions(&run);
        // All three must have asked, in this order, while the slot was taken.
        let staged = holder.0 < one.0 && one.0 < two.0 && two.0 < modest.0 && modest.0 < holder.1;
        let mut answered = [(one.1, "one"), (two.1, "two"), (modest.1, "modest")];
        answered.sort_unstable();
        staged.then(|| answered.map(|(_, name)| name).to_vec())
    })
}

#[test]
fn fifo_serves_whoever_asked_first() {
    assert_eq!(order("fifo", &["--weight", "modest=1000"]), ["one", "two", "modest"]);
}

#[test]
fn priority_serves_the_largest_weight_first() {
    assert_eq!(order("priority", &["--weight", "modest=101"]), ["modest", "one", "two"]);
    assert_eq!(order("priority", &["--weight", "greedy=101"]), ["one", "two", "modest"]);
}

#[test]
fn fair_serves_whoever_was_served_least() {
    assert_eq!(order("fair", &[]), ["modest", "one", "two"]);
}

/// A weight is on record: it is a part of the grant, and of nothing else.
#[test]
fn a_weight_for_nobody_is_refused() {
    let place = Place::new();
    let folder = place.team(&members());
    let run = |weight: &str| place.aos(&["run", folder.to_str().unwrap(), "--weight", weight]);
    run("nobody=5").expect(2).says("there is no such member").says("greedy");
    run("greedy=0").expect(2).says("from 1 to 1000");
    place.file("script.toml", "[model]\nslots = 0\n[[answer]]\ntext = \"\"\n");
    let wrong = ["run", folder.to_str().unwrap(), "--model", "default=scripted:script.toml"];
    place.aos(&wrong).expect(2).says("script.toml:1:1: `slots` is 1 to 4096");
}

/// What was waited is in the entry that settles: of a whole answer and of a stream.
#[test]
fn a_rate_makes_wait_and_the_wait_is_on_record() {
    let place = Place::new();
    let settings = "tokens-per-minute = 60000\n";
    let answers = "[[answer]]\ntext = \"x\"\ntokens-in = 59999\ntokens-out = 1\n";
    place.file("script.toml", format!("[model]\n{settings}{answers}"));
    let next = json!({"op": "next", "on": "g"});
    let asked = json!({"op": "generate", "prompt": "a", "max_tokens": 50});
    let stream = json!({"op": "stream", "prompt": "b", "max_tokens": 600, "as": "g"});
    let flags = ["--model", "default=scripted:script.toml", "--budget", "tokens-in=1M"];
    let run = place.probe(&flags, &json!([asked, stream, next, next]));
    let spent: Vec<&Value> = run
        .entries
        .iter()
        .filter_map(|entry| {
            let out = &entry.out()["Ok"];
            out.get("completion").or_else(|| out["chunk"].get("spent"))
        })
        .collect();
    assert_eq!(spent.len(), 2, "{spent:?}");
    assert_eq!(spent[0].get("waited"), None, "the first has a minute's worth");
    // The second needs some seven hundred tokens, at one for each millisecond since the first was settled.
    assert!(spent[1]["waited"].as_u64().is_some_and(|ms| ms >= 100), "{spent:?}");
}

/// A process that is killed gives back its place in the line, or its slot: the next one is served at once, not in ten minutes.
#[test]
fn a_killed_process_gives_back_its_place_and_its_slot() {
    for policy in ["fifo", "fair"] {
        let place = Place::new();
        place.file("script.toml", script(&format!("policy = \"{policy}\""), 600_000));
        let pause = json!({"op": "receive", "timeout_ms": 50});
        let kill = |name: &str| json!({"op": "signal", "on": name, "signal": "kill"});
        let wait = |name: &str| json!({"op": "wait", "on": name});
        let script = json!([
            spawn("holder", "holder", &json!([ask("hold")])),
            pause,
            spawn("greedy", "waits", &json!([ask("hold")])),
            pause,
            spawn("modest", "streams", &json!([{"op": "stream", "prompt": "little", "max_tokens": 9}])),
            pause,
            kill("waits"),
            wait("waits"),
            kill("holder"),
            wait("holder"),
            wait("streams"),
            spawn("late", "last", &json!([ask("little")])),
            wait("last"),
        ]);
        let run = place.probes(&members(), &["--model", "default=scripted:script.toml"], &script);
        assert_eq!(run.exit(2), "killed");
        assert_eq!(run.exit(3), "killed");
        // It left its answer unread, which gave back its slot too.
        assert_eq!(run.exit(4), "returned");
        let last = run.results().last().cloned().unwrap_or_default();
        assert!(last["ok"]["returned"].as_str().is_some_and(|told| told.contains("little")), "{last}");
    }
}
