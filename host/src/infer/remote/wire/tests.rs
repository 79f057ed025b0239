use serde_json::json;

use super::*;
use crate::kernel::ports::{Finish, Format, Part, Role, ToolSpec, Turn, Usage};

/// A conversation with everything in it.
fn request() -> Request {
    let turn = |role, parts: &[Part]| Turn { role, parts: parts.to_vec() };
    let text = |text: &str| Part::Text(text.into());
    let call = Part::ToolCall { id: "c1".into(), name: "find".into(), input: r#"{"q":1}"#.into() };
    let output = Part::ToolOutput { id: "c1".into(), output: "none".into(), failed: true };
    let image = Part::Blob { media_type: "image/png".into(), data: "AAAA".into() };
    Request {
        turns: vec![
            turn(Role::System, &[text("be kind")]),
            turn(Role::User, &[text("look"), image]),
            turn(Role::Assistant, &[text("I look"), call]),
            turn(Role::Tool, &[output]),
        ],
        tools: vec![ToolSpec {
            name: "find".into(),
            description: "finds".into(),
            schema: r#"{"type":"object"}"#.into(),
        }],
        format: Format::Schema(r#"{"type":"object"}"#.into()),
        max_tokens: 9,
        parameters: vec![("temperature".into(), "0.5".into()), ("stop".into(), r#""END""#.into())],
    }
}

#[test]
fn a_question_to_openai() {
    let body = Wire::Openai.question("m", &request(), true).unwrap();
    let expected = json!({
        "model": "m", "max_tokens": 9, "stream": true, "stream_options": {"include_usage": true},
        "temperature": 0.5, "stop": ["END"],
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            ]},
            {"role": "assistant", "content": "I look", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{\"q\":1}"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "failed: none"},
        ],
        "tools": [{"type": "function", "function": {
            "name": "find", "description": "finds", "parameters": {"type": "object"},
        }}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
    });
    assert_eq!(body, expected);
    let body = Wire::Openai.question("gpt-5-mini", &request(), false).unwrap();
    assert_eq!((&body["max_completion_tokens"], body.get("stream_options")), (&json!(9), None));
}

#[test]
fn a_question_to_anthropic() {
    let body = Wire::Anthropic.question("m", &request(), false).unwrap();
    let expected = json!({
        "model": "m", "max_tokens": 9, "stream": false, "temperature": 0.5, "stop_sequences": ["END"],
        "system": "be kind",
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            ]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "I look"},
                {"type": "tool_use", "id": "c1", "name": "find", "input": {"q": 1}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "none", "is_error": true},
            ]},
        ],
        "tools": [{"name": "find", "description": "finds", "input_schema": {"type": "object"}}],
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
    });
    assert_eq!(body, expected);
}

#[test]
fn a_question_to_gemini() {
    let body = Wire::Gemini.question("m", &request(), true).unwrap();
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "be kind"}]},
        "contents": [
            {"role": "user", "parts": [
                {"text": "look"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
            ]},
            {"role": "model", "parts": [
                {"text": "I look"},
                {"functionCall": {"name": "find", "args": {"q": 1}},
                 "thoughtSignature": "skip_thought_signature_validator"},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "find", "response": {"error": "none"}}},
            ]},
        ],
        "tools": [{"functionDeclarations": [
            {"name": "find", "description": "finds", "parametersJsonSchema": {"type": "object"}},
        ]}],
        "generationConfig": {
            "maxOutputTokens": 9, "temperature": 0.5, "stopSequences": ["END"],
            "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
        },
    });
    assert_eq!(body, expected);
}

#[test]
fn a_parameter_that_is_not_listed_is_refused() {
    for (name, wire) in [
        ("n", Wire::Openai),
        ("model", Wire::Openai),
        ("service_tier", Wire::Anthropic),
        ("seed", Wire::Anthropic),
    ] {
        let request = Request { parameters: vec![(name.into(), "1".into())], ..request() };
        let fault = wire.question("m", &request, false).unwrap_err();
        assert!(fault.detail.contains(name) && fault.detail.contains("temperature"), "{}", fault.detail);
    }
}

#[test]
fn questions_go_to_their_address() {
    let endpoint = |wire: Wire, url: Option<&str>, streams| {
        wire.endpoint(&wire.address(url).unwrap(), "a/b c:d", streams).to_string()
    };
    assert_eq!(endpoint(Wire::Openai, Some("http://h:1/v1/"), true), "http://h:1/v1/chat/completions");
    assert_eq!(endpoint(Wire::Anthropic, None, false), "https://api.anthropic.com/v1/messages");
    let gemini = "https://generativelanguage.googleapis.com/v1beta/models/a%2Fb%20c:d:";
    assert_eq!(endpoint(Wire::Gemini, None, false), format!("{gemini}generateContent"));
    assert_eq!(endpoint(Wire::Gemini, None, true), format!("{gemini}streamGenerateContent?alt=sse"));
}

/// Text, calls as (id, name, input), ending and usage of the events of an answer.
type Taken = (String, Vec<(String, String, String)>, Finish, Option<Usage>);

fn taken(wire: Wire, events: &[Value]) -> Result<Taken, Odd> {
    let mut reading = Reading::default();
    let mut text = String::new();
    for event in events {
        text.push_str(&wire.take(&mut reading, event.to_string().as_bytes())?);
    }
    let (finish, usage) = (reading.ending(), reading.usage());
    let calls = reading.take_calls()?.into_iter().map(|call| (call.id, call.name, call.input));
    Ok((text, calls.collect(), finish, usage))
}

fn call(id: &str, name: &str, input: &str) -> (String, String, String) {
    (id.into(), name.into(), input.into())
}

fn usage(tokens_in: u64, tokens_out: u64, cached: u64) -> Option<Usage> {
    Some(Usage { tokens_in, tokens_out, cached })
}

#[test]
fn answers_of_openai() {
    let whole = json!({
        "choices": [{"message": {"content": "hi", "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": {"y": 2}}},
        ]}, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}},
    });
    let both = vec![call("a", "f", "{\"x\":1}"), call("b", "g", "{\"y\":2}")];
    assert_eq!(
        taken(Wire::Openai, &[whole]),
        Ok(("hi".into(), both.clone(), Finish::ToolCalls, usage(7, 3, 5)))
    );
    let delta = |delta: Value| json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]});
    let piece = |index: u64, text: &str| {
        delta(json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]}))
    };
    let streamed = [
        delta(json!({"role": "assistant", "content": "h"})),
        delta(json!({"content": "i", "reasoning_content": "hm"})),
        delta(json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]})),
        delta(
            json!({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g", "arguments": "{\"y\""}}]}),
        ),
        piece(0, "{\"x\":1}"),
        piece(1, ":2}"),
        json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}),
        json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}),
    ];
    assert_eq!(taken(Wire::Openai, &streamed), Ok(("hi".into(), both, Finish::ToolCalls, usage(7, 3, 0))));
    let cut = json!({"choices": [{"message": {"content": [{"type": "text", "text": "x"}]}, "finish_reason": "length"}]});
    assert_eq!(taken(Wire::Openai, &[cut]), Ok(("x".into(), vec![], Finish::Length, None)));
}

#[test]
fn answers_of_anthropic() {
    let whole = json!({
        "type": "message", "role": "assistant", "stop_reason": "tool_use",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "hi"},
            {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        ],
        "usage": {"input_tokens": 2, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 1, "output_tokens": 3},
    });
    let expected = ("hi".to_owned(), vec![call("a", "f", "{\"x\":1}")], Finish::ToolCalls, usage(7, 3, 4));
    assert_eq!(taken(Wire::Anthropic, &[whole]), Ok(expected.clone()));
    let block = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta =
        |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let streamed = [
        json!({"type": "message_start", "message": {"content": [], "stop_reason": null, "usage": {
            "input_tokens": 2, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 1, "output_tokens": 1}}}),
        block(0, json!({"type": "text", "text": ""})),
        json!({"type": "ping"}),
        delta(0, json!({"type": "text_delta", "text": "hi"})),
        json!({"type": "content_block_stop", "index": 0}),
        block(1, json!({"type": "tool_use", "id": "a", "name": "f", "input": {}})),
        delta(1, json!({"type": "input_json_delta", "partial_json": "{\"x\""})),
        delta(1, json!({"type": "input_json_delta", "partial_json": ":1}"})),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}}),
        json!({"type": "message_stop"}),
    ];
    assert_eq!(taken(Wire::Anthropic, &streamed), Ok(expected));
}

#[test]
fn answers_of_gemini() {
    let candidate = |parts: Value, finish: Value| json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": finish}]});
    let mut last = candidate(
        json!([{"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "s"}]),
        json!("STOP"),
    );
    last["usageMetadata"] = json!({"promptTokenCount": 7, "cachedContentTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 1});
    let events = [candidate(json!([{"text": "hm", "thought": true}, {"text": "hi"}]), Value::Null), last];
    let expected = ("hi".to_owned(), vec![call("f-0", "f", "{\"x\":1}")], Finish::ToolCalls, usage(7, 3, 5));
    assert_eq!(taken(Wire::Gemini, &events), Ok(expected));
    let blocked =
        json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}});
    assert_eq!(
        taken(Wire::Gemini, &[blocked]),
        Ok((String::new(), vec![], Finish::Filtered, usage(4, 0, 0)))
    );
}

#[test]
fn errors_in_place_of_answers() {
    for (wire, event) in [
        (Wire::Openai, json!({"error": {"message": "overloaded", "code": 500}})),
        (
            Wire::Anthropic,
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "overloaded"}}),
        ),
        (Wire::Gemini, json!({"error": {"code": 503, "message": "overloaded"}})),
    ] {
        assert_eq!(taken(wire, &[event]).unwrap_err().words, "overloaded", "{wire:?}");
        let odd = taken(wire, &[json!("[]")]).unwrap_err();
        assert_eq!(odd.detail, "the model's answer cannot be understood", "{wire:?}");
    }
}

/// A server chooses no size: a call's number is a name, there are few calls, and all of it is counted.
#[test]
fn nothing_in_an_answer_takes_more_than_it_sends() {
    let begins = |index: u64| {
        json!({"choices": [{"delta": {"tool_calls": [
            {"index": index, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}}]})
    };
    let far = taken(Wire::Openai, &[begins(u64::MAX), begins(4_000_000_000)]).unwrap();
    assert_eq!(far.1.len(), 2);
    let many: Vec<Value> = (0..129).map(begins).collect();
    assert_eq!(taken(Wire::Openai, &many).unwrap_err().detail, "the model asks for too many tools");
    let text = "x".repeat(1 << 20);
    let long = json!({"choices": [{"delta": {"content": text}}]});
    assert_eq!(taken(Wire::Openai, &vec![long; 5]).unwrap_err().detail, "the model's answer is too long");
    let deep = format!("{{\"error\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Wire::Openai.take(&mut Reading::default(), deep.as_bytes()).is_err());
}

#[test]
fn a_call_that_is_none_is_odd() {
    let begun = |name: &str, input: &str| json!({"choices": [{"message": {"tool_calls": [{"function": {"name": name, "arguments": input}}]}}]});
    assert_eq!(taken(Wire::Openai, &[begun("f", "")]).unwrap().1, [call("f-0", "f", "{}")]);
    for (name, input) in [("", "{}"), ("a\n", "{}"), ("f", "{"), ("f", "{} {}")] {
        assert!(taken(Wire::Openai, &[begun(name, input)]).is_err(), "{name:?} {input:?}");
    }
}
