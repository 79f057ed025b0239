//! Messages (Anthropic's API reference, "Messages" and "Streaming messages").

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::reading::{Odd, Reading, failed, garbage};
use super::{parameters, parsed, unfit};
use crate::kernel::ports::{Fault, Finish, Format, Part, Request, Role};

/// The agent's parameters, and what they are called here.
const PARAMETERS: [(&str, &str); 4] =
    [("temperature", "temperature"), ("top_p", "top_p"), ("top_k", "top_k"), ("stop", "stop_sequences")];

/// For JSON without a schema, which the form does not know.
const JSON_ONLY: &str = "Answer with one JSON value and nothing else.";

pub fn question(model: &str, request: &Request, streams: bool) -> Result<Value, Fault> {
    let mut system: Vec<&str> = Vec::new();
    let mut messages = Vec::new();
    for turn in &request.turns {
        if turn.role == Role::System {
            for part in &turn.parts {
                let Part::Text(text) = part else { return Err(unfit("instructions to this model are text")) };
                system.push(text);
            }
            continue;
        }
        let content: Vec<Value> = turn.parts.iter().map(block).collect::<Result<_, _>>()?;
        let role = if turn.role == Role::Assistant { "assistant" } else { "user" };
        messages.push(json!({"role": role, "content": content}));
    }
    let mut body = Map::new();
    parameters(request, &PARAMETERS, &mut body)?;
    match &request.format {
        Format::Text => {}
        Format::Json => system.push(JSON_ONLY),
        Format::Schema(schema) => {
            let format = json!({"type": "json_schema", "schema": parsed(schema)?});
            body.insert("output_config".into(), json!({"format": format}));
        }
    }
    body.insert("model".into(), model.into());
    body.insert("max_tokens".into(), request.max_tokens.into());
    body.insert("messages".into(), messages.into());
    body.insert("stream".into(), streams.into());
    if !system.is_empty() {
        body.insert("system".into(), system.join("\n\n").into());
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            let schema = parsed(&tool.schema)?;
            Ok(json!({"name": tool.name, "description": tool.description, "input_schema": schema}))
        });
        body.insert("tools".into(), tools.collect::<Result<Vec<_>, Fault>>()?.into());
    }
    Ok(body.into())
}

fn block(part: &Part) -> Result<Value, Fault> {
    Ok(match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Blob { media_type, data } => {
            let kind = match media_type.as_str() {
                "application/pdf" => "document",
                image if image.starts_with("image/") => "image",
                other => return Err(unfit(format!("the model takes images and PDFs, not {other:?}"))),
            };
            json!({"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}})
        }
        Part::ToolCall { id, name, input } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": parsed(input)?})
        }
        Part::ToolOutput { id, output, failed } => {
            json!({"type": "tool_result", "tool_use_id": id, "content": output, "is_error": failed})
        }
    })
}

/// A whole message, or an event; an event's own parts are those that its type has.
#[derive(Deserialize)]
struct Body {
    r#type: Option<String>,
    // A whole message, also within `message_start`.
    content: Option<Vec<Block>>,
    stop_reason: Option<String>,
    usage: Option<RawUsage>,
    message: Option<Started>,
    // Events.
    index: Option<u64>,
    content_block: Option<Block>,
    delta: Option<Delta>,
    error: Option<RawError>,
}

#[derive(Deserialize)]
struct Started {
    usage: Option<RawUsage>,
}

#[derive(Deserialize)]
struct Block {
    r#type: String,
    text: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Value>,
}

#[derive(Deserialize)]
struct Delta {
    text: Option<String>,
    partial_json: Option<String>,
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct RawError {
    message: Option<String>,
}

#[derive(Deserialize)]
struct RawUsage {
    input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

pub fn take(reading: &mut Reading, json: &[u8]) -> Result<String, Odd> {
    let body: Body = serde_json::from_slice(json).map_err(|error| garbage(&error))?;
    if let Some(error) = body.error {
        return Err(failed(error.message.unwrap_or_default()));
    }
    for usage in body.message.and_then(|message| message.usage).into_iter().chain(body.usage) {
        count(reading, &usage);
    }
    let mut text = String::new();
    for (at, block) in body.content.into_iter().flatten().enumerate() {
        take_block(reading, at as u64, block, &mut text)?;
    }
    if let Some(block) = body.content_block {
        take_block(reading, body.index.unwrap_or(0), block, &mut text)?;
    }
    let mut reason = body.stop_reason;
    if let Some(delta) = body.delta {
        text.push_str(delta.text.as_deref().unwrap_or_default());
        if let Some(piece) = delta.partial_json {
            reading.grow(piece.len())?;
            reading.call(body.index.unwrap_or(0))?.input.push_str(&piece);
        }
        reason = reason.or(delta.stop_reason);
    }
    if let Some(reason) = reason {
        reading.finish = Some(match reason.as_str() {
            "max_tokens" | "model_context_window_exceeded" => Finish::Length,
            "tool_use" => Finish::ToolCalls,
            "refusal" => Finish::Filtered,
            _ => Finish::Stop,
        });
    }
    reading.over |= body.r#type.as_deref() == Some("message_stop");
    reading.grow(text.len())?;
    Ok(text)
}

fn take_block(reading: &mut Reading, number: u64, block: Block, text: &mut String) -> Result<(), Odd> {
    match block.r#type.as_str() {
        "text" => text.push_str(block.text.as_deref().unwrap_or_default()),
        "tool_use" => {
            // A streamed one begins with an empty object and brings its input in pieces.
            let input = block.input.filter(|input| input.as_object().is_none_or(|map| !map.is_empty()));
            let input = input.map(|input| input.to_string()).unwrap_or_default();
            let (id, name) = (block.id.unwrap_or_default(), block.name.unwrap_or_default());
            reading.grow(input.len() + id.len() + name.len())?;
            let call = reading.call(number)?;
            (call.id, call.name, call.input) = (id, name, input);
        }
        // Thinking is not part of the answer.
        _ => {}
    }
    Ok(())
}

/// What is said later replaces what was said before. The prompt's tokens come in three parts, which add up.
fn count(reading: &mut Reading, usage: &RawUsage) {
    if let Some(fresh) = usage.input_tokens {
        let (read, made) = (usage.cache_read_input_tokens, usage.cache_creation_input_tokens);
        let sum = fresh.saturating_add(read.unwrap_or(0)).saturating_add(made.unwrap_or(0));
        (reading.tokens[0], reading.tokens[2]) = (Some(sum), read);
    }
    reading.tokens[1] = usage.output_tokens.or(reading.tokens[1]);
}
