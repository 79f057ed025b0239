//! Overlays of runs that have ended: what they would change in their bases, and the operator's settlement of them.
//!
//! - [`plan`]: each change, compared with what the base has now.
//! - [`settle`]: applying and discarding, on record.

use std::path::Path;

use authority::{Mode, Place};
use bytes::Bytes;

use super::dirs::Dirs;
use super::error::HostError;
use crate::journal::Reader;
use crate::kernel::call::RunId;
use crate::kernel::entry::{Entry, Event};
use crate::kernel::overlay::{Overlay, Settlement};
use crate::kernel::state::{Run, State};
use crate::mounts::{Directory, overlap};

pub mod plan;
pub mod settle;

pub use settle::{Settle, Settled, settle};

/// Why an overlay was not settled.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// What is in the base is not what it was, and not what the overlay makes of it.
    #[error("{mount}: the base has changed since the run covered it, so nothing was applied: {list}")]
    Conflicts {
        /// The overlay.
        mount: String,
        /// Each path, with what is there.
        list: String,
    },
    /// It came to a halt on the way.
    #[error("{mount}: {path}: {why}; {made} of {of} changes are made; mend it and apply again")]
    Halted {
        /// The overlay.
        mount: String,
        /// Where.
        path: String,
        /// Why.
        why: String,
        /// Changes that were made, now or before.
        made: usize,
        /// Changes in all.
        of: usize,
    },
    /// It is settled.
    #[error("overlay {mount} of r{run} was {how} before, see #{seq}")]
    Settled {
        /// The run.
        run: RunId,
        /// The overlay.
        mount: String,
        /// `applied` or `discarded`.
        how: &'static str,
        /// The entry that says so.
        seq: u64,
    },
}

/// An overlay of a run that has ended.
#[derive(Debug)]
pub struct Laid {
    /// The run.
    pub run: RunId,
    /// Its label.
    pub mount: String,
    /// Where its base is.
    pub place: Place,
    /// What it holds.
    pub overlay: Overlay,
    /// How far its settlement has come, and the entry that says so.
    pub settled: Option<(u64, Settlement)>,
}

impl Laid {
    /// Reads it from a run's entries.
    ///
    /// # Errors
    /// When there is no such run or overlay, the run has not ended, or the log cannot be read or does not follow.
    pub fn read(reader: &Reader, run: RunId, mount: &str) -> Result<Laid, HostError> {
        let usage = |message: String, help: &str| HostError::Usage { message, help: Some(help.to_owned()) };
        let mut settled = None;
        let over = ended(reader, run, |seq, label, step| {
            if label == mount {
                settled = Some((seq, step));
            }
        })?;
        let mut over = over.ok_or_else(|| usage(format!("r{run} has not ended"), &open(run)))?;
        let place = over.grant.mounts.get(mount).filter(|place| place.mode == Mode::Overlay).cloned();
        match (place, over.overlays.remove(mount)) {
            (Some(place), Some(overlay)) => {
                Ok(Laid { run, mount: mount.to_owned(), place, overlay, settled })
            }
            _ => {
                let labels: Vec<&str> = over.overlays.keys().map(String::as_str).collect();
                let help = match labels.is_empty() {
                    true => format!("it had none; `--mount {mount}=DIR:overlay` makes one"),
                    false => format!("it had: {}", labels.join(", ")),
                };
                Err(usage(format!("r{run} had no overlay {mount:?}"), &help))
            }
        }
    }

    /// Opens its base.
    ///
    /// # Errors
    /// When it is not there, or holds or lies inside the host's own directories.
    pub fn base(&self, dirs: &Dirs, writable: bool) -> Result<Directory, HostError> {
        let path = Path::new(&self.place.path);
        // Opening tells better than comparing what is wrong with a directory that has gone.
        let base = Directory::plain(path, writable)?;
        overlap::check(path, &dirs.private())?;
        Ok(base)
    }
}

/// What would help with a run that has not ended.
fn open(run: RunId) -> String {
    format!("its overlays wait until it has; `aos-host resume r{run}` goes on with it if it was cut off")
}

/// A run as it was when it ended; none when it has not. Hands each settlement after that to `each`.
fn ended(
    reader: &Reader,
    run: RunId,
    mut each: impl FnMut(u64, &str, Settlement),
) -> Result<Option<Run>, HostError> {
    let span = reader.span(Some(run))?;
    let span =
        span.ok_or_else(|| HostError::Usage { message: format!("there is no run r{run}"), help: None })?;
    let mut state = State { last_run: run.saturating_sub(1), ..State::default() };
    let mut over = None;
    reader.lines(span.first, span.last, |seq, line| {
        let entry = Entry::parse(line).map_err(|source| HostError::Entry { seq, source })?;
        if entry.run != run {
            return Ok(());
        }
        let grant = match &entry.event {
            Event::Run(_) => reader.body(seq)?.map(|body| Bytes::from(body.data)),
            Event::End => {
                over = state.runs.get(&run).cloned();
                None
            }
            Event::Overlay { mount, step } => {
                each(seq, mount, *step);
                None
            }
            _ => None,
        };
        // Entries of other runs may lie between two of this one.
        state.seq = entry.seq.saturating_sub(1);
        state.apply(&entry, grant.as_ref(), &mut Vec::new()).map_err(crate::kernel::tape::TapeError::from)?;
        Ok::<_, HostError>(())
    })?;
    Ok(over)
}
