//! The words on the socket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::error::Kind;
use super::super::overlay::{Settle, Settled};
use super::super::prepare::Request;
use crate::kernel::call::{Pid, RunId, Signal};
use crate::kernel::glance::Glance;
use audit::Digest;

/// The version of the words.
pub const VERSION: u8 = 1;
/// A question: bytes. An input of 1 MiB fits in base 64.
pub const ASK_BYTES: u64 = 4 << 20;
/// An answer: bytes.
pub const REPLY_BYTES: u64 = 16 << 20;

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
    Rule {
        /// The run that the operator named.
        run: RunId,
        /// The entry that asks.
        seq: u64,
        /// The leaf hash of that entry, as the operator read it.
        leaf: Digest,
        /// Whether the call may be made.
        allow: bool,
    },
}

/// A run that is handed over, with all paths absolute.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// What to run.
    pub request: Request,
    /// Its input, in base 64.
    pub input: String,
}

impl Order {
    /// Packs a request.
    pub fn new(request: Request) -> Order {
        let input = STANDARD.encode(&request.input);
        Order { request, input }
    }

    /// Unpacks it; none when the input is no base 64.
    pub fn request(self) -> Option<Request> {
        let input: Bytes = STANDARD.decode(self.input).ok()?.into();
        Some(Request { input, ..self.request })
    }
}

/// What the owner answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reply {
    /// The run was opened; another reply follows at its end.
    Opened(RunId),
    /// The run has ended: its root's exit, on disk with all that is the run's.
    Ended(u64),
    /// What lives.
    Glance(Glance),
    /// It is done, and on disk as this entry.
    Done(u64),
    /// What was done with an overlay.
    Settled(Settled),
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
    let frame: Frame<T> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if frame.v != VERSION {
        return Err(format!("it is of version {}; this host speaks {VERSION}", frame.v));
    }
    Ok(frame.says)
}
