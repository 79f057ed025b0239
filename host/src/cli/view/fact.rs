//! What a run did, one by one: messages, files, questions to models, approvals, artifacts. Each says its entry.

use std::collections::BTreeMap;

use audit::Digest;
use authority::Labels;
use serde::Serialize;

use super::list::List;
use crate::kernel::answer::Artifact;
use crate::kernel::call::Pid;

/// A message, or an event to all who have subscribed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The entry with its body.
    pub entry: u64,
    /// Kernel time of sending, in milliseconds since 1970.
    pub time: u64,
    /// Who sent it.
    pub from: Pid,
    /// To whom; absent for an event.
    pub to: Option<Pid>,
    /// Of an event.
    pub topic: Option<String>,
    /// In how many mailboxes it was put.
    pub reached: u64,
    /// Its body, in bytes.
    pub size: u64,
    /// The data categories that it carries.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Who received it first, and when.
    pub received: Option<(Pid, u64)>,
}

/// What was done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// It was read.
    Read,
    /// It was written.
    Write,
    /// It was removed.
    Remove,
    /// It was renamed.
    Rename,
}

impl Act {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Act::Read => "read",
            Act::Write => "wrote",
            Act::Remove => "removed",
            Act::Rename => "renamed",
        }
    }
}

/// A file that was read or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileFact {
    /// The entry that says so.
    pub entry: u64,
    /// Who did it.
    pub pid: Pid,
    /// What was done.
    pub act: Act,
    /// Its mount's label.
    pub mount: String,
    /// Its path there.
    pub path: String,
    /// Its new path, when it was renamed.
    pub target: Option<String>,
    /// Its digest before; absent when it was not there.
    pub before: Option<Digest>,
    /// Its digest after; absent when it is no longer there.
    pub after: Option<Digest>,
    /// Of the whole file, in bytes; 0 when it was removed or renamed.
    pub size: u64,
}

/// How a question to a model went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// Nothing is known of its end.
    Open,
    /// It was answered.
    Answered,
    /// The answer was cut off, or not wanted any more.
    Ended,
    /// There was no answer.
    Failed,
}

impl Asked {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Asked::Open => "open",
            Asked::Answered => "answered",
            Asked::Ended => "ended early",
            Asked::Failed => "failed",
        }
    }
}

/// A question to a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inference {
    /// The entry that asked, with the prompt.
    pub entry: u64,
    /// Who asked.
    pub pid: Pid,
    /// The model's label.
    pub model: String,
    /// Whether the answer came in pieces.
    pub streamed: bool,
    /// Kernel time of asking, in milliseconds since 1970.
    pub time: u64,
    /// Until the whole answer was there, in milliseconds; absent while it is not.
    pub took: Option<u64>,
    /// How much of that it waited for a slot of its model, in milliseconds; absent when no answer says it.
    pub waited: Option<u64>,
    /// How it went.
    pub asked: Asked,
    /// Tokens of the prompt; absent when the backend did not say: then the reservation stands.
    pub tokens_in: Option<u64>,
    /// Tokens of the answer, likewise.
    pub tokens_out: Option<u64>,
    /// Its price in micro-USD, as far as it is known.
    pub micro_usd: u64,
    /// Which model answered, where it could have been one of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why there is no whole answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What all questions to one model took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModelUse {
    /// The model's label.
    pub model: String,
    /// Questions.
    pub asked: u64,
    /// Those without an answer.
    pub failed: u64,
    /// Tokens of prompts, as reported.
    pub tokens_in: u64,
    /// Tokens of answers, as reported.
    pub tokens_out: u64,
    /// Micro-USD, as far as prices are known.
    pub micro_usd: u64,
    /// Milliseconds until the answers were there, together.
    pub took: u64,
    /// Of these, milliseconds that were waited for slots.
    pub waited: u64,
}

/// A call that waited for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// The entry that asked.
    pub entry: u64,
    /// Who asked.
    pub pid: Pid,
    /// The verb as the interface names it: `mount.write`.
    pub verb: &'static str,
    /// What it was to be done to.
    pub object: String,
    /// Kernel time of asking, in milliseconds since 1970.
    pub time: u64,
    /// The operator's answer.
    pub ruled: Option<Ruled>,
}

/// The operator's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ruled {
    /// Its entry.
    pub entry: u64,
    /// Its kernel time.
    pub time: u64,
    /// Whether the call might be made.
    pub allow: bool,
}

/// An artifact that was put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Made {
    /// The entry with its bytes.
    pub entry: u64,
    /// What it is.
    pub artifact: Artifact,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Messages and events sent.
    #[serde(serialize_with = "super::list::count")]
    pub messages: List<Message>,
    /// Files read.
    #[serde(serialize_with = "super::list::count")]
    pub reads: List<FileFact>,
    /// Files written, removed and renamed.
    #[serde(serialize_with = "super::list::count")]
    pub changes: List<FileFact>,
    /// Questions to models.
    #[serde(serialize_with = "super::list::count")]
    pub inferences: List<Inference>,
    /// Calls that waited for the operator.
    #[serde(serialize_with = "super::list::count")]
    pub approvals: List<Approval>,
    /// Artifacts put.
    #[serde(serialize_with = "super::list::count")]
    pub artifacts: List<Made>,
    /// By the model's label; a grant has a bounded number of them.
    #[serde(skip)]
    pub models: BTreeMap<String, ModelUse>,
}
