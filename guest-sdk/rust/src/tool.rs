//! Plugins and other tools, by name, with JSON in and out.

use crate::bindings::aos::host::tool as wit;
pub use crate::bindings::aos::host::tool::Tool;
use crate::error::Error;

/// The tools that this agent may call.
/// Errors: `Unsupported` (this host has no tools), `Exhausted`.
pub fn list() -> Result<Vec<Tool>, Error> {
    Ok(wit::list()?)
}

/// Calls a tool with a JSON text and waits for its answer, a JSON text; 1 MiB each.
/// Capability: `tool` with its name.
/// Errors: `Denied`, `NotFound`, `Unsupported`, `Invalid` (not JSON, or against the schema), `TooLarge`,
/// `Unavailable` (the tool failed), `UnknownOutcome` (look before repeating it), `Exhausted`.
pub fn call(name: &str, input: &str) -> Result<String, Error> {
    Ok(wit::call(name, input)?)
}

/// Calls a tool with a value and reads its answer as another. Errors as [`call`], and a failure when either is
/// not the JSON expected.
#[cfg(feature = "json")]
pub fn call_json<I: serde::Serialize, O: serde::de::DeserializeOwned>(
    name: &str,
    input: &I,
) -> Result<O, crate::Failure> {
    let answer = call(name, &serde_json::to_string(input)?)?;
    Ok(serde_json::from_str(&answer)?)
}
