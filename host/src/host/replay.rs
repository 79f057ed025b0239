//! Replay: executes each process of a run again, against its entries, and compares. It touches no model, mount or
//! network; the state directory is only read.

use std::path::PathBuf;

use audit::{Digest, Hash};

use super::dirs::Dirs;
use super::error::HostError;
use super::prepare::Options;
use super::stored::Stored;
use super::{reader, runtime};
use crate::journal::Fault;
use crate::kernel::call::RunId;
use crate::kernel::entry::Entry;
use crate::kernel::tape::{Divergence, Recording, Tape, record};
use crate::sandbox::engine::Pool;
use crate::sandbox::{Sandbox, semantics};

/// What came of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The run.
    pub run: RunId,
    /// Processes that were executed again.
    pub processes: usize,
    /// Calls that were compared.
    pub calls: u64,
    /// Entries of the run.
    pub entries: u64,
    /// The root of the whole log, recomputed.
    pub root: Hash,
    /// What the run was made with, when this host's semantics are other ones.
    pub other_build: Option<String>,
    /// The first difference.
    pub divergence: Option<Divergence>,
}

/// A changed component to replay with: the label of the team's member, empty for the root, and its file.
pub type Changed = (String, PathBuf);

/// Replays a run, the newest by default.
///
/// # Errors
/// When the log cannot be read or does not verify, or a component is not at hand.
pub fn replay(
    dirs: &Dirs,
    options: &Options,
    run: Option<RunId>,
    changed: Option<Changed>,
) -> Result<Replayed, HostError> {
    let log = reader(dirs)?;
    let span = log.span(run)?.ok_or_else(|| HostError::Usage {
        message: run.map_or("there is no run yet".into(), |run| format!("there is no run r{run}")),
        help: None,
    })?;
    let report = log.verify(|seq, line, _| {
        let entry = Entry::parse(line).map_err(|e| Fault::Entry { seq, what: e.to_string() })?;
        if entry.seq != seq {
            return Err(Fault::Entry { seq, what: format!("it says that it is #{}", entry.seq) });
        }
        Ok(entry.run)
    })?;
    let recording = record(log, span)?;
    let sandbox = load(dirs, options, &recording, changed.as_ref())?;
    let mut replayed = Replayed {
        run: span.run,
        processes: 0,
        calls: 0,
        entries: recording.entries,
        root: report.root,
        other_build: (recording.opening.semantics != semantics())
            .then(|| recording.opening.semantics.clone()),
        divergence: None,
    };
    runtime(options.threads)?.block_on(play(recording, &sandbox, &mut replayed))?;
    Ok(replayed)
}

/// One after the other: a process's answers do not depend on who else is running.
async fn play(
    recording: Recording,
    sandbox: &(Sandbox, Substitutes),
    replayed: &mut Replayed,
) -> Result<(), HostError> {
    for tape in recording.tapes.into_values().filter(|tape| !tape.unstarted()) {
        let component = sandbox.1.of(&tape);
        let (calls, differs) = sandbox.0.replay(tape, component).await?;
        replayed.processes += 1;
        replayed.calls += calls;
        if differs.is_some() {
            replayed.divergence = differs;
            break;
        }
    }
    Ok(())
}

/// Which component stands in for which member's.
struct Substitutes(Option<(String, Digest)>);

impl Substitutes {
    fn of(&self, tape: &Tape) -> Digest {
        match &self.0 {
            Some((member, digest)) if *member == tape.birth.member => *digest,
            _ => tape.birth.component,
        }
    }
}

fn load(
    dirs: &Dirs,
    options: &Options,
    recording: &Recording,
    changed: Option<&Changed>,
) -> Result<(Sandbox, Substitutes), HostError> {
    let memory = recording.tapes.values().map(|tape| tape.limits.memory).max().unwrap_or(0);
    let pool =
        Pool { processes: 2, memory: usize::try_from(memory.clamp(64 << 10, 4 << 30)).unwrap_or(usize::MAX) };
    let mut stored = Stored::new(dirs, options, pool)?;
    stored.add_all(recording.tapes.values().map(|tape| tape.birth.component))?;
    let substitute = match changed {
        Some((member, path)) => Some((member.clone(), stored.add(path.clone(), None)?)),
        None => None,
    };
    Ok((stored.sandbox(), Substitutes(substitute)))
}
