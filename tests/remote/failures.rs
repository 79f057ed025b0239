//! Servers that are not there, slow, wrong, or hostile: what the agent is told, what it pays, and how often they are asked.

use std::time::Duration;

use serde_json::{Value, json};

use super::forms::{says, streams};
use super::{ask, configured, generate, prompt, stream, table};
use crate::support::server::{Asked, Reply, Server, nobody};

/// Times that a test can wait for.
const HASTY: &str =
    "first-byte = \"150ms\"\nbetween = \"150ms\"\ntimeout = \"400ms\"\nattempts = 2\nbackoff = \"1ms\"";

fn bad(asked: &Asked) -> Reply {
    let streamed = asked.body["stream"] == true;
    let drip = Duration::from_millis(20);
    let status = |code: u16| Reply::json(code, &json!({"error": {"message": "so it\u{1b}[2J says"}}));
    match prompt(&asked.body).as_str() {
        "hang" => Reply::nothing(),
        "drip" if streamed => streams(&["x"; 20]).slowly(20, drip),
        "drip" => says("slow").slowly(2, drip),
        "stall" if streamed => streams(&["x", "y"]).hangs_after(1),
        "stall" => says("half").slowly(20, Duration::ZERO).hangs_after(1),
        "cut" if streamed => streams(&["x", "y"]).cut_after(1),
        "cut" => says("half").slowly(20, Duration::ZERO).cut_after(1),
        "garbage" if streamed => Reply::new(200, "text/event-stream", "data: {\"choices\": 7}\n\n"),
        "garbage" => Reply::new(200, "application/json", "<html>hello</html>"),
        "huge" if streamed => Reply::new(200, "text/event-stream", vec![b'x'; 2 << 20]),
        "huge" => Reply::new(200, "application/json", vec![b' '; 9 << 20]),
        "error" => Reply::events(&[json!({"error": {"message": "worker died"}})]),
        "unended" => Reply::events(&[json!({"choices": [{"delta": {"content": "x"}}]})]),
        "redirect" => status(307).with("location", "/v1/elsewhere"),
        "no-usage" => {
            Reply::json(200, &json!({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}))
        }
        code => status(code.parse().unwrap_or(400)),
    }
}

/// What a failure costs: nothing, or all that was reserved for it.
#[derive(Debug, PartialEq)]
enum Costs {
    Nothing,
    Reserved,
}

/// Prompt, what the agent is told, whether it may try again, what it costs, and how often the server was asked.
const WHOLE: [(&str, &str, bool, Costs, usize); 14] = [
    ("hang", "said nothing for 400", true, Costs::Reserved, 1),
    ("drip", "took too long", true, Costs::Reserved, 1),
    ("stall", "said nothing for 150", true, Costs::Reserved, 1),
    ("cut", "broke off", true, Costs::Reserved, 1),
    ("garbage", "cannot be understood", true, Costs::Reserved, 1),
    ("huge", "too long", true, Costs::Reserved, 1),
    ("401", "does not accept the host's key", false, Costs::Nothing, 1),
    ("404", "does not have this model", false, Costs::Nothing, 1),
    ("429", "busy or failing (HTTP 429)", true, Costs::Nothing, 2),
    ("500", "busy or failing (HTTP 500)", true, Costs::Nothing, 2),
    ("503", "busy or failing (HTTP 503)", true, Costs::Nothing, 2),
    ("redirect", "sends elsewhere (HTTP 307)", false, Costs::Nothing, 1),
    ("400", "does not take the question (HTTP 400); it says: so it [2J says", false, Costs::Nothing, 1),
    ("418", "answers HTTP 418", false, Costs::Nothing, 1),
];

#[test]
fn a_whole_answer_that_fails() {
    let server = Server::new(|asked: &Asked, _| bad(asked));
    let place = configured(&table("a", &server.url(), HASTY));
    let mut script = vec![json!({"op": "budget"})];
    for (prompt, ..) in &WHOLE {
        script.extend([generate("a", prompt), json!({"op": "budget"})]);
    }
    let run = ask(&place, &["a"], &[], &script);
    let results = run.results();
    let asked = server.asked();
    for (at, (word, told, retryable, costs, times)) in WHOLE.iter().enumerate() {
        let fault = &results[2 * at + 1]["err"]["unavailable"];
        assert!(fault["detail"].as_str().is_some_and(|detail| detail.contains(told)), "{word}: {fault}");
        assert_eq!(fault["retryable"], *retryable, "{word}: {fault}");
        let paid = if left(&results[2 * at]) == left(&results[2 * at + 2]) {
            Costs::Nothing
        } else {
            Costs::Reserved
        };
        assert_eq!(paid, *costs, "{word}");
        assert_eq!(asked.iter().filter(|asked| prompt(&asked.body) == *word).count(), *times, "{word}");
    }
    assert!(asked.iter().all(|asked| asked.path == "/v1/chat/completions"), "no redirect is followed");
    // The operator is told where it was; the agent is not.
    let where_it_was = server.url();
    assert!(results.iter().all(|result| !result.to_string().contains(&where_it_was)));
    let remedy = run.first(|entry| entry.kind() == "outcome").out()["Err"]["unavailable"]["remedy"].clone();
    assert!(remedy.as_str().is_some_and(|remedy| remedy.contains(&where_it_was)), "{remedy}");
}

fn left(result: &Value) -> u64 {
    result["ok"]["tokens-out"]["left"].as_u64().unwrap()
}

/// Prompt, what ends the stream, and how many chunks come before.
const STREAMED: [(&str, &str); 8] = [
    ("drip", "took too long"),
    ("stall", "said nothing for 150"),
    ("cut", "broke off"),
    ("garbage", "cannot be understood"),
    ("huge", "cannot be understood"),
    ("error", "broke off with an error"),
    ("unended", "broke off"),
    ("hang", "said nothing for 150"),
];

#[test]
fn a_streamed_answer_that_fails() {
    let server = Server::new(|asked: &Asked, _| bad(asked));
    let place = configured(&table("a", &server.url(), HASTY));
    for (word, told) in STREAMED {
        // One that does not begin leaves nothing to take from.
        let mut script = stream("a", word, if word == "hang" { 0 } else { 40 });
        script.extend([json!({"op": "budget"})]);
        let results = ask(&place, &["a"], &["--budget", "tokens-out=1k"], &script).results();
        let failed = results.iter().find_map(|result| result["err"]["unavailable"]["detail"].as_str());
        assert!(failed.is_some_and(|detail| detail.contains(told)), "{word}: {results:?}");
        assert_eq!(left(results.last().unwrap()), 900, "{word}: what was reserved stays spent");
        let after = results.iter().skip_while(|result| result.get("err").is_none()).nth(1).unwrap();
        let ended = after["ok"].is_null()
            || after["err"] == json!({"closed": null})
            || after["ok"]["tokens-out"].is_object();
        assert!(ended, "{word}: {after}");
    }
}

/// It comes back when it was told to, not earlier; more than a minute is the agent's to wait.
#[test]
fn a_server_says_when_to_come_back() {
    let server = Server::new(|asked: &Asked, number| match (prompt(&asked.body).as_str(), number) {
        ("soon", 0) => Reply::json(429, &json!({})).with("retry-after-ms", "300"),
        ("soon", _) => says("now"),
        _ => Reply::json(429, &json!({})).with("retry-after", "3600"),
    });
    let place = configured(&table("a", &server.url(), "attempts = 3"));
    let begun = std::time::Instant::now();
    let results = ask(&place, &["a"], &[], &[generate("a", "soon"), generate("a", "late")]).results();
    assert!(begun.elapsed() >= Duration::from_millis(300), "it did not wait");
    assert_eq!(results[0]["ok"]["parts"], json!([{"text": "now"}]));
    let fault = &results[1]["err"]["unavailable"];
    assert_eq!((&fault["retryable"], &fault["retry_after_ms"]), (&json!(true), &json!(3_600_000)));
    assert_eq!(server.asked().len(), 3);
}

/// Nobody listens: it is tried as often as it may be, costs nothing, and the operator is told where.
#[test]
fn a_server_that_is_not_there() {
    let url = nobody();
    let place = configured(&table("a", &url, HASTY));
    let budget = json!({"op": "budget"});
    let run = ask(&place, &["a"], &[], &[budget.clone(), generate("a", "hi"), budget]);
    let results = run.results();
    let fault = &results[1]["err"]["unavailable"];
    assert_eq!(
        fault,
        &json!({"detail": "the model's server cannot be reached", "retryable": true, "retry_after_ms": null})
    );
    assert_eq!(left(&results[0]), left(&results[2]));
    run.ran.says(&format!("r1/1 probe was not answered: a (m-a at {url}/v1): "));
    let told = run.first(|entry| entry.kind() == "outcome").out().to_string();
    assert!(told.contains(&url) && told.contains("check that it runs"), "{told}");
}

/// An answer without usage is given, and what was reserved stays spent.
#[test]
fn an_answer_without_usage() {
    let server = Server::new(|asked: &Asked, _| bad(asked));
    let place = configured(&table("a", &server.url(), ""));
    let script = [generate("a", "no-usage"), json!({"op": "budget"})];
    let results = ask(&place, &["a"], &["--budget", "tokens-out=1k"], &script).results();
    assert_eq!(results[0]["ok"]["parts"], json!([{"text": "x"}]));
    assert_eq!(left(&results[1]), 900);
}
