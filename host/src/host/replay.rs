//! Replay: executes each process of a run again, against its entries, and compares. It touches no model, mount or
//! network; the state directory is only read.

use std::path::PathBuf;

use audit::{Digest, Hash};
use bytes::Bytes;

use super::dirs::Dirs;
use super::error::HostError;
use super::prepare::Options;
use super::{component_path, reader, runtime};
use crate::journal::Fault;
use crate::kernel::call::RunId;
use crate::kernel::entry::Entry;
use crate::kernel::tape::{Divergence, Recording, Tape, record};
use crate::sandbox::cache::Cache;
use crate::sandbox::engine::Pool;
use crate::sandbox::{Sandbox, engine, semantics};

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
    let report = log.verify(|seq, line| {
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
    let engine = engine::runtime(pool).map_err(|e| HostError::Engine(format!("{e:#}")))?;
    let mut sandbox = Sandbox::new(engine.clone()).map_err(|e| HostError::Engine(format!("{e:#}")))?;
    let cache = Cache::open(&dirs.cache)?;
    let mut add = |path: PathBuf, expected: Option<Digest>| {
        let bytes = std::fs::read(&path).map(Bytes::from);
        let bytes = bytes.map_err(|source| HostError::Io { path: path.clone(), source })?;
        if expected.is_some_and(|expected| Digest::of(&bytes) != expected) {
            let message = format!("{} is not the component that its name says", path.display());
            return Err(HostError::Usage {
                message,
                help: Some("the state directory was changed by hand".into()),
            });
        }
        let loaded = cache.get(&engine, &options.compiler, &bytes);
        let loaded = loaded.map_err(|error| HostError::Compile { path: path.clone(), error })?;
        let digest = loaded.digest;
        sandbox.add(loaded).map_err(|e| HostError::Link { path, error: format!("{e:#}") })?;
        Ok(digest)
    };
    let mut components: Vec<Digest> = recording.tapes.values().map(|tape| tape.birth.component).collect();
    components.sort_unstable();
    components.dedup();
    for digest in components {
        add(component_path(&dirs.state, digest), Some(digest))?;
    }
    let substitute = changed.map(|(member, path)| Ok((member.clone(), add(path.clone(), None)?))).transpose();
    let substitute = substitute.map_err(|error: HostError| error)?;
    Ok((sandbox, Substitutes(substitute)))
}
