//! The log's entries: one line of JSON each, in this field order, without white space (DESIGN: "An entry is a line").
//! serde_json writes strings and integers in RFC 8785's form, so that one record has one encoding; [`Entry::parse`]
//! refuses every other.

use std::collections::BTreeMap;

use audit::Digest;
use authority::{Grant, Pattern, Rights, Verb};
use ledger::{Amounts, Meter};
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Error, Exit};
use super::call::{Call, Pid, RunId, Signal};
use super::overlay::{Base, Settlement};

/// The version of the entries' format, `v`.
pub const VERSION: u8 = 1;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// [`VERSION`].
    pub v: u8,
    /// Its number in the state directory, from 1; leaf `seq - 1` of the tree.
    pub seq: u64,
    /// Kernel time: milliseconds since 1970, never less than the entry's before.
    pub t: u64,
    /// The run.
    pub run: RunId,
    /// The process it is of; 0 is the kernel.
    pub pid: Pid,
    /// Fuel that the process had consumed when it called.
    pub fuel: u64,
    /// What happened.
    pub event: Event,
    /// What it commits to beside the line: what was sent, written, asked, read or answered.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<Blob>,
}

/// What an entry says of its body. Messages, prompts, answers and log lines are committed to with a salted digest,
/// which the writer computes; files, artifacts and grants with the bare one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    /// Bytes.
    pub size: u64,
    /// Absent when nothing was stored (a refused call's argument).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<Digest>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A run begins. The body is the grant.
    Run(Box<Opening>),
    /// A process begins. The body of a root's is its input.
    Start(Box<Birth>),
    /// A call that completed at once.
    Call {
        /// The call.
        call: Call,
        /// Its answer.
        out: Result<Answer, Error>,
        /// Identical refusals in a row, when there were more than one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        repeat: Option<Repeat>,
        /// What an overlay's base has at the paths that the call covers for the first time.
        #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
        base: BTreeMap<String, Base>,
    },
    /// A call that waits for the kernel.
    Wait {
        /// The call.
        call: Call,
        /// Kernel time at which it gives up.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<u64>,
    },
    /// A call that waits for the operator's answer; it is not charged yet. The body is what it carries.
    Ask {
        /// The call.
        call: Call,
    },
    /// The operator's answer. The call's own entry follows when its process goes on.
    Rule {
        /// The process that asked.
        pid: Pid,
        /// The entry that asked.
        of: u64,
        /// That entry's leaf hash (RFC 6962): what the operator answered to, with all of its arguments.
        leaf: Digest,
        /// Whether the call may be made.
        allow: bool,
    },
    /// A call with an effect outside, before that effect.
    Intent {
        /// The call.
        call: Call,
        /// Of the file that will be replaced.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        previous: Option<Digest>,
        /// The worst case, set aside.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        reserve: Vec<(Meter, u64)>,
    },
    /// The end of a wait or an effect.
    Outcome {
        /// The entry that began it.
        of: u64,
        /// The call's answer.
        out: Result<Answer, Error>,
    },
    /// The operator signals a process: `stop` asks it to end, `kill` ends it.
    Signal {
        /// The process.
        pid: Pid,
        /// Which.
        signal: Signal,
    },
    /// A process may spend more: because a window of its budget is over, or because the operator says so.
    Fund {
        /// The process.
        pid: Pid,
        /// How much more, of each meter.
        add: Vec<(Meter, u64)>,
        /// Whether it is what was used of a window that is over.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        window: bool,
    },
    /// A run's root has used most of a meter ([`WARNED`]).
    Warn {
        /// Which.
        meter: Meter,
        /// Used, with what its ended children used, and set aside.
        used: u64,
        /// Granted.
        granted: u64,
    },
    /// Rights are taken from a process and from all that it spawned.
    Revoke {
        /// The process.
        pid: Pid,
        /// Which rights.
        what: Taken,
        /// The key or the document that counts no longer, when that is why.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        because: Option<Digest>,
    },
    /// A lease's time ran out.
    Expire {
        /// Its name.
        lease: String,
        /// Its holder's token.
        token: u64,
    },
    /// The run was cut off with its host, and goes on: its processes are executed again on the entries so far.
    Resume(Box<Resumption>),
    /// What a run used in all, before its end; where the host has caps.
    Bill {
        /// By its root and all that it spawned.
        used: Amounts,
    },
    /// A process ended.
    Exit(Box<Exit>),
    /// A run ended.
    End,
    /// The operator settles an overlay of a run that has ended. It changes nothing of the run, which is over.
    Overlay {
        /// Its label.
        mount: String,
        /// How far it has come.
        step: Settlement,
    },
    /// The operator erases bodies of a run that has ended: with this entry they are gone. What commits to them stays.
    Erase(Erasure),
}

/// The first entry of a run: what it is and what decides its semantics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The package's or component's name.
    pub label: String,
    /// The host's version; it does not decide semantics.
    pub host: String,
    /// What does: engine, configuration, fuel table.
    pub semantics: String,
    /// The interface's version.
    pub wit: String,
    /// What it stands on, by digest; absent in logs of hosts that did not say so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub names: Option<Names>,
}

/// What a run stands on, by digest. What the grant says of it too has to agree with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// The root's component.
    pub component: Digest,
    /// The manifest's bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub manifest: Option<Digest>,
    /// The grant, which is this entry's body.
    pub grant: Digest,
    /// The key that signed the package.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signer: Option<Digest>,
    /// What it signed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub statement: Option<Digest>,
    /// The standing grant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub standing: Option<Digest>,
    /// The text of [`Opening::semantics`].
    pub engine: Digest,
    /// The host's configuration: a line `NAME DIGEST` for each of `trust.dsse`, `revoked.dsse`, `models.toml`, `prices.toml` and
    /// `caps.toml`, with `-` for one that is not there.
    pub configuration: Digest,
}

impl Names {
    /// What a grant says, beside what the host is.
    pub fn new(grant: &Grant, semantics: &str, configuration: Digest) -> Names {
        Names {
            component: grant.root.component,
            manifest: grant.root.manifest,
            grant: grant.digest(),
            signer: grant.signer.as_ref().map(|signer| signer.key),
            statement: grant.signer.as_ref().map(|signer| signer.statement),
            standing: grant.standing,
            engine: Digest::of(semantics.as_bytes()),
            configuration,
        }
    }
}

/// Who takes up a run that was cut off. The time since the run's last entry counts as no one's wall time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resumption {
    /// The host's version.
    pub host: String,
    /// As in the run's [`Opening`]: other semantics cannot take it up.
    pub semantics: String,
}

/// The first entry of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Birth {
    /// Its name in the run.
    pub name: String,
    /// Its label in the team; empty for the root.
    pub member: String,
    /// Absent for the root.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<Pid>,
    /// What it runs.
    pub component: Digest,
    /// What it may do.
    pub rights: Rights,
    /// What it may spend; an absent meter is not limited.
    pub budget: Amounts,
    /// What its random numbers follow from: 32 bytes, hexadecimal.
    pub seed: String,
    /// The entry whose body is its input.
    pub input: u64,
}

/// Rights that are taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Taken {
    /// All of them.
    All,
    /// A verb on the objects of a pattern ([`Rights::without`]).
    Right {
        /// The verb.
        verb: Verb,
        /// Which objects.
        object: Pattern,
    },
    /// Those that have ended by the entry's time.
    Ended,
}

impl Taken {
    /// What is left of a process's rights at a time.
    pub fn left(&self, rights: &Rights, now: u64) -> Rights {
        match self {
            Taken::All => Rights::default(),
            Taken::Right { verb, object } => rights.without(*verb, object),
            Taken::Ended => rights.at(now),
        }
    }
}

/// Bodies that go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// The entries that they are of: from one to another, in order; at most [`ERASED_RANGES`].
    pub ranges: Vec<(u64, u64)>,
    /// How many bodies were there.
    pub bodies: u64,
    /// Their bytes together.
    pub bytes: u64,
}

/// Hundredths of a meter after which its use is warned of.
pub const WARNED: u64 = 80;

/// Ranges in one entry: with the largest numbers they are some 9 KiB.
pub const ERASED_RANGES: usize = 256;

/// A run of identical refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How many.
    pub times: u64,
    /// Fuel consumed at the last one.
    pub last: u64,
}

/// Why a line is not an entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// It is not JSON of this shape.
    #[error("not an entry: {0}")]
    Shape(#[from] serde_json::Error),
    /// It is of another version.
    #[error("an entry of version {0}; this build knows {VERSION}")]
    Version(u8),
    /// A number is 0 where it counts from 1, or over 2^53 - 1.
    #[error("a number is out of range")]
    Range,
    /// It means an entry, but is not written as one.
    #[error("not written in the canonical form")]
    Form,
}

impl Entry {
    /// Writes the line, without a newline.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        serde_json::to_writer(out, self)
    }

    /// Reads a line and checks that it is the canonical one of what it says.
    ///
    /// # Errors
    /// When it is not JSON of this shape, of another version, or written in any other way.
    pub fn parse(line: &[u8]) -> Result<Entry, EntryError> {
        let entry: Entry = serde_json::from_slice(line)?;
        if entry.v != VERSION {
            return Err(EntryError::Version(entry.v));
        }
        let numbers = [entry.seq, entry.t, entry.fuel, entry.body.map_or(0, |blob| blob.size)];
        if entry.run == 0 || entry.seq == 0 || numbers.iter().any(|n| *n > ledger::MAX) {
            return Err(EntryError::Range);
        }
        let mut again = Vec::with_capacity(line.len());
        entry.write(&mut again)?;
        if again != line {
            return Err(EntryError::Form);
        }
        Ok(entry)
    }
}
