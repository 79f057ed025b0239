//! `aos-host signal`, `stop` and `kill`: what the operator does to a process that lives.

use super::args::Signals;
use super::failure::{Code, Failure};
use super::out::Out;
use crate::host::control::client::Owner;
use crate::host::control::frame::{Ask, Reply};
use crate::host::{Dirs, HostError};
use crate::kernel::call::{Key, Signal};

/// Signals a process; it is on record when this answers.
///
/// # Errors
/// When no host runs, or the process does not live.
pub fn signal(dirs: &Dirs, process: Key, signal: Signals, out: &mut Out) -> Result<Code, Failure> {
    let (signal, done) = match signal {
        Signals::Stop => (Signal::Stop, "asked to stop"),
        Signals::Kill => (Signal::Kill, "killed"),
    };
    let seq = done_as(dirs, Ask::Signal { run: process.run, pid: process.pid, signal })?;
    out.line(&format!("{process} {done} (#{seq})"))?;
    Ok(Code::Ok)
}

/// Has the owner do something; answers the entry that it is on record as.
///
/// # Errors
/// When no host runs, or it does not do it.
pub fn done_as(dirs: &Dirs, ask: Ask) -> Result<u64, HostError> {
    match Owner::find(&dirs.state)?.ask(ask)? {
        Reply::Done(seq) => Ok(seq),
        other => Err(other.into()),
    }
}
