//! Language models, by the label under which the operator granted them.
//!
//! ```no_run
//! # use aos_guest::{infer::Prompt, Failure};
//! # fn summarise(text: &str) -> Result<String, Failure> {
//! let answer = Prompt::new()
//!     .system("Answer with one sentence.")
//!     .user(text)
//!     .max_tokens(200)
//!     .ask()?;
//! Ok(answer.text())
//! # }
//! ```

mod answer;
mod form;
mod prompt;

pub use answer::Stream;
pub use form::TRIES;
pub use prompt::{MAX_TOKENS, Prompt};

use crate::bindings::aos::host::infer as wit;
pub use crate::bindings::aos::host::infer::{
    Blob, Chunk, Ending, Finish, Format, Model, Parameter, Part, Request, Response, Role, Tool, ToolCall,
    ToolOutput, Turn, Usage,
};
use crate::error::Error;

/// The models that this agent may ask.
/// Errors: `Exhausted`.
pub fn models() -> Result<Vec<Model>, Error> {
    Ok(wit::models()?)
}
