//! The owner's socket: how a second terminal asks the host that has a state directory.
//!
//! One question a connection: a line of JSON, answered by a line of JSON; a run that is handed over gets further ones
//! when it was opened and when it has ended. Nothing is answered that is not on disk.
//!
//! - [`frame`]: what is asked and answered, and how it is written. [`order`]: a run that is handed over.
//! - [`server`]: the owner's side, with [`handed`] for the runs of other terminals. [`client`]: the other one.

pub mod client;
pub mod frame;
pub mod handed;
pub mod order;
pub mod server;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// The socket's name in the state directory.
pub const NAME: &str = "control";

/// A path to the socket that is short enough for an address (108 bytes), however long the directory's own is; good as long as
/// the file is open.
fn address(state: &Path) -> std::io::Result<(File, PathBuf)> {
    let directory = File::open(state)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", directory.as_raw_fd()));
    Ok((directory, path))
}
