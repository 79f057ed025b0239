//! `aos:host/infer`. The keys of a request are in [`super::prompt`].

use aos_guest::Failure;
use aos_guest::bindings::aos::host::infer::{self as wit, Chunk, Finish, Model, Part, ToolCall, Usage};
use serde_json::{Value, json};

use super::prompt::request;
use crate::args::Args;
use crate::script::Outcome;
use crate::show;
use crate::state::{Handle, State};

/// Nothing. Answers the models.
pub fn models() -> Result<Outcome, Failure> {
    let one = |model: Model| {
        json!({
            "name": model.name, "context": model.context, "tools": model.tools,
            "streaming": model.streaming, "json": model.json,
        })
    };
    Ok(wit::models().map(|all| all.into_iter().map(one).collect()).map_err(Into::into))
}

/// A request. Answers parts, finish and usage.
pub fn generate(args: &mut Args) -> Result<Outcome, Failure> {
    let response = wit::generate(&request(args)?);
    let shown = response.map(|response| {
        let parts: Vec<Value> = response.parts.into_iter().map(part).collect();
        json!({"parts": parts, "finish": finish(response.finish), "usage": usage(response.usage)})
    });
    Ok(shown.map_err(Into::into))
}

/// A request, `as`.
pub fn stream(state: &mut State, args: &mut Args) -> Result<Outcome, Failure> {
    let name = args.maybe_text("as")?;
    let kept =
        wit::stream(&request(args)?).map(|generation| state.keep(name, Handle::Generation(generation)));
    Ok(kept.map(|()| Value::Null).map_err(Into::into))
}

/// `on` a generation. Answers the chunk ({"text": …}), or null.
pub fn next(state: &State, args: &mut Args) -> Result<Outcome, Failure> {
    let chunk = state.generation(args)?.next();
    Ok(chunk.map(|chunk| json!(chunk.map(piece))).map_err(Into::into))
}

/// `on` a generation.
pub fn cancel(state: &State, args: &mut Args) -> Result<Outcome, Failure> {
    state.generation(args)?.cancel();
    Ok(Ok(Value::Null))
}

fn piece(chunk: Chunk) -> Value {
    match chunk {
        Chunk::Text(text) => json!({"text": show::bytes(text.as_bytes())}),
        Chunk::ToolCall(call) => tool_call(call),
        Chunk::End(end) => json!({"end": {"finish": finish(end.finish), "usage": usage(end.usage)}}),
    }
}

fn part(part: Part) -> Value {
    match part {
        Part::Text(text) => json!({"text": show::bytes(text.as_bytes())}),
        Part::Blob(blob) => json!({"blob": {"media_type": blob.media_type, "data": show::bytes(&blob.data)}}),
        Part::ToolCall(call) => tool_call(call),
        Part::ToolOutput(output) => {
            json!({"tool_output": {"id": output.id, "output": output.output, "failed": output.failed}})
        }
    }
}

fn tool_call(call: ToolCall) -> Value {
    json!({"tool_call": {"id": call.id, "name": call.name, "input": call.input}})
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool-calls",
        Finish::Filtered => "filtered",
    }
}

fn usage(usage: Usage) -> Value {
    json!({"tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out, "micro_usd": usage.micro_usd})
}
