//! Models: whole and streamed answers, failures, and what is reserved and settled.

use serde_json::{Value, json};

use super::case::fits;
use crate::support::{Place, Run, guest};

/// Runs the probe with a scripted model, `default`, at a price.
fn ask(answers: &str, flags: &[&str], script: &Value) -> Run {
    let place = Place::new();
    place.file("script.toml", format!("[model]\nprice-in = 1000000\nprice-out = 2000000\n{answers}"));
    place.probe(&[&["--model", "default=scripted:script.toml"], flags].concat(), script)
}

#[test]
fn a_stream_comes_in_chunks_and_ends_once() {
    let next = json!({"op": "next", "on": "g"});
    let script = json!([{"op": "stream", "prompt": "go", "as": "g"}, next, next, next, next]);
    let run = ask("[[answer]]\nchunks = [\"a\", \"bé\"]\ntokens-in = 4\ntokens-out = 6\n", &[], &script);
    let end = json!({"ok": {"end": {"finish": "stop", "usage": {"tokens_in": 4, "tokens_out": 6, "micro_usd": 16}}}});
    let expected = json!([{"ok": null}, {"ok": {"text": "a"}}, {"ok": {"text": "bé"}}, end, {"ok": null}]);
    assert_eq!(Value::Array(run.results()), expected);
}

#[test]
fn what_was_reserved_is_settled_with_what_was_used() {
    let budget = json!({"op": "budget"});
    let script = json!([
        budget,
        {"op": "generate", "prompt": "go", "max_tokens": 50},
        budget,
        {"op": "generate", "prompt": "go", "max_tokens": 100},
        {"op": "generate", "prompt": "silent", "max_tokens": 50},
        budget,
        {"op": "generate", "prompt": "go", "max_tokens": 50},
    ]);
    let answers = "[[answer]]\ncontains = \"silent\"\ntext = \"x\"\nno-usage = true\n
[[answer]]\ntext = \"x\"\ntokens-in = 3\ntokens-out = 7\n";
    let run = ask(answers, &["--budget", "tokens-out=100"], &script);
    let results = run.results();
    let left = |at: usize, meter: &str| results[at]["ok"][meter]["left"].as_u64().unwrap();
    assert_eq!(left(0, "tokens-out"), 100);
    assert_eq!((left(0, "tokens-in") - left(2, "tokens-in"), left(2, "tokens-out")), (3, 93));
    assert_eq!(results[3], json!({"err": {"exhausted": "tokens-out"}}), "the worst case must be paid for");
    assert_eq!(left(5, "tokens-out"), 43, "without a report the reservation stands");
    assert_eq!(results[6], json!({"err": {"exhausted": "tokens-out"}}));
    let reserved = run.first(|entry| entry.kind() == "intent").event()["reserve"].clone();
    assert!(fits(&reserved[1], &json!(["tokens-out", 50])), "{reserved}");
}

#[test]
fn money_is_reserved_at_the_model_s_price() {
    let script = json!([
        {"op": "generate", "prompt": "go", "max_tokens": 100},
        {"op": "budget"},
        {"op": "generate", "prompt": "go", "max_tokens": 100},
    ]);
    let answers = "[[answer]]\ntext = \"x\"\ntokens-in = 100\ntokens-out = 100\n";
    // 100 tokens in and 100 out cost 300 micro-USD; the prompt's bound makes the worst case a little dearer.
    let results = ask(answers, &["--budget", "micro-usd=500"], &script).results();
    assert_eq!(results[0]["ok"]["usage"]["micro_usd"], 300);
    assert_eq!(results[1]["ok"]["micro-usd"], json!({"left": 200, "granted": 500}));
    assert_eq!(results[2], json!({"err": {"exhausted": "micro-usd"}}));
}

/// With a money budget, a model without a price cannot be asked: nobody knows what it costs. What the operator sets is
/// refused before it starts; what a parent sets for its child is told to the child.
#[test]
fn an_unpriced_model_is_not_asked_for_money() {
    let place = Place::new();
    place.file("script.toml", "[[answer]]\ntext = \"x\"\n");
    let (probe, model) = (guest("probe"), ["--model", "default=scripted:script.toml"]);
    let words = [&["run", probe.to_str().unwrap(), "[]", "--budget", "micro-usd=500"], &model[..]].concat();
    place.aos(&words).expect(2).says("the price of \"scripted\" is not known").says("`price-in`");
    let team = "[package]\nname = \"team\"\nversion = \"0.1.0\"\ncomponent = \"probe.wasm\"\n[needs]\nspawn = [\"probe\"]\n\
                [needs.delegate]\ninfer = [\"default\"]\n[children.probe]\ncomponent = \"probe.wasm\"\n\
                [children.probe.needs]\ninfer = [\"default\"]\n";
    let input = json!([{"op": "generate", "prompt": "go"}]);
    let script = json!([
        {"op": "spawn", "component": "probe", "input": input, "budget": {"micro-usd": 500}, "as": "c"},
        {"op": "wait", "on": "c"},
    ]);
    let results = place.probes(team, &model, &script).results();
    assert!(results[1].to_string().contains(r#"{\"exhausted\":\"micro-usd\"}"#), "{}", results[1]);
}

#[test]
fn a_cancelled_or_broken_stream_stays_spent() {
    let budget = json!({"op": "budget"});
    let script = json!([
        {"op": "stream", "prompt": "go", "max_tokens": 30, "as": "g"},
        {"op": "cancel", "on": "g"},
        budget,
        {"op": "next", "on": "g"},
        {"op": "stream", "prompt": "break", "max_tokens": 40, "as": "h"},
        {"op": "next", "on": "h"},
        {"op": "next", "on": "h"},
        budget,
        {"op": "next", "on": "h"},
    ]);
    let answers = "[[answer]]\ncontains = \"break\"\nchunks = [\"a\", \"b\"]\nbreak-after = 1\n[[answer]]\ntext = \"x\"\n";
    let results = ask(answers, &["--budget", "tokens-out=100"], &script).results();
    assert_eq!(results[2]["ok"]["tokens-out"]["left"], 70);
    assert_eq!(results[3], json!({"err": {"closed": null}}));
    let broken = json!({"err": {"unavailable": {"retryable": true, "retry_after_ms": null}}});
    assert!(fits(&results[6], &broken), "{}", results[6]);
    assert_eq!(results[7]["ok"]["tokens-out"]["left"], 30);
    assert_eq!(results[8], json!({"ok": null}), "it has ended");
}

#[test]
fn a_failure_costs_nothing_and_is_told() {
    let script = json!([{"op": "generate", "prompt": "go", "max_tokens": 30}, {"op": "budget"}]);
    let answers = "[[answer]]\nfail = { detail = \"down for maintenance\" }\n";
    let results = ask(answers, &["--budget", "tokens-out=100"], &script).results();
    let told = json!({"err": {"unavailable": {"detail": "down for maintenance", "retryable": false, "retry_after_ms": null}}});
    assert_eq!(results[0], told);
    assert_eq!(results[1]["ok"]["tokens-out"]["left"], 100);
}

#[test]
fn eight_generations_are_the_most() {
    let stream = json!({"op": "stream", "prompt": "go", "max_tokens": 1});
    let script = json!([{"op": "repeat", "n": 8, "steps": [stream]}, stream]);
    let results = ask("[[answer]]\ntext = \"x\"\n", &[], &script).results();
    assert_eq!(results[1], json!({"err": {"busy": null}}));
}

/// A model sees who asks and how often it did, and tool calls come back whole.
#[test]
fn an_answer_may_depend_on_who_asks_and_call_tools() {
    let answers = "[[answer]]\nturn = 0\nprocess = \"probe\"\ntemplate = \"{process} said {prompt}\"
[[answer]]\nturn = 1\ntool-calls = [{ id = \"1\", name = \"search\", input = \"{}\" }]\n";
    let tool = json!({"name": "search", "description": "finds", "schema": "{}"});
    let script = json!([
        {"op": "generate", "prompt": "hi", "system": "be kind"},
        {"op": "generate", "prompt": "more", "tools": [tool]},
        {"op": "generate", "prompt": "more"},
        {"op": "generate", "prompt": "x", "max_tokens": 0},
    ]);
    let results = ask(answers, &[], &script).results();
    assert_eq!(results[0]["ok"]["parts"], json!([{"text": "probe said hi"}]));
    assert_eq!(
        results[1]["ok"]["parts"],
        json!([{"tool_call": {"id": "1", "name": "search", "input": "{}"}}])
    );
    assert_eq!(results[1]["ok"]["finish"], "tool-calls");
    assert!(fits(&results[2], &json!({"err": {"unavailable": {"retryable": false}}})), "{}", results[2]);
    assert!(fits(&results[3], &json!({"err": {"invalid": "*"}})), "{}", results[3]);
}
