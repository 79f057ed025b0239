//! The operator's answer to a call that waits for it, bound to what the operator read: the entry that asks, by its leaf hash.

use std::path::Path;

use audit::Digest;

use super::control::frame::Ruling;
use super::error::{HostError, Kind};
use crate::journal::Reader;
use crate::kernel::Kernel;
use crate::kernel::call::{Key, RunId};
use crate::kernel::entry::{Entry, Event};

/// An entry that asks, as it is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The entry; its event is an [`Event::Ask`].
    pub entry: Entry,
    /// Its leaf hash.
    pub leaf: Digest,
}

impl Question {
    /// Reads it.
    ///
    /// # Errors
    /// When there is no such entry, it is another run's or does not ask, or the log cannot be read.
    pub fn read(reader: &Reader, run: RunId, seq: u64) -> Result<Question, HostError> {
        let wrong = |message: String| HostError::Usage { message, help: Some("see aos-host ps".into()) };
        if seq == 0 || seq > reader.head()?.0 {
            return Err(wrong(format!("there is no entry #{seq}")));
        }
        let mut found = None;
        reader.lines(seq, seq, |_, line| {
            let entry = Entry::parse(line).map_err(|source| HostError::Entry { seq, source })?;
            found = Some(Question { entry, leaf: Digest(audit::leaf_hash(line)) });
            Ok::<_, HostError>(())
        })?;
        match found {
            None => Err(wrong(format!("there is no entry #{seq}"))),
            Some(question) if question.entry.run != run => {
                Err(wrong(format!("#{seq} is of run r{}, not of r{run}", question.entry.run)))
            }
            Some(question) if !matches!(question.entry.event, Event::Ask { .. }) => {
                Err(wrong(format!("r{run}#{seq} does not ask for anything")))
            }
            Some(question) => Ok(question),
        }
    }
}

/// Rules on a call, if the entry that asks is the one that the operator read; answers the ruling's entry, which is on disk.
///
/// # Errors
/// When it is not, or waits no more.
pub(super) async fn rule(kernel: &Kernel, state: &Path, ruling: Ruling) -> Result<u64, HostError> {
    let Ruling { run, seq, leaf, allow } = ruling;
    let question = Question::read(&Reader::open(state)?, run, seq)?;
    if question.leaf != leaf {
        return Err(HostError::Told {
            kind: Kind::NotAuthorised,
            message: format!("r{run}#{seq} is not the entry that was answered: its hash is another"),
            help: Some("read it again: aos-host ps".into()),
        });
    }
    let ruled = kernel.rule(Key { run, pid: question.entry.pid }, seq, leaf, allow).await?;
    ruled.ok_or_else(|| HostError::Usage {
        message: format!("r{run}#{seq} waits no more: it was answered before, or its process has ended"),
        help: Some("see aos-host ps".into()),
    })
}
