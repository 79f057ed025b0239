//! The file of a scripted backend: what it claims to be, and its answers, in TOML.
//!
//! ```toml
//! [model]                   # what it claims; as here when absent
//! context = 0               # tokens of prompt and answer; 0: not known
//! tools = true
//! streaming = true
//! json = true
//! price-in = 250000         # micro-USD per million tokens; both prices or none
//! price-out = 1000000
//! slots = 4                 # questions at a time; absent: any number
//! policy = "fair"           # who comes first: fifo, priority or fair
//! tokens-per-minute = 90000
//! requests-per-minute = 60
//!
//! [[answer]]                # the first whose conditions all hold is given
//! process = "writer"        # see `answer` for every key
//! contains = "merge"
//! text = "Merged."
//! ```

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::answer::{Answer, RawAnswer};
use super::file::{self, FileError, Text};
use super::slots::Share;
use crate::kernel::ports::{Price, Traits};

/// The size of a script, in bytes.
pub const SCRIPT_LIMIT: u64 = 1 << 20;
/// Answers in a script.
pub const ANSWER_LIMIT: usize = 1_000;
/// The largest number in a script: what meters can count, 2⁵³ − 1.
pub const NUMBER_LIMIT: u64 = (1 << 53) - 1;

/// A checked script.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) traits: Traits,
    pub(super) share: Option<Share>,
    pub(super) answers: Vec<Answer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawScript {
    model: Option<Spanned<RawModel>>,
    #[serde(default)]
    answer: Vec<Spanned<RawAnswer>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawModel {
    #[serde(default)]
    context: u32,
    #[serde(default = "yes")]
    tools: bool,
    #[serde(default = "yes")]
    streaming: bool,
    #[serde(default = "yes")]
    json: bool,
    price_in: Option<u64>,
    price_out: Option<u64>,
    slots: Option<u64>,
    policy: Option<String>,
    tokens_per_minute: Option<u64>,
    requests_per_minute: Option<u64>,
}

fn yes() -> bool {
    true
}

/// Reads and checks a script.
pub(super) fn load(path: &Path) -> Result<Script, FileError> {
    parse(&file::read("script", path, SCRIPT_LIMIT)?, &path.display().to_string())
}

/// Checks a script; `name` is for messages.
pub(super) fn parse(text: &str, name: &str) -> Result<Script, FileError> {
    let text = Text { what: "script", name, text };
    let wrong = |span, message: &str| text.wrong(span, message);
    let raw: RawScript = text.parse(SCRIPT_LIMIT)?;
    let (traits, share) = match raw.model {
        None => (Traits { context: 0, tools: true, streaming: true, json: true, price: None }, None),
        Some(model) => {
            let span = model.span();
            claims(model.into_inner()).map_err(|message| wrong(Some(span), &message))?
        }
    };
    if raw.answer.is_empty() {
        return Err(wrong(None, "the script has no answers: add an [[answer]] with a `text`"));
    }
    if let Some(over) = raw.answer.get(ANSWER_LIMIT) {
        return Err(wrong(Some(over.span()), &format!("the script has more than {ANSWER_LIMIT} answers")));
    }
    let check = |answer: Spanned<RawAnswer>| {
        let span = answer.span();
        Answer::check(answer.into_inner()).map_err(|message| wrong(Some(span), &message))
    };
    let answers = raw.answer.into_iter().map(check).collect::<Result<_, _>>()?;
    Ok(Script { traits, share, answers })
}

fn claims(model: RawModel) -> Result<(Traits, Option<Share>), String> {
    let price = match (model.price_in, model.price_out) {
        (None, None) => None,
        (Some(input), Some(output)) if input.max(output) <= NUMBER_LIMIT => {
            Some(Price { input, output, cached: input })
        }
        (Some(_), Some(_)) => return Err(format!("a price is above {NUMBER_LIMIT} micro-USD")),
        _ => return Err("`price-in` and `price-out` go together: give both or none".to_owned()),
    };
    let RawModel { context, tools, streaming, json, .. } = model;
    let (tokens, requests) = (model.tokens_per_minute, model.requests_per_minute);
    let share = Share::new(model.slots, model.policy.as_deref(), tokens, requests)?;
    Ok((Traits { context, tools, streaming, json, price }, share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(text: &str, at: (usize, usize), words: &str) {
        match parse(text, "s.toml") {
            Err(FileError::Wrong { name, line, column, message }) => {
                assert!(message.contains(words), "{message}");
                assert_eq!((name.as_str(), (line, column)), ("s.toml", at), "{message}");
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("taken: {text}"),
        }
    }

    #[test]
    fn what_a_model_claims() {
        let text =
            "[model]\ncontext = 8192\ntools = false\nprice-in = 1\nprice-out = 2\n[[answer]]\ntext = ''";
        let traits = parse(text, "").unwrap().traits;
        assert_eq!((traits.context, traits.tools, traits.streaming), (8192, false, true));
        assert_eq!(traits.price, Some(Price { input: 1, output: 2, cached: 1 }));
        let traits = parse("[[answer]]\ntext = ''", "").unwrap().traits;
        assert_eq!((traits.context, traits.tools, traits.json, traits.price), (0, true, true, None));
        says("[model]\nslots = 0\n[[answer]]\ntext = ''", (1, 1), "`slots` is 1 to");
        says("[model]\nprice-in = 1\n[[answer]]\ntext = ''", (1, 1), "give both or none");
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_refused_where_they_are() {
        says("[[answer]]\ntext = 'a'\n  colour = 'red'", (3, 3), "unknown field `colour`");
        says("[model]\ncontex = 1", (2, 1), "unknown field `contex`");
        says("answers = []", (1, 1), "unknown field `answers`");
        says("[[answer]]\nfail = { detail = 'ü', retry = true }", (2, 24), "unknown field `retry`");
        says("[[answer]]\nturn = -1", (2, 8), "invalid value");
        says("[[answer]]\nrole = 'boss'", (2, 8), "unknown variant `boss`");
        says("[[answer]]\ntext = 'a", (2, 10), "");
        says("[[answer]]\ntext = 'a'\ntext = 'b'", (3, 1), "duplicate");
        says("", (1, 1), "no answers");
    }

    #[test]
    fn an_answer_that_contradicts_itself_is_refused_where_it_begins() {
        says("[[answer]]\ntext = ''\n\n[[answer]]\nturn = 1", (4, 1), "says nothing");
    }

    #[test]
    fn scripts_are_bounded() {
        let answer = "[[answer]]\ntext=''\n";
        assert_eq!(parse(&answer.repeat(1_000), "").unwrap().answers.len(), 1_000);
        says(&answer.repeat(1_001), (2_001, 1), "more than 1000");
        let long = format!("# {}", "x".repeat(1 << 20));
        assert!(matches!(parse(&long, ""), Err(FileError::TooLarge { .. })));
    }

    #[test]
    fn a_file_is_read_and_named_in_errors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.toml");
        let says = |words: &str| {
            let text = load(&path).unwrap_err().to_string();
            assert!(text.contains("s.toml") && text.contains(words), "{text}");
        };
        says("cannot read");
        std::fs::write(&path, b"\xff").unwrap();
        says("UTF-8");
        std::fs::write(&path, "#".repeat(2 << 20)).unwrap();
        says("larger than");
        std::fs::write(&path, "[[answer]]\ntext = 1").unwrap();
        says(":2:8: ");
        std::fs::write(&path, "[[answer]]\ntext = '1'").unwrap();
        load(&path).unwrap();
    }
}
