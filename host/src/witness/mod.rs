//! Witnesses (C2SP tlog-witness): who sees a log's checkpoints, and says of each that it continues the one before.
//!
//! - [`judge`]: what a witness answers. [`memory`]: what it saw last, on disk before it answers. [`key`]: its key.
//! - [`server`]: a witness over HTTP. [`client`]: a log that asks one.

pub mod client;
pub mod judge;
pub mod key;
pub mod memory;
pub mod server;

use std::io;
use std::path::PathBuf;

pub use judge::{Reply, Witness};

/// The one thing that a witness is asked.
pub const PATH: &str = "/add-checkpoint";
/// The media type of an answer that says which size was seen last.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// Why a witness cannot work.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// Its directory cannot be used.
    #[error("{path}: {source}")]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another one uses the directory.
    #[error("{0} is in use by another witness")]
    Busy(PathBuf),
    /// Its key is none, or others can read it.
    #[error("{path} is not a witness's key, or others can read it; it is for its owner alone (chmod 600)")]
    Key {
        /// The key's file.
        path: PathBuf,
    },
    /// What it has seen cannot be read. It does not guess.
    #[error("{path} is damaged: {what}; a witness that forgot what it saw has to get a new key")]
    Memory {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// It cannot listen.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
}

/// A file or directory that cannot be used.
fn io_at(path: &std::path::Path) -> impl FnOnce(io::Error) -> WitnessError + use<> {
    let path = path.to_owned();
    move |source| WitnessError::Io { path, source }
}
