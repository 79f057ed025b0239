//! The system calls. The enum is closed: every `match` on it names every case, so that a new verb does not
//! compile until it has a capability, a cost, a record and a test.

use audit::Digest;
use ledger::Meter;
use serde::{Deserialize, Serialize};

use super::ports::Range;

/// A process's number in its run; the root is 1, the kernel 0.
pub type Pid = u32;
/// A run's number in its state directory.
pub type RunId = u32;

/// A process of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The run.
    pub run: RunId,
    /// The process.
    pub pid: Pid,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "r{}/{}", self.run, self.pid)
    }
}

/// Which of a mailbox's messages comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// After all others.
    Low,
    /// As most.
    Normal,
    /// Before all others.
    High,
}

/// What must hold for a change to a mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Anything.
    Any,
    /// Nothing is there.
    Absent,
    /// A file with this digest is there (as the guest wrote it: it may be malformed).
    DigestIs(String),
    /// The process holds the lease with this token.
    Fence(u64),
}

/// A log line's weight, or the stream that a WASI guest printed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Finest.
    Trace,
    /// For the author.
    Debug,
    /// For the operator.
    Info,
    /// Something is off.
    Warn,
    /// Something failed.
    Error,
    /// A WASI guest's standard output.
    Stdout,
    /// A WASI guest's standard error.
    Stderr,
}

impl Level {
    /// As rights and people name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::Stdout => "stdout",
            Level::Stderr => "stderr",
        }
    }
}

/// A signal to a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Not on this host yet.
    Pause,
    /// Not on this host yet.
    Resume,
    /// Asks it to end.
    Stop,
    /// Ends it.
    Kill,
}

/// When the kernel starts a child again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// It does not.
    Never,
    /// When it failed.
    OnFailure,
    /// Always.
    Always,
}

/// What a spawn asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Bytes of memory that the caller itself uses, which it cannot move.
    pub holds: u64,
    /// The child's label in the team.
    pub component: String,
    /// Its name in the run; absent: the label.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// The meters that are named.
    pub budget: Vec<(Meter, u64)>,
    /// Verb and object; absent: all that may be delegated.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub capabilities: Option<Vec<(String, String)>>,
    /// When to start it again.
    pub restart: Restart,
}

/// Which artifacts to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Of this kind.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<String>,
    /// Made from this one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<String>,
    /// About this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// Put after this one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<String>,
    /// At most so many; 0: the limit.
    pub limit: u32,
}

/// A system call, as it was made: names as the guest gave them. A body that it carries is the entry's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the fields are the arguments of wit/*.wit, where each is described")]
pub enum Call {
    Send {
        to: String,
        priority: Priority,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        in_reply_to: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        wait: Option<u64>,
    },
    Receive {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        wait: Option<u64>,
    },
    Publish {
        topic: String,
    },
    Subscribe {
        pattern: String,
    },
    Close {
        subscription: u64,
    },
    Acquire {
        name: String,
        ttl: u64,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        wait: Option<u64>,
    },
    Token {
        lease: u64,
    },
    Renew {
        lease: u64,
        ttl: u64,
    },
    Release {
        lease: u64,
    },
    Read {
        mount: String,
        path: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        range: Option<Range>,
    },
    Write {
        mount: String,
        path: String,
        condition: Condition,
    },
    List {
        mount: String,
        path: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        after: Option<String>,
        limit: u32,
    },
    Stat {
        mount: String,
        path: String,
    },
    Remove {
        mount: String,
        path: String,
        condition: Condition,
    },
    Rename {
        mount: String,
        source: String,
        target: String,
        condition: Condition,
    },
    Put(Box<Put>),
    Get {
        digest: String,
    },
    Artifacts(Box<Filter>),
    Models,
    Generate(Question),
    Stream(Question),
    Next {
        generation: u64,
    },
    Cancel {
        generation: u64,
    },
    Whoami,
    Spawn(Box<Spec>),
    ContinueAsNew,
    Restored,
    Held,
    Budget,
    Pid {
        child: u64,
    },
    Wait {
        child: u64,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        wait: Option<u64>,
    },
    Signal {
        child: u64,
        signal: Signal,
    },
    Tools,
    Tool {
        name: String,
    },
    Log {
        level: Level,
    },
    Labels,
    Declassify {
        label: String,
    },
    Sleep {
        until: u64,
    },
    Oversized {
        verb: String,
        size: u64,
        limit: u64,
    },
}

/// An artifact's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// What it is.
    pub kind: String,
    /// Its media type.
    pub media_type: String,
    /// What it was made from: digests as the guest wrote them.
    pub parents: Vec<String>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
}

/// A question to a model. The request itself is the body, as the JSON of [`super::ports::Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The label.
    pub model: String,
    /// Tokens of the answer at most.
    pub max_tokens: u32,
    /// An upper bound of the prompt's tokens.
    pub bound: u64,
    /// Whether it offers tools.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub tools: bool,
    /// Whether it asks for JSON.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub json: bool,
    /// What is malformed about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fault: Option<String>,
}

impl Call {
    /// The verb as the WIT names it: `ipc.send`.
    pub fn verb(&self) -> &'static str {
        match self {
            Call::Send { .. } => "ipc.send",
            Call::Receive { .. } => "ipc.receive",
            Call::Publish { .. } => "ipc.publish",
            Call::Subscribe { .. } => "ipc.subscribe",
            Call::Close { .. } => "ipc.subscription.close",
            Call::Acquire { .. } => "lease.acquire",
            Call::Token { .. } => "lease.lease.token",
            Call::Renew { .. } => "lease.lease.renew",
            Call::Release { .. } => "lease.lease.release",
            Call::Read { .. } => "mount.read",
            Call::Write { .. } => "mount.write",
            Call::List { .. } => "mount.list",
            Call::Stat { .. } => "mount.stat",
            Call::Remove { .. } => "mount.remove",
            Call::Rename { .. } => "mount.rename",
            Call::Put(_) => "artifact.put",
            Call::Get { .. } => "artifact.get",
            Call::Artifacts(_) => "artifact.list",
            Call::Models => "infer.models",
            Call::Generate(_) => "infer.generate",
            Call::Stream(_) => "infer.stream",
            Call::Next { .. } => "infer.generation.next",
            Call::Cancel { .. } => "infer.generation.cancel",
            Call::Whoami => "process.whoami",
            Call::Spawn(_) => "process.spawn",
            Call::ContinueAsNew => "process.continue-as-new",
            Call::Restored => "process.restored",
            Call::Held => "process.held",
            Call::Budget => "process.budget",
            Call::Pid { .. } => "process.child.pid",
            Call::Wait { .. } => "process.child.wait",
            Call::Signal { .. } => "process.child.signal",
            Call::Tools => "tool.list",
            Call::Tool { .. } => "tool.call",
            Call::Log { .. } => "log.emit",
            Call::Labels => "label.list",
            Call::Declassify { .. } => "label.declassify",
            Call::Sleep { .. } => "wasi.sleep",
            Call::Oversized { .. } => "oversized",
        }
    }
}

/// A text argument for an entry: itself, or when its JSON is longer than the limit its size and digest behind a NUL,
/// which no name or path may hold, so that it is refused wherever it is used.
pub fn clip(text: String) -> String {
    let escaped = text
        .bytes()
        .map(|b| {
            if b < 0x20 {
                6
            } else if b == b'"' || b == b'\\' {
                2
            } else {
                1
            }
        })
        .sum::<usize>();
    if escaped <= crate::limits::TEXT_BYTES {
        return text;
    }
    format!("\0{} bytes, {}", text.len(), Digest::of(text.as_bytes()))
}
