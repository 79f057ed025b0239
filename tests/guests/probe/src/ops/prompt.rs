//! A request to a model, as a step says it.
//!
//! - `model`; `max_tokens` (100 when absent);
//! - `prompt` (or `huge_prompt`) for one user turn and `system` for one before it, or `turns`: `{"role", "parts"}`,
//!   where `text` alone stands for one part;
//! - `tools`: `{"name", "description", "schema"}`; `format`: `"text"`, `"json"` or `{"schema": "…"}`;
//! - `parameters`: `[[name, value], …]`.
//!
//! A part is `{"text"}`, `{"blob": {"media_type", "size"}}`, `{"tool_call": {"id", "name", "input"}}` or
//! `{"tool_output": {"id", "output", "failed"}}`.

use aos_guest::Failure;
use aos_guest::bindings::aos::host::infer::{
    Blob, Format, Parameter, Part, Request, Role, Tool, ToolCall, ToolOutput, Turn,
};
use serde_json::Value;

use crate::args::Args;

/// The tokens of an answer when the step says nothing.
const MAX_TOKENS: u32 = 100;

/// Takes the keys of a request.
pub fn request(args: &mut Args) -> Result<Request, Failure> {
    let mut turns = Vec::new();
    if let Some(system) = args.maybe_text("system")? {
        turns.push(Turn { role: Role::System, parts: vec![Part::Text(system)] });
    }
    let given = args.list("turns")?;
    match given.is_empty() {
        true => turns.push(Turn { role: Role::User, parts: vec![Part::Text(args.text_or_huge("prompt")?)] }),
        false => turns.extend(all(args, "turns", "a list of {role, parts}", &given, turn)?),
    }
    let tools = args.list("tools")?;
    let parameters = args.list("parameters")?;
    Ok(Request {
        model: args.maybe_text("model")?,
        turns,
        tools: all(args, "tools", "a list of {name, description, schema}", &tools, tool)?,
        format: format(args)?,
        max_tokens: args.short("max_tokens", MAX_TOKENS)?,
        parameters: all(args, "parameters", "a list of [name, value]", &parameters, parameter)?,
    })
}

fn all<T>(
    args: &Args,
    key: &str,
    what: &str,
    values: &[Value],
    one: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, Failure> {
    values.iter().map(one).collect::<Option<_>>().ok_or_else(|| args.wrong(key, what))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn turn(value: &Value) -> Option<Turn> {
    let role = match value["role"].as_str()? {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => return None,
    };
    let parts = match text(&value["text"]) {
        Some(text) => vec![Part::Text(text)],
        None => value["parts"].as_array()?.iter().map(part).collect::<Option<_>>()?,
    };
    Some(Turn { role, parts })
}

fn part(value: &Value) -> Option<Part> {
    let (kind, value) = value.as_object()?.iter().next()?;
    Some(match kind.as_str() {
        "text" => Part::Text(text(value)?),
        "blob" => {
            let data = vec![b'x'; usize::try_from(value["size"].as_u64()?).ok()?];
            Part::Blob(Blob { media_type: text(&value["media_type"])?, data })
        }
        "tool_call" => {
            let (id, name) = (text(&value["id"])?, text(&value["name"])?);
            Part::ToolCall(ToolCall { id, name, input: text(&value["input"])? })
        }
        "tool_output" => {
            let (id, output) = (text(&value["id"])?, text(&value["output"])?);
            Part::ToolOutput(ToolOutput { id, output, failed: value["failed"].as_bool().unwrap_or(false) })
        }
        _ => return None,
    })
}

fn tool(value: &Value) -> Option<Tool> {
    let (name, description) = (text(&value["name"])?, text(&value["description"])?);
    Some(Tool { name, description, schema: text(&value["schema"])? })
}

fn parameter(value: &Value) -> Option<Parameter> {
    Some(Parameter { name: text(&value[0])?, value: text(&value[1])? })
}

fn format(args: &mut Args) -> Result<Format, Failure> {
    let Some(value) = args.take("format") else { return Ok(Format::Text) };
    match (value.as_str(), text(&value["schema"])) {
        (Some("text"), _) => Ok(Format::Text),
        (Some("json"), _) => Ok(Format::Json),
        (None, Some(schema)) => Ok(Format::Schema(schema)),
        _ => Err(args.wrong("format", "text, json or {schema}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_is_read_whole() {
        let step = json!({
            "op": "generate", "model": "m", "max_tokens": 5, "system": "s",
            "turns": [
                {"role": "user", "text": "a"},
                {"role": "assistant", "parts": [{"tool_call": {"id": "1", "name": "n", "input": "{}"}}]},
                {"role": "tool", "parts": [{"tool_output": {"id": "1", "output": "o", "failed": true}}]},
                {"role": "user", "parts": [{"blob": {"media_type": "image/png", "size": 3}}]},
            ],
            "tools": [{"name": "n", "description": "d", "schema": "{}"}],
            "format": {"schema": "{}"}, "parameters": [["seed", "1"]],
        });
        let mut args = Args::new(step).unwrap();
        let request = request(&mut args).unwrap();
        args.done().unwrap();
        assert_eq!((request.turns.len(), request.tools.len(), request.max_tokens), (5, 1, 5));
        assert!(matches!(&request.turns[3].parts[0], Part::ToolOutput(output) if output.failed));
        assert!(matches!(&request.turns[4].parts[0], Part::Blob(blob) if blob.data == b"xxx"));
        assert!(matches!(request.format, Format::Schema(_)));
        assert_eq!(request.parameters[0].name, "seed");
    }

    #[test]
    fn a_slip_in_a_turn_is_told() {
        let step = json!({"op": "generate", "turns": [{"role": "boss", "text": "a"}]});
        let failure = request(&mut Args::new(step).unwrap()).unwrap_err();
        assert_eq!(failure.message, "generate: `turns` is a list of {role, parts}");
    }
}
