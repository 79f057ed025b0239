//! The kernel's state: a pure fold over the entries. It is changed by [`State::apply`] alone, live and when the log is
//! read again; nothing in here reads a clock, a file or chance.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use audit::Digest;
use authority::{Decision, Grant, Labels, Mode, Pattern, Rights, Verb};
use ledger::{Account, MAX, Meter};
use serde::{Deserialize, Serialize};

use super::answer::{Artifact, Exit};
use super::call::{Call, Key, Pid, Priority, RunId};
use super::entry::Birth;
use super::overlay::Overlay;

mod payload;
mod tree;
mod window;

pub use payload::Payload;
pub use window::Window;

/// What one state directory's kernel knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Of the last entry.
    pub seq: u64,
    /// Of the last entry, in milliseconds since 1970.
    pub time: u64,
    /// The number of the newest run.
    pub last_run: RunId,
    /// Those that have not ended.
    pub runs: BTreeMap<RunId, Run>,
}

/// A root process and all it spawned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The operator's grant.
    pub grant: Arc<Grant>,
    /// Of its last entry, in milliseconds since 1970.
    pub time: u64,
    /// All of its processes, ended ones included; process `n` is at `n - 1`.
    pub procs: Vec<Proc>,
    /// Who has which name: the newest process of that name.
    pub names: BTreeMap<String, Pid>,
    /// Which subscriptions a pattern has.
    pub topics: BTreeMap<String, BTreeSet<(Pid, u64)>>,
    /// By name.
    pub leases: BTreeMap<String, Lease>,
    /// In the order in which they were put.
    pub artifacts: Vec<Stored>,
    /// The place of each in `artifacts`.
    pub by_digest: BTreeMap<Digest, usize>,
    /// Of each mount that is one, by label.
    pub overlays: BTreeMap<String, Overlay>,
    /// The meters of the root's budget that come back.
    pub windows: BTreeMap<Meter, Window>,
    /// The meters of the root's budget whose use was warned of.
    pub warned: BTreeSet<Meter>,
    /// By mount: the data categories of those who changed its directory in this run.
    pub stains: BTreeMap<String, Labels>,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proc {
    /// Its number.
    pub pid: Pid,
    /// Its name.
    pub name: String,
    /// Its label in the team; empty for the root.
    pub member: String,
    /// Who spawned it.
    pub parent: Option<Pid>,
    /// What it may do.
    pub rights: Arc<Rights>,
    /// Whether some of its rights wait for the operator.
    pub asks: bool,
    /// When the first of its rights ends.
    pub ends: Option<u64>,
    /// The newest entry that took rights from it; 0 when none did.
    pub generation: u64,
    /// The operator's answer to its next call.
    pub ruling: Option<Ruling>,
    /// What it may spend.
    pub account: Account,
    /// When it started.
    pub started: u64,
    /// When its wall time is over; never later than its parent's.
    pub deadline: Option<u64>,
    /// How it ended.
    pub exit: Option<Box<Ended>>,
    /// A stop was requested.
    pub stopping: bool,
    /// Its parent or the operator killed it: it ends as soon as it is seen to.
    pub killed: bool,
    /// The data categories that it has read.
    pub labels: Labels,
    /// What was sent to it.
    pub mailbox: Mailbox,
    /// The call that it waits in.
    pub pending: Option<Box<Pending>>,
    /// By number.
    pub subscriptions: BTreeMap<u64, String>,
    /// Its leases' names, by token.
    pub leases: BTreeMap<u64, String>,
    /// Its open generations, by number.
    pub generations: BTreeMap<u64, Generation>,
    /// Inference calls that it has made.
    pub turns: u64,
    /// Its own files.
    pub scratch: BTreeMap<String, File>,
    /// Those that live.
    pub children: BTreeSet<Pid>,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit's entry.
    pub seq: u64,
    /// How.
    pub exit: Exit,
    /// What it returned.
    pub output: Payload,
}

/// What was sent to a process and not yet received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// By priority: low, normal, high.
    pub queues: [VecDeque<Message>; 3],
    /// All bodies together.
    pub bytes: u64,
    /// Messages, without the kernel's notices.
    pub count: usize,
    /// Those who wait for room.
    pub line: VecDeque<Pid>,
    /// Events dropped because it was full.
    pub dropped: u64,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The entry that has its body.
    pub id: u64,
    /// Who sent it; 0 is the kernel.
    pub sender: Pid,
    /// Of an event or a notice.
    pub topic: Option<Arc<str>>,
    /// What it answers.
    pub in_reply_to: Option<u64>,
    /// Its place.
    pub priority: Priority,
    /// What it carries.
    pub labels: Labels,
    /// Its body, in bytes.
    pub size: u64,
    /// Its body.
    pub body: Payload,
}

/// A call that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The entry that began it.
    pub seq: u64,
    /// The call.
    pub call: Call,
    /// When it gives up.
    pub until: Option<u64>,
    /// Set aside for it.
    pub reserve: Vec<(Meter, u64)>,
    /// Of the file that its effect replaces.
    pub previous: Option<Digest>,
    /// Whom it waits for.
    pub stage: Stage,
    /// The right that it was made by was taken back meanwhile.
    pub revoked: bool,
    /// Whom it concerns: the peer of a send, the child of a wait.
    pub peer: Option<Pid>,
    /// Its body, in bytes.
    pub size: u64,
    /// Its body.
    pub body: Payload,
}

/// Whom a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The kernel: another process, or time.
    Waits,
    /// An effect outside.
    Acts,
    /// The operator, who is asked whether it may be made. It is not charged yet.
    Asks,
}

/// What the operator answered, until the call that it is about is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The entry that asked.
    pub of: u64,
    /// Whether the call may be made.
    pub allow: bool,
}

/// A lease of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// Who has it, its token and when it expires.
    pub holder: Option<(Pid, u64, u64)>,
    /// The newest token.
    pub newest: u64,
    /// Those who wait for it.
    pub line: VecDeque<Pid>,
}

/// An answer that is arriving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The label.
    pub model: String,
    /// Set aside for it; empty once settled.
    pub reserve: Vec<(Meter, u64)>,
    /// Whether the last chunk has come, or it broke off.
    pub ended: bool,
}

/// A file of a scratch mount or an overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Of its bytes.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// The entry that wrote it.
    pub seq: u64,
    /// Its bytes.
    pub body: Payload,
}

/// An artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its description.
    pub artifact: Artifact,
    /// The entry that put it.
    pub seq: u64,
    /// Its bytes.
    pub body: Payload,
}

/// The log does not fit the state that its entries so far give: it was damaged, or the kernel is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry #{seq} does not follow from those before it: {what}")]
pub struct Inconsistent {
    /// The entry.
    pub seq: u64,
    /// What is wrong with it.
    pub what: String,
}

impl State {
    /// A process.
    pub fn proc(&self, key: Key) -> Option<&Proc> {
        self.runs.get(&key.run)?.proc(key.pid)
    }

    /// A process, to be changed.
    pub fn proc_mut(&mut self, key: Key) -> Option<&mut Proc> {
        self.runs.get_mut(&key.run)?.proc_mut(key.pid)
    }
}

impl Run {
    /// A process.
    pub fn proc(&self, pid: Pid) -> Option<&Proc> {
        self.procs.get((pid as usize).checked_sub(1)?)
    }

    /// A process, to be changed.
    pub fn proc_mut(&mut self, pid: Pid) -> Option<&mut Proc> {
        self.procs.get_mut((pid as usize).checked_sub(1)?)
    }

    /// The data categories of a mount: those that the operator gave it, and those of what was written there in this run.
    pub fn labels_of(&self, mount: &str) -> Labels {
        let given = self.grant.mounts.get(mount).map(|place| place.labels.clone()).unwrap_or_default();
        match self.stains.get(mount) {
            Some(stain) => given.union(stain),
            None => given,
        }
    }

    /// One that has no process yet.
    pub(super) fn new(grant: Arc<Grant>) -> Run {
        let overlays = grant.mounts.iter().filter(|(_, place)| place.mode == Mode::Overlay);
        let overlays = overlays.map(|(label, _)| (label.clone(), Overlay::default())).collect();
        Run {
            grant,
            time: 0,
            overlays,
            procs: Vec::new(),
            names: BTreeMap::new(),
            topics: BTreeMap::new(),
            leases: BTreeMap::new(),
            artifacts: Vec::new(),
            by_digest: BTreeMap::new(),
            windows: BTreeMap::new(),
            warned: BTreeSet::new(),
            stains: BTreeMap::new(),
        }
    }

    /// A process's name; the kernel's is `kernel`.
    pub fn name(&self, pid: Pid) -> &str {
        self.proc(pid).map_or("kernel", |p| &p.name)
    }
}

impl Proc {
    /// One that has done nothing yet.
    pub(super) fn new(
        pid: Pid,
        birth: &Birth,
        account: Account,
        started: u64,
        deadline: Option<u64>,
    ) -> Proc {
        Proc {
            pid,
            name: birth.name.clone(),
            member: birth.member.clone(),
            parent: birth.parent,
            rights: Arc::new(birth.rights.clone()),
            asks: birth.rights.asks(),
            ends: birth.rights.ends(),
            generation: 0,
            ruling: None,
            account,
            started,
            deadline,
            exit: None,
            stopping: false,
            killed: false,
            labels: Labels::default(),
            mailbox: Mailbox::default(),
            pending: None,
            subscriptions: BTreeMap::new(),
            leases: BTreeMap::new(),
            generations: BTreeMap::new(),
            turns: 0,
            scratch: BTreeMap::new(),
            children: BTreeSet::new(),
        }
    }

    /// What its rights say of this object now.
    pub fn decision(&self, verb: Verb, object: &str) -> Decision {
        self.rights.decide(verb, object, &self.labels)
    }

    /// Whether it holds a right for this object now. The operator may still have to be asked: that is found for the call as a
    /// whole, once it is known that it would succeed.
    pub fn may(&self, verb: Verb, object: &str) -> bool {
        self.decision(verb, object) != Decision::Deny
    }

    /// As [`Proc::may`], for every name that a pattern covers.
    pub fn may_all(&self, verb: Verb, pattern: &Pattern) -> bool {
        self.rights.decide_pattern(verb, pattern, &self.labels) != Decision::Deny
    }

    /// Fuel that it may have consumed in all, and bytes of memory that it may hold, as its account stands.
    pub fn limits(&self) -> Limits {
        let left = self.account.left(Meter::Fuel);
        let fuel = left.saturating_add(self.account.own(Meter::Fuel)).min(MAX);
        Limits { fuel, memory: self.account.left(Meter::Memory) }
    }
}

/// What the sandbox has to hold a process to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Consumed in all.
    pub fuel: u64,
    /// Bytes at a time.
    pub memory: u64,
}
