//! Questions to models: the WIT's request as the kernel's, and the answers back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use wasmtime::StoreContextMut;

use super::bindings::infer as wit;
use super::convert;
use super::{Caller, text};
use crate::kernel::answer::Spent;
use crate::kernel::bound::bound;
use crate::kernel::call::{Question, clip};
use crate::kernel::ports::{Chunk, Completion, Format, Part, Request, Role, ToolSpec, Turn};
use crate::kernel::request::{RequestError, check};

/// What an entry says of a request, and its JSON.
pub(super) fn question<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    request: wit::Request,
) -> wasmtime::Result<(Question, Vec<u8>)> {
    let model = text(store, request.model.unwrap_or_else(|| "default".to_owned()))?;
    let request = Request {
        turns: request.turns.into_iter().map(turn).collect(),
        tools: request
            .tools
            .into_iter()
            .map(|tool| ToolSpec { name: tool.name, description: tool.description, schema: tool.schema })
            .collect(),
        format: match request.format {
            wit::Format::Text => Format::Text,
            wit::Format::Json => Format::Json,
            wit::Format::Schema(schema) => Format::Schema(schema),
        },
        max_tokens: request.max_tokens,
        parameters: request.parameters.into_iter().map(|p| (p.name, p.value)).collect(),
    };
    let fault = match check(&request) {
        Ok(()) | Err(RequestError::TooLarge(_)) => None,
        Err(RequestError::Invalid(what)) => Some(clip(what)),
    };
    let question = Question {
        model,
        max_tokens: request.max_tokens,
        bound: bound(&request),
        tools: !request.tools.is_empty(),
        json: request.format != Format::Text,
        fault,
    };
    Ok((question, serde_json::to_vec(&request)?))
}

fn turn(turn: wit::Turn) -> Turn {
    let role = match turn.role {
        wit::Role::System => Role::System,
        wit::Role::User => Role::User,
        wit::Role::Assistant => Role::Assistant,
        wit::Role::Tool => Role::Tool,
    };
    Turn { role, parts: turn.parts.into_iter().map(kernel_part).collect() }
}

fn kernel_part(part: wit::Part) -> Part {
    match part {
        wit::Part::Text(text) => Part::Text(text),
        wit::Part::Blob(blob) => Part::Blob { media_type: blob.media_type, data: BASE64.encode(&blob.data) },
        wit::Part::ToolCall(call) => Part::ToolCall { id: call.id, name: call.name, input: call.input },
        wit::Part::ToolOutput(output) => {
            Part::ToolOutput { id: output.id, output: output.output, failed: output.failed }
        }
    }
}

fn part(part: Part) -> wasmtime::Result<wit::Part> {
    Ok(match part {
        Part::Text(text) => wit::Part::Text(text),
        Part::Blob { media_type, data } => {
            wit::Part::Blob(wit::Blob { media_type, data: BASE64.decode(data)? })
        }
        Part::ToolCall { id, name, input } => wit::Part::ToolCall(wit::ToolCall { id, name, input }),
        Part::ToolOutput { id, output, failed } => {
            wit::Part::ToolOutput(wit::ToolOutput { id, output, failed })
        }
    })
}

/// A whole answer, from its JSON.
pub(super) fn response(json: &[u8], spent: Spent) -> wasmtime::Result<wit::Response> {
    let completion: Completion = serde_json::from_slice(json)?;
    Ok(wit::Response {
        parts: completion.parts.into_iter().map(part).collect::<wasmtime::Result<_>>()?,
        finish: convert::finish(completion.finish),
        usage: convert::usage(spent),
    })
}

/// A piece of an answer.
pub(super) fn chunk(chunk: Chunk, spent: Spent) -> wit::Chunk {
    match chunk {
        Chunk::Text(text) => wit::Chunk::Text(text),
        Chunk::ToolCall { id, name, input } => wit::Chunk::ToolCall(wit::ToolCall { id, name, input }),
        Chunk::End { finish, .. } => {
            wit::Chunk::End(wit::Ending { finish: convert::finish(finish), usage: convert::usage(spent) })
        }
    }
}

#[derive(Deserialize)]
struct Offered {
    name: String,
    context: u32,
    tools: bool,
    streaming: bool,
    json: bool,
}

/// The models that a process may ask, from their JSON.
pub(super) fn models(json: &[u8]) -> wasmtime::Result<Vec<wit::Model>> {
    let list: Vec<Offered> = serde_json::from_slice(json)?;
    let model = |o: Offered| wit::Model {
        name: o.name,
        context: o.context,
        tools: o.tools,
        streaming: o.streaming,
        json: o.json,
    };
    Ok(list.into_iter().map(model).collect())
}
