//! A request, turn by turn.

use crate::bindings::aos::host::infer as wit;
use crate::error::Error;
use crate::infer::{Format, Parameter, Part, Request, Response, Role, Stream, Tool, ToolOutput, Turn};

/// The answer's limit in tokens when [`Prompt::max_tokens`] does not say another.
pub const MAX_TOKENS: u32 = 1_024;

/// A request to a model: turns, and how to answer them. Limits: 4 MiB, 256 turns, 128 tools, 32 parameters.
#[derive(Clone, Debug)]
pub struct Prompt {
    request: Request,
}

impl Prompt {
    /// No turns, the model `default`, an answer in text of at most [`MAX_TOKENS`].
    pub fn new() -> Prompt {
        Prompt {
            request: Request {
                model: None,
                turns: Vec::new(),
                tools: Vec::new(),
                format: Format::Text,
                max_tokens: MAX_TOKENS,
                parameters: Vec::new(),
            },
        }
    }

    /// The label of the model to ask.
    pub fn model(mut self, name: &str) -> Prompt {
        self.request.model = Some(name.to_owned());
        self
    }

    /// Adds instructions.
    pub fn system(self, text: &str) -> Prompt {
        self.say(Role::System, text)
    }

    /// Adds what the model is to answer.
    pub fn user(self, text: &str) -> Prompt {
        self.say(Role::User, text)
    }

    /// Adds what the model answered before.
    pub fn assistant(self, text: &str) -> Prompt {
        self.say(Role::Assistant, text)
    }

    /// Adds what a tool answered to a call of the model.
    pub fn tool_output(self, id: &str, output: &str, failed: bool) -> Prompt {
        let output = ToolOutput { id: id.to_owned(), output: output.to_owned(), failed };
        self.turn(Turn { role: Role::Tool, parts: vec![Part::ToolOutput(output)] })
    }

    /// Adds an answer of the model as it came, tool calls included.
    pub fn answer(self, response: &Response) -> Prompt {
        self.turn(Turn { role: Role::Assistant, parts: response.parts.clone() })
    }

    /// Adds a turn of any kind.
    pub fn turn(mut self, turn: Turn) -> Prompt {
        self.request.turns.push(turn);
        self
    }

    /// Offers the model a tool: its name, what it does, and the JSON schema of its input.
    pub fn tool(mut self, name: &str, description: &str, schema: &str) -> Prompt {
        let tool =
            Tool { name: name.to_owned(), description: description.to_owned(), schema: schema.to_owned() };
        self.request.tools.push(tool);
        self
    }

    /// Asks for an answer in JSON.
    pub fn json(mut self) -> Prompt {
        self.request.format = Format::Json;
        self
    }

    /// Asks for an answer in JSON that keeps to a schema.
    pub fn schema(mut self, schema: &str) -> Prompt {
        self.request.format = Format::Schema(schema.to_owned());
        self
    }

    /// The longest answer, in tokens, from 1. It is reserved, so ask for no more than is needed.
    pub fn max_tokens(mut self, tokens: u32) -> Prompt {
        self.request.max_tokens = tokens;
        self
    }

    /// Sets a knob of the driver (`temperature`, `seed`, …) to a JSON value.
    pub fn parameter(mut self, name: &str, value: &str) -> Prompt {
        self.request.parameters.push(Parameter { name: name.to_owned(), value: value.to_owned() });
        self
    }

    /// The request as it is sent.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Asks, and waits for the whole answer.
    /// Capability: `infer` with the model's label.
    /// Errors: `Denied`, `Exhausted` (ask for fewer tokens), `Unavailable` (retry when it says so), `Unsupported`
    /// (the model has no tools or no JSON), `Invalid` (mend the request), `TooLarge` (shorten the prompt),
    /// `Interrupted` (finish), `UnknownOutcome` (it may have been paid for).
    pub fn ask(&self) -> Result<Response, Error> {
        Ok(wit::generate(&self.request)?)
    }

    /// Asks, and answers with chunks as they come. Errors as [`Prompt::ask`], and `Busy` (8 are open).
    pub fn stream(&self) -> Result<Stream, Error> {
        Ok(Stream::new(wit::stream(&self.request)?))
    }

    fn say(self, role: Role, text: &str) -> Prompt {
        self.turn(Turn { role, parts: vec![Part::Text(text.to_owned())] })
    }
}

impl Default for Prompt {
    fn default() -> Prompt {
        Prompt::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_keep_their_order_and_knobs_their_values() {
        let prompt = Prompt::new()
            .system("be brief")
            .user("hello")
            .model("small")
            .max_tokens(9)
            .json()
            .tool("add", "adds", "{}")
            .parameter("temperature", "0");
        let request = prompt.request();
        let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
        assert_eq!(roles, [Role::System, Role::User]);
        assert_eq!(request.model.as_deref(), Some("small"));
        assert_eq!(request.max_tokens, 9);
        assert!(matches!(request.format, Format::Json));
        assert_eq!(request.tools[0].name, "add");
        assert_eq!(request.parameters[0].value, "0");
    }
}
