//! `aos-host approve` and `deny`: the operator's answer to a call that waits for it.

use super::failure::{Code, Failure};
use super::out::Out;
use super::signal::done_as;
use super::view::question;
use crate::host::control::client::{Owner, Unanswered};
use crate::host::control::frame::{Ask, Ruling};
use crate::host::ruling::Question;
use crate::host::{Dirs, HostError};
use crate::journal::Reader;
use crate::kernel::call::RunId;

/// Answers a question; it is on record when this answers. What is answered is the entry as it is in the log now, by its
/// leaf hash.
///
/// # Errors
/// When no host runs, there is no such question, or it waits no more.
pub fn rule(dirs: &Dirs, (run, seq): (RunId, u64), allow: bool, out: &mut Out) -> Result<Code, Failure> {
    if let Err(error @ Unanswered::Nobody) = Owner::find(&dirs.state) {
        return Err(HostError::from(error).into());
    }
    let question = Question::read(&Reader::open(&dirs.state)?, run, seq)?;
    let ruled = done_as(dirs, Ask::Rule(Ruling { run, seq, leaf: question.leaf, allow }))?;
    let call = question::call(&question.entry).map(question::brief).unwrap_or_default();
    out.line(&format!("{}: {call} (#{ruled})", question::answered(run, seq, allow)))?;
    Ok(Code::Ok)
}
