//! How data categories move: what a process takes on with an answer, and what it leaves where others read.
//!
//! Messages, events and notices carry their sender's (`ipc`), artifacts those of who put them (`artifact`), a child begins
//! with its parent's (`life`). Here is the rest.

use std::path::Path;

use authority::{Labels, Place};

use super::{Change, Step};
use crate::kernel::answer::{Answer, Error};
use crate::kernel::artifact;
use crate::kernel::call::{Call, Condition};
use crate::kernel::mount::SCRATCH;
use crate::kernel::state::Run;

impl Change<'_> {
    /// Gives a process the categories of what the answer to its call tells it. A refusal can tell as much as a file does: a
    /// conflict names the digest of what is there.
    pub(super) fn learn(&self, run: &mut Run, call: &Call, out: &Result<Answer, Error>) -> Step {
        let told = self.told(run, call, out);
        if told.is_empty() {
            return Ok(());
        }
        let me = run.proc_mut(self.entry.pid).ok_or("its process is not there")?;
        me.labels = me.labels.union(&told);
        Ok(())
    }

    /// The categories of what an answer tells.
    fn told(&self, run: &Run, call: &Call, out: &Result<Answer, Error>) -> Labels {
        match call {
            // What is written whatever is there tells nothing of it; its refusal does.
            Call::Write { condition: Condition::Any | Condition::Fence(_), .. } if out.is_ok() => {
                Labels::default()
            }
            Call::Read { mount, .. }
            | Call::List { mount, .. }
            | Call::Stat { mount, .. }
            | Call::Write { mount, .. }
            | Call::Remove { mount, .. }
            | Call::Rename { mount, .. } => match mount != SCRATCH && tells(out) {
                true => run.labels_of(mount),
                false => Labels::default(),
            },
            Call::Put(_) | Call::Get { .. } | Call::Artifacts(_) => self.told_of_artifacts(run, call, out),
            Call::Wait { .. } => match out {
                Ok(Answer::Exit { pid, .. }) => run.proc(*pid).map(|child| child.labels.clone()),
                Ok(_) | Err(_) => None,
            }
            .unwrap_or_default(),
            // A received message's are taken on where it is taken out of the mailbox.
            Call::Receive { .. } => Labels::default(),
            Call::Send { .. }
            | Call::Publish { .. }
            | Call::Subscribe { .. }
            | Call::Close { .. }
            | Call::Acquire { .. }
            | Call::Token { .. }
            | Call::Renew { .. }
            | Call::Release { .. }
            | Call::Models
            | Call::Generate(_)
            | Call::Stream(_)
            | Call::Next { .. }
            | Call::Cancel { .. }
            | Call::Whoami
            | Call::Spawn(_)
            | Call::ContinueAsNew
            | Call::Restored
            | Call::Held
            | Call::Budget
            | Call::Pid { .. }
            | Call::Signal { .. }
            | Call::Tools
            | Call::Tool { .. }
            | Call::Log { .. }
            | Call::Labels
            | Call::Declassify { .. }
            | Call::Sleep { .. }
            | Call::Oversized { .. } => Labels::default(),
        }
    }

    fn told_of_artifacts(&self, run: &Run, call: &Call, out: &Result<Answer, Error>) -> Labels {
        match (call, out) {
            // Somebody put these bytes before.
            (Call::Put(_), Err(Error::Conflict(Some(there)))) => {
                let at = run.by_digest.get(there);
                at.map(|at| run.artifacts[*at].artifact.labels.clone()).unwrap_or_default()
            }
            (Call::Get { .. }, Ok(Answer::Artifact { artifact, .. })) => artifact.labels.clone(),
            (Call::Artifacts(filter), Ok(_)) => {
                let me = run.proc(self.entry.pid);
                let listed = me.and_then(|me| artifact::matching(run, me, filter).ok()).unwrap_or_default();
                listed.iter().fold(Labels::default(), |all, artifact| all.union(&artifact.labels))
            }
            _ => Labels::default(),
        }
    }

    /// A process that changes a directory leaves its categories there: from here on, whoever reads the mount in this run takes
    /// them on, and whoever reads any other mount of the same files. The mount is the unit, not the path: names, links
    /// and what is no longer there tell as much as contents do.
    pub(super) fn stain(&self, run: &mut Run, call: &Call) -> Step {
        let (Call::Write { mount, .. } | Call::Remove { mount, .. } | Call::Rename { mount, .. }) = call
        else {
            return Ok(());
        };
        let labels = &run.proc(self.entry.pid).ok_or("its process is not there")?.labels;
        if mount == SCRATCH || labels.is_empty() {
            return Ok(());
        }
        let (labels, grant) = (labels.clone(), run.grant.clone());
        let place = grant.mounts.get(mount).ok_or("its mount is not there")?;
        // What is written to an overlay is seen through its own label alone.
        let overlay = run.overlays.contains_key(mount);
        let seen = |name: &str, other: &Place| name == mount || (!overlay && share(&place.path, &other.path));
        for (name, _) in grant.mounts.iter().filter(|(name, other)| seen(name, other)) {
            let stain = run.stains.entry(name.clone()).or_default();
            *stain = stain.union(&labels);
        }
        Ok(())
    }
}

/// Whether an answer says something of what is in a mount. A denial does not: it is given before anything is looked at.
fn tells(out: &Result<Answer, Error>) -> bool {
    match out {
        Ok(_) => true,
        Err(
            Error::NotFound
            | Error::Conflict(_)
            | Error::TooLarge(_)
            | Error::Invalid(_)
            | Error::Unavailable(_)
            | Error::UnknownOutcome,
        ) => true,
        Err(
            Error::Denied
            | Error::Exhausted(_)
            | Error::Stale(_)
            | Error::Busy
            | Error::TimedOut
            | Error::Interrupted
            | Error::Closed
            | Error::Unsupported,
        ) => false,
    }
}

/// Whether one of two directories is or contains the other. Their paths are canonical.
fn share(one: &str, other: &str) -> bool {
    Path::new(one).starts_with(other) || Path::new(other).starts_with(one)
}
