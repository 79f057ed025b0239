//! Generate content (Google's Gemini API reference, "Generating content"). A streamed answer's events have the form of a
//! whole one.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::reading::{Odd, Reading, failed, garbage};
use super::{parameters, parsed};
use crate::kernel::ports::{Fault, Finish, Format, Part, Request, Role, Turn};

/// The agent's parameters, and what they are called here.
const PARAMETERS: [(&str, &str); 7] = [
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("seed", "seed"),
    ("stop", "stopSequences"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
];

/// Stands for the signature of a call, which the log does not keep (Gemini API, "Thought signatures").
const UNSIGNED: &str = "skip_thought_signature_validator";

pub fn question(request: &Request) -> Result<Value, Fault> {
    let (mut system, mut contents) = (Vec::new(), Vec::new());
    for turn in &request.turns {
        let parts: Vec<Value> =
            turn.parts.iter().map(|one| part(one, &request.turns)).collect::<Result<_, _>>()?;
        match turn.role {
            Role::System => system.extend(parts),
            Role::Assistant => contents.push(json!({"role": "model", "parts": parts})),
            Role::User | Role::Tool => contents.push(json!({"role": "user", "parts": parts})),
        }
    }
    let mut settings = Map::new();
    parameters(request, &PARAMETERS, &mut settings)?;
    settings.insert("maxOutputTokens".into(), request.max_tokens.into());
    if request.format != Format::Text {
        settings.insert("responseMimeType".into(), "application/json".into());
    }
    if let Format::Schema(schema) = &request.format {
        settings.insert("responseJsonSchema".into(), parsed(schema)?);
    }
    let mut body = json!({"contents": contents, "generationConfig": settings});
    if !system.is_empty() {
        body["systemInstruction"] = json!({"parts": system});
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            let schema = parsed(&tool.schema)?;
            Ok(json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": schema}))
        });
        let tools = tools.collect::<Result<Vec<_>, Fault>>()?;
        body["tools"] = json!([{"functionDeclarations": tools}]);
    }
    Ok(body)
}

fn part(part: &Part, turns: &[Turn]) -> Result<Value, Fault> {
    Ok(match part {
        Part::Text(text) => json!({"text": text}),
        Part::Blob { media_type, data } => json!({"inlineData": {"mimeType": media_type, "data": data}}),
        Part::ToolCall { name, input, .. } => {
            json!({"functionCall": {"name": name, "args": parsed(input)?}, "thoughtSignature": UNSIGNED})
        }
        Part::ToolOutput { id, output, failed } => {
            let key = if *failed { "error" } else { "output" };
            json!({"functionResponse": {"name": called(id, turns), "response": {key: output}}})
        }
    })
}

/// The tool of a call: outputs are paired by its name here.
fn called<'a>(id: &'a str, turns: &'a [Turn]) -> &'a str {
    let mut calls = turns.iter().flat_map(|turn| &turn.parts).filter_map(|part| match part {
        Part::ToolCall { id: own, name, .. } if own == id => Some(name.as_str()),
        _ => None,
    });
    calls.next_back().unwrap_or(id)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Metadata>,
    error: Option<RawError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<RawPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPart {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    function_call: Option<FunctionCall>,
}

#[derive(Deserialize)]
struct FunctionCall {
    id: Option<String>,
    name: Option<String>,
    args: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    prompt_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
}

#[derive(Deserialize)]
struct RawError {
    message: Option<String>,
}

pub fn take(reading: &mut Reading, json: &[u8]) -> Result<String, Odd> {
    let body: Body = serde_json::from_slice(json).map_err(|error| garbage(&error))?;
    if let Some(error) = body.error {
        return Err(failed(error.message.unwrap_or_default()));
    }
    if let Some(usage) = body.usage_metadata {
        let sum = |a: Option<u64>, b: Option<u64>| a.map(|a| a.saturating_add(b.unwrap_or(0)));
        let output = usage.candidates_token_count.or(usage.thoughts_token_count.map(|_| 0));
        reading.tokens = [
            sum(usage.prompt_token_count, usage.tool_use_prompt_token_count),
            sum(output, usage.thoughts_token_count),
            usage.cached_content_token_count,
        ];
    }
    if body.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
        (reading.finish, reading.over) = (Some(Finish::Filtered), true);
        // Of a withheld answer there is no token.
        reading.tokens[1] = reading.tokens[1].or(reading.tokens[0].map(|_| 0));
    }
    let mut text = String::new();
    let Some(candidate) = body.candidates.into_iter().next() else { return Ok(text) };
    for part in candidate.content.into_iter().flat_map(|content| content.parts) {
        if let Some(said) = part.text.filter(|_| !part.thought) {
            text.push_str(&said);
        }
        if let Some(call) = part.function_call {
            let input = call.args.map(|args| args.to_string()).unwrap_or_default();
            let (id, name) = (call.id.unwrap_or_default(), call.name.unwrap_or_default());
            reading.grow(input.len() + id.len() + name.len())?;
            let number = reading.calls();
            let begun = reading.call(number)?;
            (begun.id, begun.name, begun.input) = (id, name, input);
        }
    }
    reading.grow(text.len())?;
    if let Some(reason) = candidate.finish_reason {
        reading.finish = Some(match reason.as_str() {
            "STOP" | "FINISH_REASON_UNSPECIFIED" | "OTHER" => Finish::Stop,
            "MAX_TOKENS" => Finish::Length,
            _ => Finish::Filtered,
        });
    }
    Ok(text)
}
