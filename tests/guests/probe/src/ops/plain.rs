//! `aos:host/tool`, `aos:host/log` and `aos:host/label`.

use aos_guest::Failure;
use aos_guest::bindings::aos::host::label;
use aos_guest::bindings::aos::host::log::{self, Level};
use aos_guest::bindings::aos::host::tool;
use serde_json::{Value, json};

use crate::args::Args;
use crate::script::Outcome;

/// Nothing. Answers the tools.
pub fn tools() -> Result<Outcome, Failure> {
    let one =
        |tool: tool::Tool| json!({"name": tool.name, "description": tool.description, "schema": tool.schema});
    Ok(tool::list().map(|all| all.into_iter().map(one).collect()).map_err(Into::into))
}

/// `name` (or `huge_name`), `input` (JSON of any kind, or a text that is sent as it is). Answers the text.
pub fn call(args: &mut Args) -> Result<Outcome, Failure> {
    let input = match args.take("input") {
        None => "{}".into(),
        Some(Value::String(text)) => text,
        Some(value) => value.to_string(),
    };
    Ok(tool::call(&args.text_or_huge("name")?, &input).map(|answer| json!(answer)).map_err(Into::into))
}

/// `text` (or `huge_text`), `level` (info when absent).
pub fn log(args: &mut Args) -> Result<Outcome, Failure> {
    let level = match args.maybe_text("level")?.as_deref() {
        Some("trace") => Level::Trace,
        Some("debug") => Level::Debug,
        None | Some("info") => Level::Info,
        Some("warn") => Level::Warn,
        Some("error") => Level::Error,
        Some(_) => return Err(args.wrong("level", "trace, debug, info, warn or error")),
    };
    Ok(log::emit(level, &args.text_or_huge("text")?).map(|()| Value::Null).map_err(Into::into))
}

/// Nothing. Answers the categories.
pub fn labels() -> Result<Outcome, Failure> {
    Ok(label::list().map(|labels| json!(labels)).map_err(Into::into))
}

/// `label`.
pub fn declassify(args: &mut Args) -> Result<Outcome, Failure> {
    Ok(label::declassify(&args.text("label")?).map(|()| Value::Null).map_err(Into::into))
}
