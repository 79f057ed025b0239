//! What a request may be, whatever its backend.

use serde::de::IgnoredAny;

use super::ports::{Format, Part, Request, ToolSpec, Turn};

/// Turns of a conversation.
pub const TURN_LIMIT: usize = 256;
/// Parts of all turns together.
pub const PART_LIMIT: usize = 4_096;
/// Tools that are offered.
pub const TOOL_LIMIT: usize = 128;
/// Further parameters.
pub const PARAMETER_LIMIT: usize = 32;
/// All text and blobs of a request together, in bytes; a blob counts in base 64.
pub const REQUEST_LIMIT: usize = crate::limits::PROMPT_BYTES as usize;
/// A tool's or parameter's name, a call's id and a media type, in bytes.
pub const NAME_LIMIT: usize = 256;
/// How deep JSON may be nested.
pub const NESTING_LIMIT: usize = 64;

/// Why a request is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// More bytes than [`REQUEST_LIMIT`].
    #[error("the request holds {0} bytes; the limit is {REQUEST_LIMIT}: shorten the prompt")]
    TooLarge(usize),
    /// It breaks a rule.
    #[error("{0}")]
    Invalid(String),
}

/// Checks a request: its size first, then its numbers, names and JSON.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(request: &Request) -> Result<(), RequestError> {
    let size = size(request);
    if size > REQUEST_LIMIT {
        return Err(RequestError::TooLarge(size));
    }
    if request.max_tokens == 0 {
        return invalid("max-tokens is 0: ask for at least 1");
    }
    if request.turns.is_empty() {
        return invalid("the request has no turns: there is nothing to answer");
    }
    at_most("turns", request.turns.len(), TURN_LIMIT)?;
    at_most("parts", request.turns.iter().map(|turn| turn.parts.len()).sum(), PART_LIMIT)?;
    at_most("tools", request.tools.len(), TOOL_LIMIT)?;
    at_most("parameters", request.parameters.len(), PARAMETER_LIMIT)?;
    request.turns.iter().enumerate().try_for_each(|(index, turn)| check_turn(index, turn))?;
    check_tools(&request.tools)?;
    if let Format::Schema(schema) = &request.format {
        object("the format's schema", schema)?;
    }
    check_parameters(&request.parameters)
}

fn check_turn(index: usize, turn: &Turn) -> Result<(), RequestError> {
    if turn.parts.is_empty() {
        return invalid(format!("turn {index} has no parts"));
    }
    for part in &turn.parts {
        match part {
            Part::Text(_) => {}
            Part::Blob { media_type, .. } => {
                name("media type", media_type)?;
                if !media_type.contains('/') {
                    return invalid(format!(
                        "turn {index}: {media_type:?} is no media type, such as `image/png`"
                    ));
                }
            }
            Part::ToolCall { id, name: tool, input } => {
                name("call id", id)?;
                name("tool name", tool)?;
                json(&format!("turn {index}: the input of {tool:?}"), input)?;
            }
            Part::ToolOutput { id, .. } => name("call id", id)?,
        }
    }
    Ok(())
}

fn check_tools(tools: &[ToolSpec]) -> Result<(), RequestError> {
    for (index, tool) in tools.iter().enumerate() {
        name("tool name", &tool.name)?;
        if tools[..index].iter().any(|other| other.name == tool.name) {
            return invalid(format!("two tools are named {:?}", tool.name));
        }
        object(&format!("the schema of tool {:?}", tool.name), &tool.schema)?;
    }
    Ok(())
}

fn check_parameters(parameters: &[(String, String)]) -> Result<(), RequestError> {
    for (index, (key, value)) in parameters.iter().enumerate() {
        name("parameter name", key)?;
        if parameters[..index].iter().any(|(other, _)| other == key) {
            return invalid(format!("parameter {key:?} is given twice"));
        }
        json(&format!("the value of parameter {key:?}"), value)?;
    }
    Ok(())
}

/// All strings together; they alone can be long.
pub(crate) fn size(request: &Request) -> usize {
    let part = |part: &Part| match part {
        Part::Text(text) => text.len(),
        Part::Blob { media_type, data } => media_type.len() + data.len(),
        Part::ToolCall { id, name, input } => id.len() + name.len() + input.len(),
        Part::ToolOutput { id, output, .. } => id.len() + output.len(),
    };
    let turns = request.turns.iter().flat_map(|turn| &turn.parts).map(part);
    let tools = request.tools.iter().map(|tool| tool.name.len() + tool.description.len() + tool.schema.len());
    let parameters = request.parameters.iter().map(|(name, value)| name.len() + value.len());
    let format = match &request.format {
        Format::Text | Format::Json => 0,
        Format::Schema(schema) => schema.len(),
    };
    turns.chain(tools).chain(parameters).fold(format, usize::saturating_add)
}

fn at_most(what: &str, count: usize, limit: usize) -> Result<(), RequestError> {
    if count > limit {
        return invalid(format!("the request has {count} {what}; the limit is {limit}"));
    }
    Ok(())
}

fn name(what: &str, name: &str) -> Result<(), RequestError> {
    if name.is_empty() || name.len() > NAME_LIMIT || name.chars().any(char::is_control) {
        let length = name.len();
        return invalid(format!(
            "a {what} of {length} bytes: it needs 1 to {NAME_LIMIT}, without control characters"
        ));
    }
    Ok(())
}

fn object(what: &str, text: &str) -> Result<(), RequestError> {
    json(what, text)?;
    if !text.trim_ascii_start().starts_with('{') {
        return invalid(format!("{what} is no JSON object"));
    }
    Ok(())
}

/// Checks that a text is one JSON value (RFC 8259), nested no deeper than [`NESTING_LIMIT`].
///
/// # Errors
/// `Invalid`, beginning with `what`.
pub fn json(what: &str, text: &str) -> Result<(), RequestError> {
    if nesting(text) > NESTING_LIMIT {
        return invalid(format!("{what} is nested deeper than {NESTING_LIMIT}"));
    }
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => invalid(format!("{what} is not JSON: {error}")),
    }
}

/// How deep brackets are open at most, outside strings. Right for JSON; for anything else just a number.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn invalid<T>(text: impl Into<String>) -> Result<T, RequestError> {
    Err(RequestError::Invalid(text.into()))
}

#[cfg(test)]
mod tests {
    use super::super::ports::Role;
    use super::*;

    fn request() -> Request {
        Request {
            turns: vec![Turn { role: Role::User, parts: vec![Part::Text("hello".into())] }],
            tools: vec![ToolSpec { name: "find".into(), description: String::new(), schema: "{}".into() }],
            format: Format::Schema(r#"{"type":"object"}"#.into()),
            max_tokens: 1,
            parameters: vec![("temperature".into(), "0.5".into())],
        }
    }

    #[track_caller]
    fn says(change: impl FnOnce(&mut Request), words: &str) {
        let mut request = request();
        change(&mut request);
        match check(&request) {
            Err(RequestError::Invalid(text)) => assert!(text.contains(words), "{text}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_plain_request_passes() {
        check(&request()).unwrap();
    }

    #[test]
    fn numbers_are_bounded() {
        says(|request| request.max_tokens = 0, "max-tokens");
        says(|request| request.turns.clear(), "no turns");
        says(|request| request.turns[0].parts.clear(), "turn 0 has no parts");
        says(|request| request.turns = vec![request.turns[0].clone(); 257], "257 turns");
        says(|request| request.turns[0].parts = vec![Part::Text(String::new()); 4_097], "4097 parts");
        says(|request| request.tools = vec![request.tools[0].clone(); 129], "129 tools");
        says(|request| request.parameters = vec![(String::new(), String::new()); 33], "33 parameters");
        let mut most = request();
        most.turns = vec![most.turns[0].clone(); 256];
        check(&most).unwrap();
    }

    #[test]
    fn the_size_is_bounded_to_the_byte() {
        let mut sized = request();
        sized.tools.clear();
        sized.parameters.clear();
        sized.format = Format::Text;
        sized.turns[0].parts = vec![Part::Text("x".repeat(4 << 20))];
        check(&sized).unwrap();
        let blob = Part::Blob { media_type: "a/b".into(), data: String::new() };
        sized.turns[0].parts.push(blob);
        assert_eq!(check(&sized), Err(RequestError::TooLarge((4 << 20) + 3)));
    }

    #[test]
    fn names_are_checked() {
        says(|request| request.tools[0].name.clear(), "tool name");
        says(|request| request.tools.push(request.tools[0].clone()), "two tools");
        says(|request| request.parameters.push(request.parameters[0].clone()), "twice");
        says(|request| request.parameters[0].0 = "a\n".into(), "control");
        let blob = |media: &str| Part::Blob { media_type: media.into(), data: String::new() };
        says(|request| request.turns[0].parts.push(blob("png")), "no media type");
        let output = Part::ToolOutput { id: "x".repeat(257), output: String::new(), failed: false };
        says(|request| request.turns[0].parts.push(output), "257 bytes");
    }

    #[test]
    fn json_is_checked_and_not_deep() {
        says(|request| request.tools[0].schema = "{".into(), "schema of tool \"find\" is not JSON");
        says(|request| request.tools[0].schema = "[]".into(), "no JSON object");
        says(|request| request.format = Format::Schema("{} {}".into()), "format's schema is not JSON");
        says(|request| request.parameters[0].1 = "0,5".into(), "\"temperature\" is not JSON");
        let call = Part::ToolCall { id: "1".into(), name: "find".into(), input: "x".into() };
        says(|request| request.turns[0].parts.push(call), "input of \"find\"");
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        says(|request| request.parameters[0].1 = deep(65), "nested deeper");
        says(|request| request.parameters[0].1 = deep(1 << 20), "nested deeper");
        json("it", &deep(64)).unwrap();
        json("it", &format!("\"\\\"{}\"", "[".repeat(100))).unwrap();
    }
}
