//! Answers, whole or as they arrive.

use crate::bindings::aos::host::infer as wit;
use crate::error::Error;
use crate::infer::{Chunk, Ending, Part, Response, ToolCall};

impl Response {
    /// The text of the answer, without tool calls.
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// The JSON in the answer: its text, or the first value in it that is the one expected, since models like to put a
    /// sentence before it and a code fence around it.
    /// Errors: a failure when there is none.
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, crate::Failure> {
        super::form::json(&self.text()).map_err(|error| {
            crate::Failure::new(format!("the model's answer is not the JSON expected: {error}"))
        })
    }

    /// The tools that the model wants called.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
    }
}

/// An answer that is arriving: an iterator over its chunks, ending after [`Chunk::End`] or the first error.
/// Dropping it cancels what has not come.
#[derive(Debug)]
pub struct Stream {
    generation: wit::Generation,
    done: bool,
}

impl Stream {
    pub(crate) fn new(generation: wit::Generation) -> Stream {
        Stream { generation, done: false }
    }

    /// Stops it. What the driver has not reported as used stays spent.
    pub fn cancel(self) {
        self.generation.cancel();
    }

    /// Waits for the rest of the text and how it ended. Tool calls are left out.
    /// Errors: `Unavailable` (it broke off), `Closed`, `Interrupted` (finish), `Exhausted`.
    pub fn text(self) -> Result<(String, Option<Ending>), Error> {
        let (mut text, mut ending) = (String::new(), None);
        for chunk in self {
            match chunk? {
                Chunk::Text(more) => text.push_str(&more),
                Chunk::ToolCall(_) => {}
                Chunk::End(end) => ending = Some(end),
            }
        }
        Ok((text, ending))
    }
}

impl Iterator for Stream {
    type Item = Result<Chunk, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let chunk = self.generation.next().map_err(Error::from).transpose();
        self.done = !matches!(chunk, Some(Ok(Chunk::Text(_) | Chunk::ToolCall(_))));
        chunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::{Finish, Usage};

    #[test]
    fn an_answer_is_its_texts_and_its_calls() {
        let call = ToolCall { id: "1".into(), name: "add".into(), input: "{}".into() };
        let parts = vec![Part::Text("[1,".into()), Part::ToolCall(call), Part::Text("2]".into())];
        let usage = Usage { tokens_in: 1, tokens_out: 2, micro_usd: 0 };
        let response = Response { parts, finish: Finish::ToolCalls, usage };
        assert_eq!(response.text(), "[1,2]");
        assert_eq!(response.tool_calls().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["add"]);
        #[cfg(feature = "json")]
        assert_eq!(response.json::<Vec<u8>>(), Ok(vec![1, 2]));
    }
}
