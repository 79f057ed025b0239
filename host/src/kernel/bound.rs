//! What a prompt costs at most, from its bytes.
//!
//! There is no tokenizer for every model. A byte-level tokenizer, and one that falls back to bytes, makes at
//! most one token of each byte, so the bytes bound the tokens of the text; what a backend's template adds is
//! bounded by fixed allowances. It is some four times what English text costs: the rest comes back when the
//! call is settled.
//!
//! It is no bound for a backend that rewrites text into longer text, or that unpacks media beyond
//! [`BLOB_TOKENS`].

use super::ports::{Format, Part, Request, ToolSpec, Turn};

/// For what a template puts around the conversation, in tokens.
pub const REQUEST_TOKENS: u64 = 64;
/// For what a template puts around a turn (role, separators), in tokens.
pub const TURN_TOKENS: u64 = 16;
/// For what a template puts around a part, in tokens.
pub const PART_TOKENS: u64 = 16;
/// For what a template puts around a tool, in tokens.
pub const TOOL_TOKENS: u64 = 64;
/// For the instructions that a backend adds for tools, and again for JSON, in tokens.
pub const INSTRUCTION_TOKENS: u64 = 1_024;
/// For a blob, in tokens. An image costs by its dimensions, not by its bytes.
pub const BLOB_TOKENS: u64 = 65_536;

/// An upper bound of the tokens of a request's prompt; see the module for what it rests on.
pub fn bound(request: &Request) -> u64 {
    let turns = request.turns.iter().map(turn);
    let tools = request.tools.iter().map(tool);
    let instructions = if request.tools.is_empty() { 0 } else { INSTRUCTION_TOKENS };
    let format = match &request.format {
        Format::Text => 0,
        Format::Json => INSTRUCTION_TOKENS,
        Format::Schema(schema) => INSTRUCTION_TOKENS + size(schema),
    };
    turns.chain(tools).chain([instructions, format]).fold(REQUEST_TOKENS, u64::saturating_add)
}

fn tool(tool: &ToolSpec) -> u64 {
    TOOL_TOKENS + size(&tool.name) + size(&tool.description) + size(&tool.schema)
}

fn turn(turn: &Turn) -> u64 {
    turn.parts.iter().map(part).fold(TURN_TOKENS, u64::saturating_add)
}

fn part(part: &Part) -> u64 {
    let content = match part {
        Part::Text(text) => size(text),
        Part::Blob { media_type, .. } if media_type.starts_with("image/") => BLOB_TOKENS,
        // Other media may be put into the prompt as text.
        Part::Blob { media_type, data } => BLOB_TOKENS + size(media_type) + size(data),
        Part::ToolCall { id, name, input } => size(id) + size(name) + size(input),
        Part::ToolOutput { id, output, .. } => size(id) + size(output),
    };
    PART_TOKENS + content
}

fn size(text: &str) -> u64 {
    text.len() as u64
}

#[cfg(test)]
mod tests {
    use super::super::ports::Role;
    use super::*;

    fn request(parts: Vec<Part>) -> Request {
        let turns = vec![Turn { role: Role::User, parts }];
        Request { turns, tools: Vec::new(), format: Format::Text, max_tokens: 1, parameters: Vec::new() }
    }

    #[test]
    fn every_byte_of_text_counts() {
        let empty = bound(&request(Vec::new()));
        assert_eq!(empty, REQUEST_TOKENS + TURN_TOKENS);
        let text = "日本語 and ü";
        assert_eq!(bound(&request(vec![Part::Text(text.into())])), empty + PART_TOKENS + text.len() as u64);
        let call = Part::ToolCall { id: "1".into(), name: "find".into(), input: "{}".into() };
        let output = Part::ToolOutput { id: "1".into(), output: "none".into(), failed: false };
        assert_eq!(bound(&request(vec![call, output])), empty + 2 * PART_TOKENS + 7 + 5);
    }

    #[test]
    fn tools_formats_and_blobs_count() {
        let mut asked = request(vec![Part::Blob { media_type: "image/png".into(), data: "AAAA".into() }]);
        let image = bound(&asked);
        assert_eq!(image, REQUEST_TOKENS + TURN_TOKENS + PART_TOKENS + BLOB_TOKENS);
        asked.tools.push(ToolSpec { name: "t".into(), description: "does".into(), schema: "{}".into() });
        assert_eq!(bound(&asked), image + INSTRUCTION_TOKENS + TOOL_TOKENS + 7);
        asked.format = Format::Schema("{}".into());
        assert_eq!(bound(&asked), image + 2 * INSTRUCTION_TOKENS + TOOL_TOKENS + 9);
        let pdf = request(vec![Part::Blob { media_type: "application/pdf".into(), data: "A".repeat(1_000) }]);
        assert!(bound(&pdf) >= BLOB_TOKENS + 1_000);
    }
}
