//! Good servers of every provider: whole and streamed, with tools and a schema, and what it costs.

use serde_json::{Value, json};

use super::forms::good;
use super::{KEY, ask, configured, generate, prompt, stream, table};
use crate::support::server::{Asked, Server};

/// Where each provider's questions go and where their key is.
const PROVIDERS: [(&str, &str, &str, &str, &str); 3] = [
    ("openai", "/v1/chat/completions", "/v1/chat/completions", "authorization", "Bearer "),
    ("anthropic", "/v1/messages", "/v1/messages", "x-api-key", ""),
    (
        "gemini",
        "/v1/models/m-a:generateContent",
        "/v1/models/m-a:streamGenerateContent?alt=sse",
        "x-goog-api-key",
        "",
    ),
];

/// Every provider, whole and streamed, with and without tools: the same answer, the same tokens, the same price. The server
/// is gone when the run is replayed once more.
#[test]
fn every_provider_whole_and_streamed() {
    let tool = json!({"name": "find", "description": "finds", "schema": "{\"type\":\"object\"}"});
    for (provider, whole, streamed, header, before) in PROVIDERS {
        let server = Server::new(move |asked: &Asked, _| good(provider, asked));
        let place =
            configured(&table("a", &server.url(), &format!("provider = \"{provider}\"\nkey-file = \"key\"")));
        place.file(
            "config/aos-host/prices.toml",
            "[price.m-a]\nin = 2000000\nout = 3000000\ncached = 1000000\n",
        );
        let with_tools = |mut step: Value| {
            step["tools"] = json!([tool]);
            step["system"] = "be kind".into();
            step["format"] = json!({"schema": "{\"type\":\"object\"}"});
            step
        };
        let mut script = vec![generate("a", "hi"), with_tools(generate("a", "hi"))];
        script.extend(stream("a", "hi", 6));
        let mut tools = stream("a", "hi", 6);
        tools[0] = with_tools(tools[0].clone());
        script.extend(tools);
        let run = ask(&place, &["a"], &["--budget", "micro-usd=$1"], &script);
        let results = run.results();
        // 7 tokens at 2, 4 cached ones at 1, 5 at 3.
        let usage = json!({"tokens_in": 11, "tokens_out": 5, "micro_usd": 33});
        let call = json!({"tool_call": {"id": "c1", "name": "find", "input": "{\"q\":1}"}});
        let text = json!({"text": "héllo"});
        assert_eq!(
            results[0]["ok"],
            json!({"parts": [text], "finish": "stop", "usage": usage}),
            "{provider}"
        );
        assert_eq!(
            results[1]["ok"],
            json!({"parts": [text, call], "finish": "tool-calls", "usage": usage}),
            "{provider}"
        );
        assert_eq!(spoken(&results[3..9]), ("héllo".into(), vec![end("stop", &usage)]), "{provider}");
        assert_eq!(
            spoken(&results[10..16]),
            ("héllo".into(), vec![call, end("tool-calls", &usage)]),
            "{provider}"
        );
        for (asked, path) in server.asked().iter().zip([whole, whole, streamed, streamed]) {
            assert_eq!((asked.path.as_str(), prompt(&asked.body).as_str()), (path, "hi"), "{provider}");
            assert_eq!(asked.header(header), format!("{before}{KEY}"), "{provider}");
        }
        assert_eq!(server.asked().len(), 4, "nobody is asked when a run is replayed");
        drop(server);
        place.aos(&["replay"]).expect(0).answers("identical");
        let spent = run.first(|entry| entry.kind() == "outcome").out()["Ok"]["completion"].clone();
        assert_eq!((&spent["model"], &spent["usage"]["cached"]), (&json!("m-a"), &json!(4)), "{provider}");
    }
}

fn end(finish: &str, usage: &Value) -> Value {
    json!({"end": {"finish": finish, "usage": usage}})
}

/// The text of a stream's chunks, however they were cut, and the chunks that are none.
fn spoken(results: &[Value]) -> (String, Vec<Value>) {
    let chunks = results.iter().map(|result| result["ok"].clone()).filter(|chunk| !chunk.is_null());
    let (texts, others): (Vec<Value>, Vec<Value>) = chunks.partition(|chunk| chunk.get("text").is_some());
    (texts.iter().filter_map(|text| text["text"].as_str()).collect(), others)
}

/// Agents choose how they are answered, not what it costs or who answers.
#[test]
fn parameters_are_passed_on_when_they_are_harmless() {
    let server = Server::new(|asked: &Asked, _| good("openai", asked));
    let place = configured(&table("a", &server.url(), ""));
    let with = |name: &str, value: &str| {
        let mut step = generate("a", "hi");
        step["parameters"] = json!([[name, value]]);
        step
    };
    let results =
        ask(&place, &["a"], &[], &[with("temperature", "0.25"), with("n", "9"), with("model", "\"x\"")])
            .results();
    let asked = server.asked();
    assert_eq!((asked.len(), &asked[0].body["temperature"]), (1, &json!(0.25)));
    for refused in &results[1..] {
        let fault = &refused["err"]["unavailable"];
        assert_eq!(fault["retryable"], false);
        assert!(fault["detail"].as_str().unwrap().contains("takes no parameter"), "{fault}");
    }
}

/// A stream that an agent leaves alone, or does not read, keeps nobody.
#[test]
fn a_stream_that_is_cancelled_is_left() {
    let server = Server::new(|asked: &Asked, _| good("openai", asked).hangs_after(2));
    let place = configured(&table("a", &server.url(), "timeout = \"20s\""));
    let mut script = stream("a", "hi", 1);
    script.push(json!({"op": "cancel", "on": "g"}));
    script.push(json!({"op": "next", "on": "g"}));
    let results = ask(&place, &["a"], &[], &script).results();
    assert!(
        results[1]["ok"]["text"].as_str().is_some_and(|text| "héllo".starts_with(text)),
        "{}",
        results[1]
    );
    assert_eq!(results[3], json!({"err": {"closed": null}}));
}
