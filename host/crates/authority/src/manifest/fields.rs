//! The texts of a manifest and their rules.

use super::ManifestError;
use super::table::{Table, Value};

/// Bytes of a description at most.
const DESCRIPTION_LIMIT: usize = 512;

/// Bytes of a component's path at most.
const COMPONENT_LIMIT: usize = 1024;

/// Names that no child may have: what a child calls its parent, and the sender of the kernel's notices.
pub const RESERVED: [&str; 2] = ["parent", "kernel"];

/// Whether a text is 1 to 64 of `a-z`, `0-9` and `-`.
pub fn is_label(text: &str) -> bool {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// A package's name.
pub fn label(value: &Value<'_>) -> Result<String, ManifestError> {
    let text = value.text()?;
    match is_label(text) {
        true => Ok(text.to_owned()),
        false => Err(value.error(format!("{} must be 1 to 64 of a-z, 0-9 and `-`", value.name()))),
    }
}

/// `x.y.z`.
pub fn version(value: &Value<'_>) -> Result<String, ManifestError> {
    let text = value.text()?;
    let number = |part: &str| part.parse::<u32>().is_ok_and(|number| number.to_string() == part);
    match text.split('.').count() == 3 && text.split('.').all(number) {
        true => Ok(text.to_owned()),
        false => Err(value.error(format!("{} must be three numbers, such as \"0.1.0\"", value.name()))),
    }
}

/// The optional `description`.
pub fn description(table: &Table<'_>) -> Result<String, ManifestError> {
    let Some(value) = table.get("description") else {
        return Ok(String::new());
    };
    let text = value.text()?;
    if text.len() > DESCRIPTION_LIMIT {
        let name = value.name();
        return Err(
            value.error(format!("{name} has {} bytes; at most {DESCRIPTION_LIMIT} are allowed", text.len()))
        );
    }
    if text.chars().any(char::is_control) {
        return Err(
            value.error(format!("{} holds a control character; write one line of text", value.name()))
        );
    }
    Ok(text.to_owned())
}

/// The required `component`. It stays inside the manifest's folder, because the two travel together.
pub fn component(table: &Table<'_>) -> Result<String, ManifestError> {
    let value = table.required("component")?;
    let text = value.text()?;
    if !is_component(text) {
        let rule =
            "must be a path such as \"agent.wasm\": relative to this file, inside its folder, with `/`";
        return Err(value.error(format!("{} {rule}", value.name())));
    }
    Ok(text.to_owned())
}

/// Whether a text is the path of a component.
pub fn is_component(text: &str) -> bool {
    let plain = |segment: &str| !matches!(segment, "" | "." | "..");
    let foreign = |c: char| c.is_control() || matches!(c, '\\' | ':');
    text.len() <= COMPONENT_LIMIT && !text.chars().any(foreign) && text.split('/').all(plain)
}
