//! What the kernel answers. An answer is small: the bytes that go with it are the body of an entry, its own or an
//! earlier one's, so that the live answer and the replayed one are built from the same two things.

use audit::Digest;
use authority::Labels;
use ledger::Meter;
use serde::{Deserialize, Serialize};

use super::call::{Pid, Priority};
use super::ports::{Fault, Listed, Usage};

/// Why a call did not succeed: the WIT's `error`, case by case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "described in wit/types.wit")]
pub enum Error {
    Denied,
    Exhausted(Meter),
    NotFound,
    Conflict(Option<Digest>),
    Stale(u64),
    Busy,
    TimedOut,
    Interrupted,
    Closed,
    TooLarge(u64),
    Invalid(String),
    Unsupported,
    Unavailable(Fault),
    UnknownOutcome,
}

/// What a call answers when it succeeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is done.
    Done,
    /// There is none: nothing came in time, nothing is left.
    Nothing,
    /// A message's, subscription's, lease's (its token), generation's or child's number.
    Id(u64),
    /// How many.
    Count(u32),
    /// A message; its body is that of the entry with its id.
    Message(Box<Head>),
    /// A file's digest and size; its bytes are the body of entry `from`, else this entry's body is the range asked for.
    Content {
        /// Of the whole file.
        digest: Digest,
        /// Of the whole file, in bytes.
        size: u64,
        /// The entry that wrote the whole file.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        from: Option<u64>,
    },
    /// A file's or an artifact's digest.
    Digest(Digest),
    /// One entry of a mount.
    Stat(Listed),
    /// A list; its JSON is the entry's body.
    Listing,
    /// An artifact; its bytes are the body of entry `from`.
    Artifact {
        /// Its description.
        artifact: Box<Artifact>,
        /// The entry that put it.
        from: u64,
    },
    /// A model's whole answer; its JSON is the entry's body.
    Completion(Spent),
    /// A piece of an answer; its JSON is the entry's body. With the last one, what the whole took.
    Chunk {
        /// Present on the last one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        spent: Option<Spent>,
    },
    /// Who the process is.
    Info {
        /// Its number.
        pid: Pid,
        /// Its parent's.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        parent: Option<Pid>,
        /// Its name.
        name: String,
    },
    /// Each limited meter: what is left, what was granted.
    Allowances(Vec<(Meter, u64, u64)>),
    /// How a child ended; what it returned is the body of entry `from`.
    Exit {
        /// The child.
        pid: Pid,
        /// How.
        exit: Box<Exit>,
        /// Its exit's entry.
        from: u64,
    },
}

impl Answer {
    /// The entry whose body goes with this answer, when the answer is in entry `own`.
    pub fn body_at(&self, own: u64) -> Option<u64> {
        match self {
            Answer::Message(head) if !head.is_notice() => Some(head.id),
            Answer::Content { from: Some(from), .. } | Answer::Artifact { from, .. } => Some(*from),
            Answer::Exit { exit, from, .. } if matches!(**exit, Exit::Returned) => Some(*from),
            Answer::Content { from: None, .. }
            | Answer::Listing
            | Answer::Completion(_)
            | Answer::Chunk { .. } => Some(own),
            Answer::Message(_)
            | Answer::Exit { .. }
            | Answer::Done
            | Answer::Nothing
            | Answer::Id(_)
            | Answer::Count(_)
            | Answer::Digest(_)
            | Answer::Stat(_)
            | Answer::Info { .. }
            | Answer::Allowances(_) => None,
        }
    }
}

/// A message without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The entry that sent it.
    pub id: u64,
    /// Who; 0 is the kernel.
    pub sender: Pid,
    /// Its name.
    pub name: String,
    /// Of an event.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub topic: Option<String>,
    /// What it answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub in_reply_to: Option<u64>,
    /// Its place in the mailbox.
    pub priority: Priority,
    /// The data categories that it carries.
    #[serde(skip_serializing_if = "Labels::is_empty", default)]
    pub labels: Labels,
    /// Its body, in bytes.
    pub size: u64,
}

impl Head {
    /// Whether it is the kernel's own, whose body follows from its entry.
    pub fn is_notice(&self) -> bool {
        self.sender == 0
    }
}

/// What inference took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// As the backend reported it; absent: the reservation stands.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usage: Option<Usage>,
    /// Its price, in micro-USD, as far as it is known.
    pub micro_usd: u64,
    /// Which model answered, where it could have been one of several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<String>,
    /// How long it waited for its turns at its backends, in milliseconds.
    #[serde(skip_serializing_if = "none", default)]
    pub waited: u64,
}

fn none(number: &u64) -> bool {
    *number == 0
}

/// An artifact's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Of its bytes.
    pub digest: Digest,
    /// What it is.
    pub kind: String,
    /// Its media type.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
    /// What it was made from.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parents: Vec<Digest>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// Who put it.
    pub by: Pid,
    /// The data categories that it carries.
    #[serde(skip_serializing_if = "Labels::is_empty", default)]
    pub labels: Labels,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// It answered; the output is the entry's body.
    Returned,
    /// It answered a failure.
    Failed {
        /// For a person.
        message: String,
        /// The call's error that led there.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        cause: Option<Error>,
    },
    /// It trapped; what the engine said.
    Trapped(String),
    /// A meter ran out.
    Exhausted(Meter),
    /// It was ended.
    Killed,
    /// The host could not run it; what was in the way.
    Unstarted(String),
}

impl Exit {
    /// One word for notices and views.
    pub fn word(&self) -> &'static str {
        match self {
            Exit::Returned => "returned",
            Exit::Failed { .. } => "failed",
            Exit::Trapped(_) => "trapped",
            Exit::Exhausted(_) => "exhausted",
            Exit::Killed => "killed",
            Exit::Unstarted(_) => "unstarted",
        }
    }
}
