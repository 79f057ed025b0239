//! What good servers say, for the same answer in each provider's form: the text "héllo", a tool call, 11 tokens in of
//! which 4 were cached, 5 tokens out.

use serde_json::{Value, json};

use crate::support::server::{Asked, Reply};

/// A server of this provider.
pub fn good(provider: &str, asked: &Asked) -> Reply {
    let tools = asked.body.get("tools").is_some();
    let streams = asked.body["stream"] == true || asked.path.contains(":streamGenerateContent");
    match (provider, streams) {
        ("openai", false) => Reply::json(200, &openai(tools)),
        ("openai", true) => Reply::events(&openai_events(tools)),
        ("anthropic", false) => Reply::json(200, &anthropic(tools)),
        ("anthropic", true) => Reply::events(&anthropic_events(tools)),
        ("gemini", false) => Reply::json(200, &gemini(tools, "héllo")),
        ("gemini", true) => Reply::events(&[gemini_piece("hé"), gemini(tools, "llo")]),
        other => panic!("{other:?}"),
    }
}

/// A whole answer that says this, in OpenAI's form, with its usage.
pub fn says(text: &str) -> Reply {
    let mut body = openai(false);
    body["choices"][0]["message"]["content"] = text.into();
    Reply::json(200, &body)
}

/// A streamed answer that says this.
pub fn streams(pieces: &[&str]) -> Reply {
    let mut events: Vec<Value> = pieces.iter().map(|piece| delta(json!({"content": piece}))).collect();
    events.push(json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}));
    events.extend([json!({"choices": [], "usage": usage()}), "[DONE]".into()]);
    Reply::events(&events)
}

fn usage() -> Value {
    json!({"prompt_tokens": 11, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}})
}

fn openai(tools: bool) -> Value {
    let call =
        json!({"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{\"q\":1}"}});
    let (calls, finish) = if tools { (json!([call]), "tool_calls") } else { (Value::Null, "stop") };
    let message = json!({"role": "assistant", "content": "héllo", "tool_calls": calls});
    json!({"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage()})
}

fn delta(delta: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn openai_events(tools: bool) -> Vec<Value> {
    let mut events =
        vec![delta(json!({"role": "assistant", "content": "hé"})), delta(json!({"content": "llo"}))];
    if tools {
        let function = json!({"name": "find", "arguments": ""});
        events.push(delta(
            json!({"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": function}]}),
        ));
        for piece in ["{\"q\"", ":1}"] {
            events.push(delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})));
        }
    }
    let finish = if tools { "tool_calls" } else { "stop" };
    events.push(json!({"choices": [{"delta": {}, "finish_reason": finish}]}));
    events.extend([json!({"choices": [], "usage": usage()}), "[DONE]".into()]);
    events
}

fn anthropic_usage() -> Value {
    json!({"input_tokens": 6, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 1, "output_tokens": 5})
}

fn anthropic(tools: bool) -> Value {
    let mut content = vec![json!({"type": "text", "text": "héllo"})];
    content.extend(tools.then(|| json!({"type": "tool_use", "id": "c1", "name": "find", "input": {"q": 1}})));
    let reason = if tools { "tool_use" } else { "end_turn" };
    json!({"type": "message", "role": "assistant", "content": content, "stop_reason": reason, "usage": anthropic_usage()})
}

fn anthropic_events(tools: bool) -> Vec<Value> {
    let block = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta =
        |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let mut events = vec![
        json!({"type": "message_start", "message": {"role": "assistant", "content": [], "usage": anthropic_usage()}}),
        block(0, json!({"type": "text", "text": ""})),
        json!({"type": "ping"}),
        delta(0, json!({"type": "text_delta", "text": "hé"})),
        delta(0, json!({"type": "text_delta", "text": "llo"})),
        json!({"type": "content_block_stop", "index": 0}),
    ];
    if tools {
        events.push(block(1, json!({"type": "tool_use", "id": "c1", "name": "find", "input": {}})));
        for piece in ["{\"q\"", ":1}"] {
            events.push(delta(1, json!({"type": "input_json_delta", "partial_json": piece})));
        }
    }
    let reason = if tools { "tool_use" } else { "end_turn" };
    events.push(
        json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 5}}),
    );
    events.push(json!({"type": "message_stop"}));
    events
}

fn gemini_piece(text: &str) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]})
}

fn gemini(tools: bool, text: &str) -> Value {
    let mut parts = vec![json!({"text": text})];
    parts.extend(tools.then(|| json!({"functionCall": {"id": "c1", "name": "find", "args": {"q": 1}}})));
    json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 11, "cachedContentTokenCount": 4, "candidatesTokenCount": 5},
    })
}
