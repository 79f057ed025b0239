//! Applying and discarding. An application is on record before its first change and after its last one; cut off in between,
//! it is finished by applying again, since each path tells whether it was changed already.

use std::cmp::Reverse;
use std::sync::Arc;

use audit::Digest;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::plan::{Change, Standing, plan};
use super::{Laid, OverlayError};
use crate::host::{Dirs, HostError, reader};
use crate::journal::Reader;
use crate::kernel::Kernel;
use crate::kernel::call::RunId;
use crate::kernel::overlay::{Base, Settlement};
use crate::kernel::ports::{Expect, Mount, MountError};
use crate::mounts::Directory;

/// Conflicts that are named; further ones are counted.
const NAMED: usize = 20;

/// One settlement at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// What is to be done with an overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settle {
    /// Make its changes in its base.
    Apply,
    /// Give it up.
    Discard,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The last entry of it; absent when there was nothing to do.
    pub seq: Option<u64>,
    /// The base.
    pub path: String,
    /// Changes in all.
    pub changes: usize,
    /// Of those, made in the base: now, or before this was cut off.
    pub made: usize,
    /// Folders that the run removed and that stay, since they are not empty.
    pub left: Vec<String>,
}

/// Settles an overlay of a run that has ended.
///
/// # Errors
/// When it is settled, its run has not ended, the base has changed, a disk fails, or the log cannot be written.
pub async fn settle(
    kernel: &Arc<Kernel>,
    dirs: &Dirs,
    (run, mount): (RunId, &str),
    what: Settle,
) -> Result<Settled, HostError> {
    let _alone = ALONE.lock().await;
    let (at, label) = (dirs.clone(), mount.to_owned());
    let work = blocking(move || Work::prepare(&at, (run, &label), what)).await?;
    let mut settled = work.settled();
    if what == Settle::Discard {
        settled.seq = Some(record(kernel, (run, mount), Settlement::Discarded).await?);
        return Ok(settled);
    }
    if settled.changes == 0 {
        return Ok(settled);
    }
    if work.laid.settled.is_none() {
        record(kernel, (run, mount), Settlement::Applies).await?;
    }
    settled.left = blocking(move || work.make()).await?;
    settled.made = settled.changes;
    settled.seq = Some(record(kernel, (run, mount), Settlement::Applied).await?);
    Ok(settled)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HostError> + Send + 'static,
) -> Result<T, HostError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(HostError::Io { path: "the overlay".into(), source: std::io::Error::other(error) }),
    }
}

async fn record(kernel: &Kernel, (run, mount): (RunId, &str), step: Settlement) -> Result<u64, HostError> {
    let settled = kernel.settle(run, mount, step).await?;
    settled.ok_or_else(|| HostError::Usage {
        message: format!("r{run} has not ended"),
        help: Some(super::open(run)),
    })
}

/// An application that may begin, or go on.
struct Work {
    laid: Laid,
    base: Directory,
    changes: Vec<Change>,
    reader: Reader,
}

impl Work {
    fn prepare(dirs: &Dirs, (run, mount): (RunId, &str), what: Settle) -> Result<Work, HostError> {
        let reader = reader(dirs)?;
        let laid = Laid::read(&reader, run, mount)?;
        let how = match laid.settled {
            Some((seq, Settlement::Applied)) => Some(("applied", seq)),
            Some((seq, Settlement::Discarded)) => Some(("discarded", seq)),
            Some((_, Settlement::Applies)) | None => None,
        };
        if let Some((how, seq)) = how {
            return Err(OverlayError::Settled { run, mount: mount.to_owned(), how, seq }.into());
        }
        let base = laid.base(dirs, what == Settle::Apply)?;
        let changes = plan(&laid, &base);
        let work = Work { laid, base, changes, reader };
        if what == Settle::Apply {
            work.check()?;
        }
        Ok(work)
    }

    /// Nothing is begun that could not be finished as things are.
    fn check(&self) -> Result<(), HostError> {
        let conflicts = self.changes.iter().filter_map(|change| match &change.standing {
            Standing::Conflict(what) => Some(what.as_str()),
            Standing::Pending(_) | Standing::Done => None,
        });
        let mut list: Vec<&str> = conflicts.collect();
        if list.is_empty() {
            return self.changes.iter().try_for_each(|change| self.content(change).map(|_| ()));
        }
        let more = list.len().saturating_sub(NAMED);
        list.truncate(NAMED);
        let mut list = list.join("; ");
        if more > 0 {
            list.push_str(&format!("; and {more} more"));
        }
        Err(OverlayError::Conflicts { mount: self.laid.mount.clone(), list }.into())
    }

    /// The bytes that are to be at a change's path.
    fn content(&self, change: &Change) -> Result<Option<Vec<u8>>, HostError> {
        let Some(now) = &change.now else { return Ok(None) };
        let body = self.reader.body(now.seq)?.map(|body| body.data);
        match body.filter(|data| Digest::of(data) == now.digest) {
            Some(data) => Ok(Some(data)),
            None => Err(HostError::Tape(crate::kernel::tape::TapeError::Pruned(now.seq))),
        }
    }

    fn settled(&self) -> Settled {
        let made = self.changes.iter().filter(|change| change.standing == Standing::Done).count();
        let path = self.laid.place.path.clone();
        Settled { seq: None, path, changes: self.changes.len(), made, left: Vec::new() }
    }

    /// Makes the changes: first what goes, the deepest first, then what comes. Answers the folders that stay.
    fn make(&self) -> Result<Vec<String>, HostError> {
        let (mut made, mut left) = (self.settled().made, Vec::new());
        let halted = |change: &Change, made: usize, error: MountError| OverlayError::Halted {
            mount: self.laid.mount.clone(),
            path: change.path.clone(),
            why: error.to_string(),
            made,
            of: self.changes.len(),
        };
        let mut going: Vec<(&Change, &Base)> = self.pending().filter(|(change, _)| goes(change)).collect();
        // A folder comes after all that is in it.
        going.sort_by_key(|(change, _)| (change.was == Base::Folder, Reverse(change.path.len())));
        for (change, there) in going {
            match (self.base.remove(&change.path, &expected(there)), there) {
                (Ok(()), _) | (Err(MountError::NotFound), _) => {}
                (Err(MountError::Conflict(_)), Base::Folder) if change.now.is_none() => {
                    left.push(change.path.clone());
                }
                (Err(error), _) => return Err(halted(change, made, error).into()),
            }
            made += usize::from(change.now.is_none());
        }
        for (change, there) in self.pending() {
            let Some(data) = self.content(change)? else { continue };
            // What was in its way has just been removed.
            let there = if goes(change) { &Base::Absent } else { there };
            self.base
                .write(&change.path, &data, &expected(there))
                .map_err(|error| halted(change, made, error))?;
            made += 1;
        }
        Ok(left)
    }

    fn pending(&self) -> impl Iterator<Item = (&Change, &Base)> {
        self.changes.iter().filter_map(|change| match &change.standing {
            Standing::Pending(there) => Some((change, there)),
            Standing::Done | Standing::Conflict(_) => None,
        })
    }
}

/// Whether something has to be removed for a change.
fn goes(change: &Change) -> bool {
    change.now.is_none() || change.was == Base::Folder
}

fn expected(there: &Base) -> Expect {
    match there {
        Base::Absent => Expect::Absent,
        Base::File { digest, .. } => Expect::Digest(*digest),
        Base::Folder => Expect::Any,
    }
}
