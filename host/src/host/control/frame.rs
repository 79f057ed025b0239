//! The words on the socket.

use authority::ManifestError;
use serde::{Deserialize, Serialize};

use super::super::consent::Consent;
use super::super::error::{HostError, Kind};
use super::super::overlay::{Settle, Settled};
use super::super::prune::Pruned;
use super::super::resume::Again;
use super::client::Unanswered;
use super::order::{Opened, Order};
use crate::kernel::call::{Pid, RunId, Signal};
use crate::kernel::entry::Taken;
use crate::kernel::glance::Glance;
use crate::kernel::live::Over;
use crate::kernel::operator::Revoked;
use audit::Digest;

/// The version of the words.
pub const VERSION: u8 = 1;
/// A question: bytes. An input of 1 MiB fits in base 64.
pub const ASK_BYTES: u64 = 2 << 20;
/// An answer: bytes.
pub const REPLY_BYTES: u64 = 2 << 20;

/// A line on the socket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame<T> {
    /// [`VERSION`].
    pub v: u8,
    /// What it says.
    pub says: T,
}

/// What is asked of the owner.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// Run this.
    Run(Box<Order>),
    /// Go on with this run, which was cut off.
    Resume(Again),
    /// What lives?
    Glance,
    /// Signal a process.
    Signal {
        /// Its run.
        run: RunId,
        /// Its number.
        pid: Pid,
        /// `stop` or `kill`.
        signal: Signal,
    },
    /// Take rights from a process and from all that it spawned.
    Revoke {
        /// Its run.
        run: RunId,
        /// Its number.
        pid: Pid,
        /// Which.
        what: Taken,
    },
    /// Settle an overlay of a run that has ended.
    Overlay {
        /// Its run.
        run: RunId,
        /// Its label.
        mount: String,
        /// What is to be done with it.
        settle: Settle,
    },
    /// Answer a call that waits for the operator.
    Rule(Ruling),
    /// Erase bodies.
    Prune {
        /// Of this run; absent: of all that have ended.
        run: Option<RunId>,
        /// Of entries before this one.
        before: u64,
    },
}

/// The operator's answer to a call that waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ruling {
    /// The run that the operator named.
    pub run: RunId,
    /// The entry that asks.
    pub seq: u64,
    /// The leaf hash of that entry, as the operator read it.
    pub leaf: Digest,
    /// Whether the call may be made.
    pub allow: bool,
}

/// What the owner answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reply {
    /// The run will be opened, unless it is refused: that is the next reply.
    Taken,
    /// The run was opened; another reply follows at its end.
    Opened(Box<Opened>),
    /// The run has ended, and all that is its is on disk.
    Ended(Over),
    /// What lives.
    Glance(Glance),
    /// It is done, and on disk as this entry.
    Done(u64),
    /// What was taken.
    Revoked(Revoked),
    /// What was done with an overlay.
    Settled(Settled),
    /// What was erased.
    Pruned(Pruned),
    /// Too many are being answered; try again in a moment.
    Busy,
    /// The host is about to end and takes no more runs; try again, or be the next host.
    Ending,
    /// The manifest is wrong.
    Manifest {
        /// How.
        error: Box<ManifestError>,
        /// Its text.
        text: String,
    },
    /// The team is not granted what it needs.
    Lacks(Box<Consent>),
    /// It is not done.
    Refused {
        /// What kind of failure it is.
        kind: Kind,
        /// For a person.
        message: String,
        /// What would mend it.
        help: Option<String>,
    },
}

impl Reply {
    /// A refusal.
    pub fn refused(kind: Kind, message: impl Into<String>, help: Option<&str>) -> Reply {
        Reply::Refused { kind, message: message.into(), help: help.map(str::to_owned) }
    }
}

impl From<HostError> for Reply {
    fn from(error: HostError) -> Reply {
        match error {
            HostError::Manifest { error, text } => Reply::Manifest { error, text },
            HostError::Refused(consent) => Reply::Lacks(consent),
            HostError::Usage { message, help } => Reply::Refused { kind: Kind::Usage, message, help },
            HostError::Told { kind, message, help } => Reply::Refused { kind, message, help },
            HostError::Untrusted { message, help } => {
                Reply::Refused { kind: Kind::NotAuthorised, message, help }
            }
            other => Reply::refused(other.kind(), other.to_string(), None),
        }
    }
}

/// What is not an answer to the question is what the host says against it.
impl From<Reply> for HostError {
    fn from(reply: Reply) -> HostError {
        match reply {
            Reply::Manifest { error, text } => HostError::Manifest { error, text },
            Reply::Lacks(consent) => HostError::Refused(consent),
            Reply::Refused { kind, message, help } => HostError::Told { kind, message, help },
            other => Unanswered::Strange(format!("{other:?}")).into(),
        }
    }
}

/// A line, with its end.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn line<T: Serialize>(says: T) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(&Frame { v: VERSION, says })?;
    line.push(b'\n');
    Ok(line)
}

/// What a line says.
///
/// # Errors
/// Why it cannot be understood.
pub fn read<T: for<'de> Deserialize<'de>>(line: &[u8]) -> Result<T, String> {
    /// The version alone, so that words of another one are told from garbage.
    #[derive(Deserialize)]
    struct Version {
        v: u8,
    }
    let version: Version = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if version.v != VERSION {
        return Err(format!("it is of version {}; this host speaks {VERSION}", version.v));
    }
    let frame: Frame<T> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    Ok(frame.says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_were_written() {
        let ruling = Ruling { run: 1, seq: 12, leaf: Digest::of(b"leaf"), allow: true };
        let written = line(Ask::Rule(ruling)).unwrap();
        assert!(matches!(read::<Ask>(&written), Ok(Ask::Rule(read)) if read == ruling));
        assert!(matches!(read::<Reply>(&line(Reply::Done(3)).unwrap()), Ok(Reply::Done(3))));
    }

    #[test]
    fn garbage_and_other_versions_are_told_apart() {
        assert!(read::<Ask>(br#"{"v":2,"says":{"new":1}}"#).unwrap_err().contains("version 2"));
        for garbage in [&b""[..], b"\0\xff", b"{}", br#"{"v":1}"#, br#"{"v":1,"says":"fly"}"#, b"[[[["] {
            assert!(read::<Ask>(garbage).is_err(), "{garbage:?}");
        }
        let more = br#"{"v":1,"says":{"signal":{"run":1,"pid":1,"signal":"stop","as":"root"}}}"#;
        assert!(read::<Ask>(more).unwrap_err().contains("unknown field"));
    }
}
