//! Models that stand in for one another: who is asked when, who answered, and at whose price.

use serde_json::json;

use super::forms::{good, says, streams};
use super::{ask, configured, generate, prompt, stream, table};
use crate::support::Place;
use crate::support::server::{Asked, Reply, Server, nobody};

const HASTY: &str = "attempts = 1\nfirst-byte = \"150ms\"\ntimeout = \"300ms\"";

/// `a`, for which `b` stands in.
fn pair(a: &str, b: &str, more: &str) -> Place {
    let tables = table("a", a, &format!("{HASTY}\nfallback = [\"b\"]\n{more}")) + &table("b", b, HASTY);
    let place = configured(&tables);
    place.file(
        "config/aos-host/prices.toml",
        "[price.m-a]\nin = 0\nout = 1000000\n[price.m-b]\nin = 0\nout = 9000000\n",
    );
    place
}

#[test]
fn another_answers_when_one_cannot() {
    let refusals =
        Server::new(|asked: &Asked, _| Reply::json(prompt(&asked.body).parse().unwrap_or(500), &json!({})));
    let good = Server::new(|asked: &Asked, _| good("openai", asked));
    for (first, more) in [(refusals.url(), ""), (nobody(), "")] {
        let place = pair(&first, &good.url(), more);
        let mut script = vec![generate("a", "500"), generate("a", "401"), generate("a", "404")];
        script.extend(stream("a", "429", 5));
        let run = ask(&place, &["a"], &["--budget", "micro-usd=$1"], &script);
        let results = run.results();
        for result in &results[..3] {
            // 5 tokens at 9: the price of the one that answered.
            assert_eq!(result["ok"]["usage"]["micro_usd"], 45, "{result}");
        }
        let end = results.iter().find_map(|result| result["ok"].get("end")).unwrap();
        assert_eq!(end["usage"]["micro_usd"], 45);
        let by = run.first(|entry| entry.kind() == "outcome").out()["Ok"]["completion"]["model"].clone();
        assert_eq!(by, "m-b");
        // The worst price of the chain is reserved: 100 tokens at 9.
        let reserve = run.first(|entry| entry.kind() == "intent").event()["reserve"].clone();
        assert!(reserve.as_array().unwrap().contains(&json!(["micro-usd", 900])), "{reserve}");
    }
    assert_eq!(refusals.asked().len(), 4);
}

/// A question that one server finds wrong is wrong; nobody else is asked.
#[test]
fn a_wrong_question_goes_no_further() {
    let wrong = Server::new(|_: &Asked, _| Reply::json(400, &json!({"error": {"message": "no such role"}})));
    let good = Server::new(|asked: &Asked, _| good("openai", asked));
    let results = ask(&pair(&wrong.url(), &good.url(), ""), &["a"], &[], &[generate("a", "hi")]).results();
    assert!(results[0]["err"]["unavailable"]["detail"].as_str().unwrap().contains("no such role"));
    assert_eq!(good.asked().len(), 0);
}

/// What may have been answered and billed is not asked of another. The next question is: one that hangs is asked last.
#[test]
fn one_that_hangs_is_not_paid_twice_and_asked_last_then() {
    let hangs = Server::new(|_: &Asked, _| Reply::nothing());
    let good = Server::new(
        |asked: &Asked, _| if asked.body["stream"] == true { streams(&["b"]) } else { says("b") },
    );
    let place = pair(&hangs.url(), &good.url(), "");
    let script = [generate("a", "one"), json!({"op": "budget"}), generate("a", "two")];
    let results = ask(&place, &["a"], &["--budget", "tokens-out=1k"], &script).results();
    assert_eq!(results[0]["err"]["unavailable"]["retryable"], true);
    assert_eq!(results[1]["ok"]["tokens-out"]["left"], 900);
    assert_eq!(results[2]["ok"]["parts"], json!([{"text": "b"}]));
    assert_eq!((hangs.asked().len(), good.asked().len()), (1, 1));
}

/// When nobody can, the agent is told of the last one and the operator of all.
#[test]
fn when_nobody_can() {
    let full = Server::new(|_: &Asked, _| Reply::json(429, &json!({})).with("retry-after", "7"));
    let gone = nobody();
    let run = ask(&pair(&full.url(), &gone, ""), &["a"], &[], &[generate("a", "hi")]);
    let fault =
        json!({"detail": "the model's server cannot be reached", "retryable": true, "retry_after_ms": 7000});
    assert_eq!(run.results()[0]["err"]["unavailable"], fault);
    let told = run.first(|entry| entry.kind() == "outcome").out().to_string();
    for part in [&full.url(), &gone, "HTTP 429", "cannot be reached"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

/// A chain can do what all of it can: a fallback without tools is not asked for tools.
#[test]
fn a_chain_can_do_what_all_of_it_can() {
    let tables = table("a", "http://localhost:1", "context = 9\nfallback = [\"b\"]")
        + &table("b", "http://localhost:1", "context = 5\ntools = false");
    let results = ask(&configured(&tables), &["a"], &[], &[json!({"op": "models"})]).results();
    assert_eq!(
        results[0]["ok"],
        json!([{"name": "a", "context": 5, "tools": false, "streaming": true, "json": true}])
    );
}
