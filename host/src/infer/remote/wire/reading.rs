//! An answer as it comes in, whatever its form.

use crate::kernel::ports::{Finish, Usage};
use crate::kernel::request::{NAME_LIMIT, json};
use crate::limits::PROMPT_BYTES;

/// Tool calls of an answer.
const CALLS_LIMIT: usize = 128;

/// What is odd about an answer: what is told to the agent, and the server's own words.
#[derive(Debug, PartialEq, Eq)]
pub struct Odd {
    /// For the agent.
    pub detail: &'static str,
    /// For the operator.
    pub words: String,
}

/// A tool that the model asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Pairs it with its output.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON.
    pub input: String,
}

/// What has come of an answer, beside its text.
#[derive(Debug, Default)]
pub struct Reading {
    /// Each with its number in the answer.
    calls: Vec<(u64, Call)>,
    /// Why it ended, once that is known.
    pub finish: Option<Finish>,
    /// Tokens in, out and cached, as far as they are known.
    pub tokens: [Option<u64>; 3],
    /// Whether nothing more comes.
    pub over: bool,
    size: usize,
}

impl Reading {
    /// Counts what came, in bytes.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Odd> {
        self.size = self.size.saturating_add(bytes);
        match self.size as u64 > PROMPT_BYTES {
            true => Err(odd("the model's answer is too long", format!("more than {PROMPT_BYTES} bytes"))),
            false => Ok(()),
        }
    }

    /// The call of this number, which begins here when there is none yet.
    pub fn call(&mut self, number: u64) -> Result<&mut Call, Odd> {
        let at = self.calls.iter().position(|(own, _)| *own == number);
        let at = match at {
            Some(at) => at,
            None if self.calls.len() >= CALLS_LIMIT => {
                return Err(odd(
                    "the model asks for too many tools",
                    format!("more than {CALLS_LIMIT} tool calls"),
                ));
            }
            None => {
                self.calls.push((number, Call::default()));
                self.calls.len() - 1
            }
        };
        Ok(&mut self.calls[at].1)
    }

    /// How many calls there are.
    pub fn calls(&self) -> u64 {
        self.calls.len() as u64
    }

    /// The calls, checked; a nameless id gets one.
    pub fn take_calls(&mut self) -> Result<Vec<Call>, Odd> {
        let taken = std::mem::take(&mut self.calls);
        let checked = taken.into_iter().map(|(number, mut call)| {
            if call.id.is_empty() {
                // The tool's name in it: where outputs are paired by name, an old id still leads to the right one.
                call.id = format!("{}-{number}", call.name);
            }
            if call.input.trim().is_empty() {
                "{}".clone_into(&mut call.input);
            }
            let plain = |text: &str| text.len() <= NAME_LIMIT && !text.chars().any(char::is_control);
            if call.name.is_empty() || !plain(&call.name) || !plain(&call.id) {
                return Err(odd("the model asks for a tool without a proper name", call.name));
            }
            json("its input", &call.input)
                .map_err(|error| odd("the model asks for a tool with what is not JSON", error.to_string()))?;
            Ok(call)
        });
        checked.collect()
    }

    /// Tokens, when in and out are both known.
    pub fn usage(&self) -> Option<Usage> {
        let [tokens_in, tokens_out, cached] = self.tokens.map(|count| count.map(|n| n.min(ledger::MAX)));
        let (tokens_in, tokens_out) = (tokens_in?, tokens_out?);
        Some(Usage { tokens_in, tokens_out, cached: cached.unwrap_or(0).min(tokens_in) })
    }

    /// Why it ended: for its tools, when it asks for some.
    pub fn ending(&self) -> Finish {
        match self.finish.unwrap_or(Finish::Stop) {
            Finish::Stop if !self.calls.is_empty() => Finish::ToolCalls,
            finish => finish,
        }
    }
}

/// An oddity.
pub fn odd(detail: &'static str, words: impl Into<String>) -> Odd {
    Odd { detail, words: words.into() }
}

/// That an answer has not the form that it should have.
pub fn garbage(error: &serde_json::Error) -> Odd {
    odd("the model's answer cannot be understood", format!("it is not in its provider's form: {error}"))
}

/// That the server sent an error where an answer should be.
pub fn failed(message: impl Into<String>) -> Odd {
    odd("the model's server broke off with an error", message)
}
