//! A backend that answers from a file: the same question, the same answer.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::answer::{Answer, DETAIL_LIMIT, Saying, ToolCall, Words};
use super::file::FileError;
use super::script::{self, Script};
use super::slots::Share;
use crate::kernel::ports::{Ask, Chunk, Completion, Driver, Fault, Finish, Part, Traits, Turn, Usage};
use crate::kernel::request;

/// Bytes that are taken for a token, where the script does not say how many there are.
const TOKEN: usize = 4;
/// Characters of a piece of a stream, where the script has no `chunks`.
const PIECE: usize = 16;
/// Chunks of a stream that wait for their reader.
const WAITING: usize = 16;
/// The text of an answer, in bytes: what a filled template may come to.
const ANSWER_BYTES: usize = 4 << 20;
/// How much of a question the fault for an unanswered one shows, in characters.
const SHOWN: usize = 60;

/// The driver that answers from a script; see [`script`] for the file.
#[derive(Clone, Debug)]
pub struct Scripted(Arc<Script>);

impl Scripted {
    /// Reads a script from a file.
    ///
    /// # Errors
    /// When it cannot be read or is no script, with line and column.
    pub fn load(path: &Path) -> Result<Scripted, FileError> {
        script::load(path).map(|script| Scripted(Arc::new(script)))
    }

    /// Takes a script from its text; `name` is for messages.
    ///
    /// # Errors
    /// When it is no script, with line and column.
    pub fn parse(text: &str, name: &str) -> Result<Scripted, FileError> {
        script::parse(text, name).map(|script| Scripted(Arc::new(script)))
    }

    /// How it is shared, as `[model]` says.
    pub fn share(&self) -> Option<Share> {
        self.0.share
    }

    /// Waits as long as the script says, then gives what it says.
    async fn reply(self, ask: Ask) -> Result<Reply, Fault> {
        let prompt = ask.request.turns.last().map(text).unwrap_or_default();
        let answer = self.0.answers.iter().find(|answer| answer.fits(&ask, &prompt));
        let Answer { latency, outcome, .. } = answer.ok_or_else(|| unanswered(&ask, &prompt))?;
        if !latency.is_zero() {
            tokio::time::sleep(*latency).await;
        }
        Reply::new(outcome.as_ref().map_err(Fault::clone)?, &ask, &prompt)
    }
}

impl Driver for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn traits(&self, _model: &str) -> Traits {
        self.0.traits
    }

    fn generate(&self, ask: Ask) -> BoxFuture<'static, Result<Completion, Fault>> {
        let script = self.clone();
        Box::pin(async move {
            let Reply { text, calls, finish, usage, .. } = script.reply(ask).await?;
            let text = (!text.is_empty()).then_some(Part::Text(text));
            let calls =
                calls.into_iter().map(|ToolCall { id, name, input }| Part::ToolCall { id, name, input });
            Ok(Completion { parts: text.into_iter().chain(calls).collect(), finish, usage, by: None })
        })
    }

    fn stream(&self, ask: Ask) -> BoxFuture<'static, Result<Receiver<Result<Chunk, Fault>>, Fault>> {
        let script = self.clone();
        Box::pin(async move {
            if !script.0.traits.streaming {
                return Err(fault("the script's model does not stream".to_owned()));
            }
            let reply = script.reply(ask).await?;
            let (sender, receiver) = mpsc::channel(WAITING);
            tokio::spawn(send(reply, sender));
            Ok(receiver)
        })
    }
}

/// What is answered to one question.
struct Reply {
    text: String,
    pieces: Option<Vec<usize>>,
    calls: Vec<ToolCall>,
    finish: Finish,
    usage: Option<Usage>,
    break_after: Option<usize>,
}

impl Reply {
    /// Fills in the template and cuts the answer to the tokens asked for.
    fn new(saying: &Saying, ask: &Ask, prompt: &str) -> Result<Reply, Fault> {
        let mut text = match &saying.words {
            Words::Fixed(text) => text.clone(),
            Words::Template(template) => fill(template, prompt, &ask.process)?,
        };
        let mut calls = saying.calls.clone();
        let limit = usize::try_from(ask.request.max_tokens).unwrap_or(usize::MAX).saturating_mul(TOKEN);
        let finish = if cut(&mut text, &mut calls, limit) { Finish::Length } else { saying.finish };
        let size = text.len() + calls.iter().map(ToolCall::size).sum::<usize>();
        let usage = saying.usage.map(|(tokens_in, tokens_out)| Usage {
            tokens_in: tokens_in.unwrap_or_else(|| tokens(request::size(&ask.request))),
            tokens_out: tokens_out.unwrap_or_else(|| tokens(size)),
            cached: 0,
        });
        Ok(Reply {
            text,
            pieces: saying.pieces.clone(),
            calls,
            finish,
            usage,
            break_after: saying.break_after,
        })
    }
}

/// Cuts an answer to `limit` bytes: its text between characters, its tool calls whole. Answers whether anything
/// was lost.
fn cut(text: &mut String, calls: &mut Vec<ToolCall>, limit: usize) -> bool {
    let size = text.len();
    text.truncate(text.floor_char_boundary(limit));
    let lost = text.len() < size;
    let mut used = text.len();
    let fits = |call: &&ToolCall| {
        used = used.saturating_add(call.size());
        !lost && used <= limit
    };
    let kept = calls.iter().take_while(fits).count();
    let lost = lost || kept < calls.len();
    calls.truncate(kept);
    lost
}

/// Sends an answer in pieces, until it breaks off or nobody listens. Dropping the sender is the break.
async fn send(reply: Reply, sender: Sender<Result<Chunk, Fault>>) {
    let Reply { text, pieces, calls, finish, usage, break_after } = reply;
    let texts = Pieces { rest: &text, lengths: pieces.map(Vec::into_iter) };
    let texts = texts.map(|piece| Chunk::Text(piece.to_owned()));
    let calls = calls.into_iter().map(|ToolCall { id, name, input }| Chunk::ToolCall { id, name, input });
    for chunk in texts.chain(calls).take(break_after.unwrap_or(usize::MAX)) {
        if sender.send(Ok(chunk)).await.is_err() {
            return;
        }
    }
    if break_after.is_none() {
        // Nobody listens any more: then nobody needs the end.
        let _ = sender.send(Ok(Chunk::End { finish, usage, by: None })).await;
    }
}

/// The pieces of a text: as long as the script says, or [`PIECE`] characters each.
struct Pieces<'a> {
    rest: &'a str,
    lengths: Option<std::vec::IntoIter<usize>>,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let length = match &mut self.lengths {
            Some(lengths) => lengths.next()?,
            None => self.rest.char_indices().nth(PIECE).map_or(self.rest.len(), |(index, _)| index),
        };
        // The text may have been cut within what the script made one piece.
        let (piece, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        Some(piece)
    }
}

/// Puts the question into a template. What was put in is not looked at again.
fn fill(template: &str, prompt: &str, process: &str) -> Result<String, Fault> {
    let mut filled = String::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (piece, used) = if rest.starts_with("{prompt}") {
            (prompt, "{prompt}".len())
        } else if rest.starts_with("{process}") {
            (process, "{process}".len())
        } else {
            let end =
                rest.char_indices().skip(1).find(|(_, c)| *c == '{').map_or(rest.len(), |(index, _)| index);
            (&rest[..end], end)
        };
        if filled.len() + piece.len() > ANSWER_BYTES {
            return Err(fault(format!("the script's template comes to more than {ANSWER_BYTES} bytes")));
        }
        filled.push_str(piece);
        rest = &rest[used..];
    }
    Ok(filled)
}

/// The text that a turn says: its texts and tool outputs, a line each.
fn text(turn: &Turn) -> String {
    let texts = turn.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::ToolOutput { output, .. } => Some(output.as_str()),
        Part::Blob { .. } | Part::ToolCall { .. } => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(TOKEN) as u64
}

fn unanswered(ask: &Ask, prompt: &str) -> Fault {
    let mut shown: String = prompt.chars().take(SHOWN).collect();
    if shown.len() < prompt.len() {
        shown.push('…');
    }
    let Ask { model, process, turn, .. } = ask;
    fault(format!(
        "the script has no answer for process {process:?}, model {model:?}, turn {turn}: {shown:?}"
    ))
}

fn fault(mut detail: String) -> Fault {
    detail.truncate(detail.floor_char_boundary(DETAIL_LIMIT));
    Fault { detail, ..Fault::default() }
}

#[cfg(test)]
mod tests;
