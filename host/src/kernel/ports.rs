//! What the kernel needs from outside, as ports; `host` wires the implementations in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit::Digest;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Files of the operator's machine under one label. Calls block; the kernel makes them on a blocking thread.
///
/// Every call resolves the path inside the directory handle that was opened when the run began; a name is
/// never looked up twice.
pub trait Mount: Send + Sync {
    /// A whole file or a part of it.
    fn read(&self, path: &str, range: Option<Range>) -> Result<Content, MountError>;
    /// The entries of a folder after `after`, sorted by their bytes, at most `limit`.
    fn list(&self, path: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, MountError>;
    /// One entry, with the digest of a file.
    fn stat(&self, path: &str) -> Result<Listed, MountError>;
    /// Replaces a file: temporary file, fsync, rename, fsync of the folder. Checks `expect` last.
    fn write(&self, path: &str, data: &[u8], expect: &Expect) -> Result<(), MountError>;
    /// Removes a file or an empty folder.
    fn remove(&self, path: &str, expect: &Expect) -> Result<(), MountError>;
    /// Renames a file; `expect` is on the target.
    fn rename(&self, source: &str, target: &str, expect: &Expect) -> Result<(), MountError>;
    /// Makes an earlier change of this entry last: fsync of its folder.
    fn keep(&self, path: &str) -> Result<(), MountError>;
}

/// A part of a file, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Where it begins.
    pub offset: u64,
    /// How long it is at most.
    pub length: u64,
}

/// What reading a file gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The bytes asked for.
    pub data: Vec<u8>,
    /// Of the whole file.
    pub digest: Digest,
    /// Of the whole file, in bytes.
    pub size: u64,
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The last segment of its path.
    pub name: String,
    /// Whether it is a folder.
    pub directory: bool,
    /// In bytes; 0 for a folder.
    pub size: u64,
    /// Of a file, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<Digest>,
}

/// What must be there for a change to happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// Anything.
    Any,
    /// Nothing.
    Absent,
    /// A file with this digest.
    Digest(Digest),
}

/// Why a mount did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MountError {
    /// Nothing is there.
    #[error("not found")]
    NotFound,
    /// The path leaves the mount, or what is there is no plain file or folder.
    #[error("refused: {0}")]
    Refused(String),
    /// The condition did not hold; what is there now.
    #[error("the condition did not hold")]
    Conflict(Option<Digest>),
    /// Over a limit, in bytes or entries.
    #[error("larger than {0}")]
    TooLarge(u64),
    /// The path is malformed.
    #[error("{0}")]
    Invalid(String),
    /// It was done, but whether it lasts nobody knows.
    #[error("{0}")]
    InDoubt(String),
    /// The disk failed, is full or read-only. For the operator; guests see only that it failed.
    #[error("{0}")]
    Unavailable(String),
}

/// An inference backend. Its calls run in tokio tasks; the guest's fiber only awaits.
pub trait Driver: Send + Sync {
    /// Its name, for the operator.
    fn name(&self) -> &str;
    /// What it can do for a model.
    fn traits(&self, model: &str) -> Traits;
    /// The whole answer.
    fn generate(&self, ask: Ask) -> BoxFuture<'static, Result<Completion, Fault>>;
    /// Chunks as they come; the last is `Chunk::End`. A closed channel before it is a broken answer.
    fn stream(&self, ask: Ask) -> BoxFuture<'static, Result<mpsc::Receiver<Result<Chunk, Fault>>, Fault>>;
    /// The lines in which questions wait for their turn: the processes, by run and number, whoever is next first. This is so
    /// now and nowhere on record.
    fn waiting(&self) -> Vec<Vec<(u32, u32)>> {
        Vec::new()
    }
}

/// What a driver supports for a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// Tokens of prompt and answer together; 0 when not known.
    pub context: u32,
    /// Whether it takes tools.
    pub tools: bool,
    /// Whether it streams.
    pub streaming: bool,
    /// Whether it can be held to JSON.
    pub json: bool,
    /// Absent: none is known.
    pub price: Option<Price>,
}

/// What a model costs, in micro-USD per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Of the prompt.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
    /// Of what the backend had of the prompt already.
    pub cached: u64,
}

/// One question to a driver.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The model's name at the backend (not the guest's label).
    pub model: String,
    /// Who asks: the process's name in its run.
    pub process: String,
    /// How many inference calls this process had made before.
    pub turn: u64,
    /// What it asks.
    pub request: Arc<Request>,
    /// Who asks, as far as it decides who comes first.
    pub caller: Caller,
    /// To be told how long it waits for its turns.
    pub waited: Waited,
}

/// What decides who comes first at a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The run.
    pub run: u32,
    /// The process's number in it.
    pub pid: u32,
    /// What part it is to get beside others, as the operator said: 1 to 1,000.
    pub weight: u16,
    /// Tokens of prompt and answer at most.
    pub bound: u64,
}

/// How long a question waited for its turns, one for each attempt, told by a driver that lets questions wait. Clones are the
/// same.
#[derive(Clone, Debug, Default)]
pub struct Waited(Arc<AtomicU64>);

impl Waited {
    /// Tells of one more wait.
    pub fn add(&self, time: Duration) {
        // As whole nanoseconds, so that many short waits are not nothing: 2^64 of them are five hundred years.
        self.0.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(0), Ordering::Relaxed);
    }

    /// Whole milliseconds of all of them; 0 when none was told.
    pub fn ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed) / 1_000_000
    }
}

/// Who said a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The instructions.
    System,
    /// The person, or the agent for them.
    User,
    /// The model.
    Assistant,
    /// A tool's output.
    Tool,
}

/// A part of a turn or of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Plain text.
    Text(String),
    /// Bytes of a media type, as base 64.
    Blob {
        /// Such as `image/png`.
        media_type: String,
        /// RFC 4648 base 64, padded.
        data: String,
    },
    /// The model asks for a tool.
    ToolCall {
        /// Pairs it with its output.
        id: String,
        /// The tool.
        name: String,
        /// JSON.
        input: String,
    },
    /// What a tool answered.
    ToolOutput {
        /// The call's id.
        id: String,
        /// Text or JSON.
        output: String,
        /// Whether it failed.
        failed: bool,
    },
}

/// A turn of the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub parts: Vec<Part>,
}

/// A tool that the model may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON schema of its input.
    pub schema: String,
}

/// The form that the answer must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Any text.
    Text,
    /// Any JSON.
    Json,
    /// JSON of this schema.
    Schema(String),
}

/// A question, as the guest asked it; its JSON is the body that the log commits to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The conversation.
    pub turns: Vec<Turn>,
    /// What the model may ask for.
    pub tools: Vec<ToolSpec>,
    /// The answer's form.
    pub format: Format,
    /// Tokens of the answer at most.
    pub max_tokens: u32,
    /// Further knobs: name and JSON value.
    pub parameters: Vec<(String, String)>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finish {
    /// The model was done.
    Stop,
    /// `max_tokens` was reached.
    Length,
    /// It asks for tools.
    ToolCalls,
    /// The backend withheld it.
    Filtered,
}

/// Tokens, as the backend counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Of the prompt.
    pub tokens_in: u64,
    /// Of the answer.
    pub tokens_out: u64,
    /// Of the prompt, what the backend had already and bills at another price.
    #[serde(skip_serializing_if = "none", default)]
    pub cached: u64,
}

fn none(count: &u64) -> bool {
    *count == 0
}

/// Which model answered, where it could have been one of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// Its name at the backend.
    pub model: String,
    /// Its own price; what it came to is in the entry.
    #[serde(skip)]
    pub price: Option<Price>,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// What it said.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Finish,
    /// Absent when the backend did not report it: then the reservation stands.
    pub usage: Option<Usage>,
    /// Absent where only one model could.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<By>,
}

/// A piece of a streamed answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chunk {
    /// Whole characters.
    Text(String),
    /// The model asks for a tool.
    ToolCall {
        /// Pairs it with its output.
        id: String,
        /// The tool.
        name: String,
        /// JSON.
        input: String,
    },
    /// The last one.
    End {
        /// Why it ended.
        finish: Finish,
        /// As in [`Completion`].
        usage: Option<Usage>,
        /// As in [`Completion`].
        #[serde(skip_serializing_if = "Option::is_none", default)]
        by: Option<By>,
    },
}

/// How the far side failed. Never holds a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    /// For the agent and for people, at most 512 bytes; nothing of this machine.
    pub detail: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// When, in milliseconds, if the far side said so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_ms: Option<u64>,
    /// Whether the far side may have done it all the same: then what was reserved stays spent.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub spent: bool,
    /// For the operator, whom alone it is shown: where it was and what would mend it, at most 512 bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<String>,
}
