//! Chat completions (OpenAI's API reference, "Create chat completion" and its streaming events), as vLLM, Ollama,
//! llama.cpp and gateways have them too.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::reading::{Odd, Reading, failed, garbage};
use super::{parameters, parsed, unfit};
use crate::kernel::ports::{Fault, Finish, Format, Part, Request, Role, Turn};

/// The agent's parameters, which have the same names here.
const PARAMETERS: [(&str, &str); 8] = [
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("seed", "seed"),
    ("stop", "stop"),
    ("presence_penalty", "presence_penalty"),
    ("frequency_penalty", "frequency_penalty"),
    ("reasoning_effort", "reasoning_effort"),
];

/// OpenAI's own newer models, which know the limit of an answer by its newer name alone.
const NEWER: [&str; 5] = ["gpt-5", "gpt-6", "o1", "o3", "o4"];

pub fn question(model: &str, request: &Request, streams: bool) -> Result<Value, Fault> {
    let mut messages = Vec::new();
    for turn in &request.turns {
        add(turn, &mut messages)?;
    }
    let limit =
        if NEWER.iter().any(|name| model.starts_with(name)) { "max_completion_tokens" } else { "max_tokens" };
    let mut body = Map::new();
    parameters(request, &PARAMETERS, &mut body)?;
    body.insert("model".into(), model.into());
    body.insert("messages".into(), messages.into());
    body.insert(limit.into(), request.max_tokens.into());
    body.insert("stream".into(), streams.into());
    if streams {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            let parameters = parsed(&tool.schema)?;
            let function =
                json!({"name": tool.name, "description": tool.description, "parameters": parameters});
            Ok(json!({"type": "function", "function": function}))
        });
        body.insert("tools".into(), tools.collect::<Result<Vec<_>, Fault>>()?.into());
    }
    match &request.format {
        Format::Text => {}
        Format::Json => drop(body.insert("response_format".into(), json!({"type": "json_object"}))),
        Format::Schema(schema) => {
            let schema = json!({"name": "answer", "schema": parsed(schema)?});
            body.insert("response_format".into(), json!({"type": "json_schema", "json_schema": schema}));
        }
    }
    Ok(body.into())
}

/// Adds the messages of a turn: each output of a tool is one of its own.
fn add(turn: &Turn, messages: &mut Vec<Value>) -> Result<(), Fault> {
    let (mut parts, mut calls) = (Vec::new(), Vec::new());
    for part in &turn.parts {
        match part {
            Part::Text(text) => parts.push(json!({"type": "text", "text": text})),
            Part::Blob { media_type, data } if media_type.starts_with("image/") => {
                let url = format!("data:{media_type};base64,{data}");
                parts.push(json!({"type": "image_url", "image_url": {"url": url}}));
            }
            Part::Blob { media_type, .. } => {
                return Err(unfit(format!("the model takes images, not {media_type:?}")));
            }
            Part::ToolCall { id, name, input } => {
                let function = json!({"name": name, "arguments": input});
                calls.push(json!({"id": id, "type": "function", "function": function}));
            }
            Part::ToolOutput { id, output, failed } => {
                let content = if *failed { format!("failed: {output}") } else { output.clone() };
                messages.push(json!({"role": "tool", "tool_call_id": id, "content": content}));
            }
        }
    }
    let role = match turn.role {
        Role::System => "system",
        Role::Assistant => "assistant",
        Role::User | Role::Tool => "user",
    };
    let content = match parts.as_slice() {
        // Many servers take a plain string only.
        [one] if one["type"] == "text" => one["text"].clone(),
        [] => Value::Null,
        _ => parts.into(),
    };
    match (content.is_null(), calls.is_empty()) {
        (true, true) => {}
        (false, true) => messages.push(json!({"role": role, "content": content})),
        (_, false) => messages.push(json!({"role": "assistant", "content": content, "tool_calls": calls})),
    }
    Ok(())
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<RawUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<Message>,
    delta: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Message {
    content: Option<Content>,
    refusal: Option<String>,
    tool_calls: Option<Vec<RawCall>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

#[derive(Deserialize)]
struct ContentPart {
    text: Option<String>,
}

#[derive(Deserialize)]
struct RawCall {
    index: Option<u64>,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct RawUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

pub fn take(reading: &mut Reading, json: &[u8]) -> Result<String, Odd> {
    if json.trim_ascii() == b"[DONE]" {
        reading.over = true;
        return Ok(String::new());
    }
    let body: Body = serde_json::from_slice(json).map_err(|error| garbage(&error))?;
    if let Some(error) = body.error.filter(|error| !error.is_null()) {
        let message = error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned);
        return Err(failed(message));
    }
    if let Some(usage) = body.usage {
        let cached = usage.prompt_tokens_details.and_then(|details| details.cached_tokens);
        reading.tokens = [usage.prompt_tokens, usage.completion_tokens, cached];
    }
    let mut text = String::new();
    // One answer is asked for; what more there is, is not looked at.
    let Some(choice) = body.choices.into_iter().next() else { return Ok(text) };
    let message = choice.message.or(choice.delta).unwrap_or_default();
    match message.content {
        Some(Content::Text(content)) => text.push_str(&content),
        Some(Content::Parts(parts)) => text.extend(parts.into_iter().filter_map(|part| part.text)),
        None => {}
    }
    text.push_str(message.refusal.as_deref().unwrap_or_default());
    reading.grow(text.len())?;
    for (at, call) in message.tool_calls.into_iter().flatten().enumerate() {
        take_call(reading, at as u64, call)?;
    }
    if let Some(reason) = choice.finish_reason {
        reading.finish = Some(match reason.as_str() {
            "length" => Finish::Length,
            "tool_calls" | "function_call" => Finish::ToolCalls,
            "content_filter" => Finish::Filtered,
            _ => Finish::Stop,
        });
    }
    Ok(text)
}

/// A call, or a piece of one that began before: `index` is its number, where there is one.
fn take_call(reading: &mut Reading, at: u64, raw: RawCall) -> Result<(), Odd> {
    let function = raw.function.unwrap_or(Function { name: None, arguments: None });
    let arguments = match function.arguments {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text,
        Some(value) => value.to_string(),
    };
    let named = function.name.as_deref().is_some_and(|name| !name.is_empty());
    let next = if named { reading.calls() } else { reading.calls().saturating_sub(1) };
    let number = raw.index.unwrap_or(next.max(at));
    let size = arguments.len()
        + raw.id.as_ref().map_or(0, String::len)
        + function.name.as_ref().map_or(0, String::len);
    reading.grow(size)?;
    let call = reading.call(number)?;
    call.input.push_str(&arguments);
    if let Some(id) = raw.id.filter(|id| !id.is_empty()) {
        call.id = id;
    }
    if let Some(name) = function.name.filter(|name| !name.is_empty()) {
        call.name = name;
    }
    Ok(())
}
