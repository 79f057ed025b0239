//! Answers in a form that a program can read. A model, above all a small one, wraps what it was asked for: a sentence
//! before it, a code fence around it. And sometimes it must be told what was wrong.

use std::fmt::Display;

use crate::error::{Error, Failure};
use crate::infer::{Finish, Prompt, Response};

/// How often [`Prompt::ask_for`] asks at most.
pub const TRIES: u32 = 3;

/// How many opening brackets of an answer are tried as the begin of its JSON.
#[cfg(feature = "json")]
const OPENINGS: usize = 64;

impl Prompt {
    /// Asks until `read` can use the answer, at most [`TRIES`] times. When it cannot, it says why in a few words, which
    /// the model is told; each further try therefore has a longer prompt.
    ///
    /// ```no_run
    /// # use aos_guest::{infer::Prompt, Failure};
    /// # fn count(text: &str) -> Result<u64, Failure> {
    /// let prompt = Prompt::new().system("How many people are named? Answer with a number only.").user(text);
    /// prompt.ask_for(|answer| answer.text().trim().parse().map_err(|_| "it is not a number"))
    /// # }
    /// ```
    /// Capability and errors as [`Prompt::ask`], and a failure with the last reason when no answer was of use.
    pub fn ask_for<T, E: Display>(self, read: impl Fn(&Response) -> Result<T, E>) -> Result<T, Failure> {
        let (mut prompt, mut reason) = (self, String::new());
        for _ in 0..TRIES {
            let answer = prompt.ask().map_err(|error| Failure::of("asking the model", error))?;
            match read(&answer) {
                Ok(value) => return Ok(value),
                Err(why) => reason = wrong(&answer, why),
            }
            prompt = prompt.again(&answer, &reason);
        }
        Err(format!("the model gave no answer of use in {TRIES} tries: {reason}").into())
    }

    /// Asks for an answer in JSON if the model says that it can; if not, the prompt's words must do.
    /// Errors: `Exhausted`.
    pub fn prefer_json(self) -> Result<Prompt, Error> {
        let name = self.request().model.as_deref().unwrap_or("default");
        let able = super::models()?.iter().any(|model| model.name == name && model.json);
        Ok(if able { self.json() } else { self })
    }

    /// With an answer that was of no use, and why. (Some models demand that every answer says something.)
    fn again(self, answer: &Response, reason: &str) -> Prompt {
        let text = answer.text();
        let said = if text.trim().is_empty() { "(nothing)" } else { &text };
        let why =
            format!("I cannot use that answer: {reason}. Answer again, in the form asked for, nothing else.");
        self.assistant(said).user(&why)
    }
}

fn wrong(answer: &Response, why: impl Display) -> String {
    match answer.finish {
        Finish::Length => format!("it was too long and was cut off ({why})"),
        Finish::Stop | Finish::ToolCalls | Finish::Filtered => why.to_string(),
    }
}

/// The first value in a text that is the JSON expected: the text itself, or what stands in it between other words.
#[cfg(feature = "json")]
pub(super) fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    let whole = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let (mut at, mut nearest) = (0, None);
    for _ in 0..OPENINGS {
        let Some(opening) = text[at..].find(['{', '[']) else { break };
        let rest = &text[at + opening..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<serde::de::IgnoredAny>();
        let read = values.next().is_some_and(|value| value.is_ok());
        // What is no JSON may have some inside; what is, is looked at whole.
        let length = if read { values.byte_offset() } else { 1 };
        if read {
            match serde_json::from_str(&rest[..length]) {
                Ok(value) => return Ok(value),
                Err(error) => nearest = nearest.or(Some(error)),
            }
        }
        at += opening + length;
    }
    Err(nearest.unwrap_or(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::{Part, Role, Usage};

    fn answer(text: &str, finish: Finish) -> Response {
        let usage = Usage { tokens_in: 1, tokens_out: 1, micro_usd: 0 };
        Response { parts: vec![Part::Text(text.into())], finish, usage }
    }

    #[test]
    fn the_model_is_told_what_was_wrong() {
        let again = Prompt::new().user("count").again(&answer("many", Finish::Stop), "it is not a number");
        let turns: Vec<(Role, String)> = again
            .request()
            .turns
            .iter()
            .map(|turn| {
                let Part::Text(text) = &turn.parts[0] else { panic!("{:?}", turn.parts) };
                (turn.role, text.clone())
            })
            .collect();
        assert_eq!(turns[1], (Role::Assistant, "many".into()));
        assert_eq!(turns[2].0, Role::User);
        assert!(turns[2].1.contains("cannot use that answer: it is not a number."), "{}", turns[2].1);
        assert!(wrong(&answer("ma", Finish::Length), "no number").contains("cut off"));
        let silent = Prompt::new().again(&answer(" \n", Finish::Stop), "it is empty");
        assert!(matches!(&silent.request().turns[0].parts[0], Part::Text(text) if text == "(nothing)"));
    }

    #[cfg(feature = "json")]
    #[test]
    fn json_is_found_between_other_words() {
        let list = |text: &str| json::<Vec<u8>>(text).map_err(|error| error.to_string());
        for text in [
            "[1,2]",
            "```json\n[1,2]\n```",
            "Sure! Here you are (see [note]): [1,2]. Anything else? [3]",
            "{\"not\": \"it\"} [1,2]",
            "é [ [1,2]",
        ] {
            assert_eq!(list(text), Ok(vec![1, 2]), "{text}");
        }
        // An inner value of another one is not the answer.
        assert!(list("{\"inner\": [1,2]}").is_err());
        assert!(list("no JSON at all").is_err() && list("").is_err() && list("[1,").is_err());
        assert!(list(&"[".repeat(100_000)).is_err());
        assert_eq!(json::<u8>(" 7\n").unwrap(), 7);
    }
}
