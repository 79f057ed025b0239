//! One answer of a script: when it is given, and what it says.

use std::time::Duration;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::script::NUMBER_LIMIT;
use crate::kernel::ports::{Ask, Fault, Finish, Role};
use crate::kernel::request::json;

/// The longest latency, in milliseconds.
const LATENCY_LIMIT: u64 = 600_000;
/// A chunk of a stream, in bytes.
const CHUNK_LIMIT: usize = 64 << 10;
/// What a fault says, in bytes.
pub(super) const DETAIL_LIMIT: usize = 512;
/// A regular expression, in bytes.
const PATTERN_LIMIT: usize = 1_024;
/// A compiled regular expression, and what matching it keeps, in bytes each.
const PROGRAM_LIMIT: usize = 256 << 10;

/// An answer as it is written. The keys up to `turn` are its conditions; all must hold.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct RawAnswer {
    /// The model's name at the backend.
    model: Option<String>,
    /// The process that asks.
    process: Option<String>,
    /// Whose the last turn is.
    role: Option<Role>,
    /// What the text of the last turn contains.
    contains: Option<String>,
    /// A regular expression that matches somewhere in the text of the last turn.
    matches: Option<String>,
    /// How many calls the process had made before.
    turn: Option<u64>,
    /// What it says; or
    text: Option<String>,
    /// the JSON that it says; or
    json: Option<String>,
    /// what it says, with `{prompt}` for the text of the last turn and `{process}` for who asks.
    template: Option<String>,
    /// The tools that it asks for.
    tool_calls: Vec<ToolCall>,
    /// The text in the pieces that a stream has; alone, it is the text.
    chunks: Option<Vec<String>>,
    /// Absent: `tool-calls` when there are some, else `stop`.
    finish: Option<Finish>,
    /// Of the prompt; absent: a quarter of its bytes, rounded up.
    tokens_in: Option<u64>,
    /// Of the answer; absent: as for the prompt.
    tokens_out: Option<u64>,
    /// Whether no usage is reported.
    no_usage: bool,
    /// Before the answer begins.
    latency_ms: u64,
    /// Fails instead.
    fail: Option<RawFault>,
    /// Chunks (text or tool calls) after which a stream breaks off.
    break_after: Option<usize>,
}

/// A tool that the model asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) name: String,
    /// JSON.
    pub(super) input: String,
}

impl ToolCall {
    /// In bytes.
    pub(super) fn size(&self) -> usize {
        self.id.len() + self.name.len() + self.input.len()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawFault {
    detail: String,
    #[serde(default)]
    retryable: bool,
    retry_after_ms: Option<u64>,
}

/// A checked answer.
#[derive(Debug)]
pub(super) struct Answer {
    when: When,
    pub(super) latency: Duration,
    pub(super) outcome: Result<Saying, Fault>,
}

/// Conditions, all of which must hold.
#[derive(Debug)]
struct When {
    model: Option<String>,
    process: Option<String>,
    role: Option<Role>,
    contains: Option<String>,
    matches: Option<Regex>,
    turn: Option<u64>,
}

/// What an answer says.
#[derive(Debug)]
pub(super) struct Saying {
    pub(super) words: Words,
    pub(super) calls: Vec<ToolCall>,
    /// The lengths of a stream's pieces of text, in bytes; absent: it is cut evenly.
    pub(super) pieces: Option<Vec<usize>>,
    pub(super) finish: Finish,
    /// In and out, where the script says them; absent: no usage is reported.
    pub(super) usage: Option<(Option<u64>, Option<u64>)>,
    pub(super) break_after: Option<usize>,
}

/// The text of an answer.
#[derive(Debug)]
pub(super) enum Words {
    /// As it is.
    Fixed(String),
    /// With places to fill.
    Template(String),
}

impl Answer {
    /// Checks that an answer makes sense; the error is for the script's author.
    pub(super) fn check(raw: RawAnswer) -> Result<Answer, String> {
        if raw.latency_ms > LATENCY_LIMIT {
            return Err(format!("`latency-ms` is above {LATENCY_LIMIT}"));
        }
        let latency = Duration::from_millis(raw.latency_ms);
        let (when, said) = split(raw)?;
        let outcome = match said.fail {
            Some(_) if says_something(&said) => {
                return Err("`fail` is instead of an answer: remove what it says".to_owned());
            }
            Some(fail) => Err(fault(fail)?),
            None => Ok(saying(said)?),
        };
        Ok(Answer { when, latency, outcome })
    }

    /// Whether it answers this; `text` is that of the last turn.
    pub(super) fn fits(&self, ask: &Ask, text: &str) -> bool {
        let When { model, process, role, contains, matches, turn } = &self.when;
        let last = ask.request.turns.last().map(|turn| turn.role);
        model.as_ref().is_none_or(|model| *model == ask.model)
            && process.as_ref().is_none_or(|process| *process == ask.process)
            && role.is_none_or(|role| Some(role) == last)
            && turn.is_none_or(|turn| turn == ask.turn)
            && contains.as_ref().is_none_or(|part| text.contains(part))
            && matches.as_ref().is_none_or(|pattern| pattern.is_match(text))
    }
}

/// Takes the conditions out.
fn split(mut raw: RawAnswer) -> Result<(When, RawAnswer), String> {
    let matches = raw.matches.take().map(|text| pattern(&text)).transpose()?;
    let when = When {
        model: raw.model.take(),
        process: raw.process.take(),
        role: raw.role.take(),
        contains: raw.contains.take(),
        matches,
        turn: raw.turn.take(),
    };
    Ok((when, raw))
}

fn pattern(text: &str) -> Result<Regex, String> {
    if text.len() > PATTERN_LIMIT {
        return Err(format!("`matches` is longer than {PATTERN_LIMIT} bytes"));
    }
    let built = RegexBuilder::new(text).size_limit(PROGRAM_LIMIT).dfa_size_limit(PROGRAM_LIMIT).build();
    built.map_err(|error| format!("`matches` is no regular expression that can be used: {error}"))
}

fn says_something(raw: &RawAnswer) -> bool {
    let words = raw.text.is_some() || raw.json.is_some() || raw.template.is_some() || raw.chunks.is_some();
    let counts = raw.tokens_in.is_some() || raw.tokens_out.is_some() || raw.no_usage;
    words || counts || !raw.tool_calls.is_empty() || raw.finish.is_some() || raw.break_after.is_some()
}

fn fault(raw: RawFault) -> Result<Fault, String> {
    if raw.detail.len() > DETAIL_LIMIT {
        return Err(format!("the `detail` of `fail` is longer than {DETAIL_LIMIT} bytes"));
    }
    number("retry-after-ms", raw.retry_after_ms)?;
    let RawFault { detail, retryable, retry_after_ms } = raw;
    Ok(Fault { detail, retryable, retry_after_ms, ..Fault::default() })
}

fn saying(raw: RawAnswer) -> Result<Saying, String> {
    let words = words(&raw)?;
    for call in &raw.tool_calls {
        json(&format!("the input of tool call {:?}", call.id), &call.input)
            .map_err(|error| error.to_string())?;
    }
    if raw.no_usage && (raw.tokens_in.is_some() || raw.tokens_out.is_some()) {
        return Err(
            "`no-usage` reports no tokens: remove `tokens-in` and `tokens-out`, or `no-usage`".to_owned()
        );
    }
    number("tokens-in", raw.tokens_in)?;
    number("tokens-out", raw.tokens_out)?;
    let finish = if raw.tool_calls.is_empty() { Finish::Stop } else { Finish::ToolCalls };
    Ok(Saying {
        words,
        pieces: raw.chunks.map(|chunks| chunks.iter().map(String::len).collect()),
        finish: raw.finish.unwrap_or(finish),
        usage: (!raw.no_usage).then_some((raw.tokens_in, raw.tokens_out)),
        break_after: raw.break_after,
        calls: raw.tool_calls,
    })
}

fn words(raw: &RawAnswer) -> Result<Words, String> {
    if let Some(text) = &raw.json {
        json("`json`", text).map_err(|error| error.to_string())?;
    }
    let chunks = raw.chunks.as_ref().map(|chunks| chunks.concat());
    if raw.chunks.iter().flatten().any(|chunk| chunk.len() > CHUNK_LIMIT) {
        return Err(format!("a chunk is longer than {CHUNK_LIMIT} bytes"));
    }
    match (&raw.text, &raw.json, &raw.template, chunks) {
        (None, None, None, Some(chunks)) => Ok(Words::Fixed(chunks)),
        (Some(text), None, None, chunks) | (None, Some(text), None, chunks) => {
            if chunks.is_some_and(|chunks| chunks != *text) {
                return Err("`chunks` put together are not the answer's text".to_owned());
            }
            Ok(Words::Fixed(text.clone()))
        }
        (None, None, Some(template), None) => Ok(Words::Template(template.clone())),
        (None, None, Some(_), Some(_)) => {
            Err("a `template` cannot have `chunks`: it is cut evenly".to_owned())
        }
        (None, None, None, None) if !raw.tool_calls.is_empty() => Ok(Words::Fixed(String::new())),
        (None, None, None, None) => {
            Err("the answer says nothing: add `text`, `json`, `template`, `chunks`, `tool-calls` or `fail`"
                .to_owned())
        }
        _ => Err("an answer has one of `text`, `json` and `template`: remove the others".to_owned()),
    }
}

fn number(what: &str, number: Option<u64>) -> Result<(), String> {
    if number.is_some_and(|number| number > NUMBER_LIMIT) {
        return Err(format!("`{what}` is above {NUMBER_LIMIT}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::script::parse;

    #[track_caller]
    fn says(body: &str, words: &str) {
        let error = parse(&format!("[[answer]]\n{body}"), "s").unwrap_err().to_string();
        assert!(error.starts_with("s:1:1: ") && error.contains(words), "{error}");
    }

    #[test]
    fn contradictions_are_refused() {
        says("text = 'a'\njson = '1'", "one of `text`, `json` and `template`");
        says("text = 'a'\ntemplate = 'b'", "one of");
        says("template = 'a'\nchunks = ['a']", "cannot have `chunks`");
        says("text = 'ab'\nchunks = ['a', 'c']", "put together");
        says("json = '{'", "`json` is not JSON");
        says("tool-calls = [{ id = '1', name = 'x', input = '{' }]", "tool call \"1\"");
        says("text = 'a'\nno-usage = true\ntokens-in = 1", "`no-usage`");
        says("text = 'a'\nfail = { detail = 'x' }", "instead of an answer");
        says("break-after = 1\nfail = { detail = 'x' }", "instead of an answer");
        says("model = 'x'", "says nothing");
    }

    #[test]
    fn everything_is_bounded() {
        says("text = 'a'\nlatency-ms = 600001", "latency-ms");
        says("text = 'a'\ntokens-out = 9007199254740992", "tokens-out");
        says(&format!("fail = {{ detail = '{}' }}", "x".repeat(513)), "512");
        says(&format!("chunks = ['{}']", "x".repeat(65_537)), "65536");
        says(&format!("text = 'a'\nmatches = '{}'", "x".repeat(1_025)), "1024");
        says("text = 'a'\nmatches = '((a{99}){99}){99}'", "regular expression");
        says("text = 'a'\nmatches = '('", "regular expression");
        says(&format!("json = '{}{}'", "[".repeat(65), "]".repeat(65)), "nested");
    }
}
