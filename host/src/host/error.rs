//! Why the host did not do it, for the operator: what, where, and what would help.

use std::path::PathBuf;

use authority::ManifestError;
use ledger::{Meter, show};
use serde::{Deserialize, Serialize};

use super::overlay::OverlayError;
use crate::journal::StoreError;
use crate::kernel::Halt;
use crate::kernel::entry::EntryError;
use crate::kernel::tape::TapeError;
use crate::mounts::OpenError;
use crate::mounts::overlap::OverlapError;
use crate::sandbox::cache::CacheError;
use crate::sandbox::compile::CompileError;

/// What kind of failure it is; the command line has an exit code for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The command or a file is wrong.
    Usage,
    /// A right is missing.
    NotAuthorised,
    /// What is there is not what was expected, so it was not done.
    Conflict,
    /// The log does not verify.
    Verification,
    /// The state directory is busy, damaged, full or read-only.
    State,
    /// The host is wrong.
    Internal,
}

/// A failure.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum HostError {
    #[error("{message}")]
    Usage { message: String, help: Option<String> },
    #[error("{error}")]
    Manifest { error: Box<ManifestError>, text: String },
    /// A running host's refusal, as it told it.
    #[error("{message}")]
    Told { kind: Kind, message: String, help: Option<String> },
    #[error(transparent)]
    Unanswered(#[from] super::control::client::Unanswered),
    /// A signature does not hold, or does not count here.
    #[error("{message}")]
    Untrusted { message: String, help: Option<String> },
    #[error("{} is not granted what it needs", .0.package)]
    Refused(Box<super::consent::Consent>),
    #[error(transparent)]
    Grant(#[from] authority::GrantError),
    #[error("{}: {error}", path.display())]
    Compile { path: PathBuf, error: CompileError },
    #[error("{}: {error}", path.display())]
    Link { path: PathBuf, error: String },
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error(transparent)]
    Mount(#[from] OpenError),
    #[error(transparent)]
    Overlap(#[from] OverlapError),
    #[error(transparent)]
    Unsettled(#[from] OverlayError),
    #[error(transparent)]
    File(#[from] crate::infer::file::FileError),
    #[error(transparent)]
    Store(StoreError),
    #[error("#{seq}: {source}")]
    Entry { seq: u64, source: EntryError },
    #[error(transparent)]
    Tape(#[from] TapeError),
    #[error(transparent)]
    Fault(#[from] crate::journal::Fault),
    #[error(transparent)]
    Halt(#[from] Halt),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("the engine cannot be made: {0}")]
    Engine(String),
    #[error("--budget {meter}={}: {why}", show(*meter, *amount))]
    Budget { meter: Meter, amount: u64, why: String },
}

impl HostError {
    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        match self {
            HostError::Usage { .. }
            | HostError::Manifest { .. }
            | HostError::Grant(_)
            | HostError::Link { .. }
            | HostError::Mount(_)
            | HostError::Overlap(_)
            | HostError::File(_)
            | HostError::Io { .. }
            | HostError::Budget { .. } => Kind::Usage,
            HostError::Unsettled(OverlayError::Settled { .. }) => Kind::Usage,
            HostError::Unsettled(_) => Kind::Conflict,
            HostError::Told { kind, .. } => *kind,
            HostError::Unanswered(super::control::client::Unanswered::Unsaid(_)) => Kind::Usage,
            HostError::Unanswered(_) => Kind::State,
            HostError::Compile { error: CompileError::Host(_), .. } => Kind::Internal,
            HostError::Compile { .. } => Kind::Usage,
            HostError::Refused(_) | HostError::Untrusted { .. } => Kind::NotAuthorised,
            HostError::Cache(_) | HostError::Store(_) | HostError::Halt(Halt::Stopped(_)) => Kind::State,
            HostError::Tape(TapeError::Store(_)) | HostError::Fault(crate::journal::Fault::Store(_)) => {
                Kind::State
            }
            HostError::Tape(TapeError::Pruned(_)) => Kind::Usage,
            HostError::Entry { .. } | HostError::Tape(_) | HostError::Fault(_) => Kind::Verification,
            HostError::Halt(Halt::Over(_)) => Kind::NotAuthorised,
            HostError::Halt(_) | HostError::Engine(_) => Kind::Internal,
        }
    }
}
