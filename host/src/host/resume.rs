//! Runs that were cut off with their host: which there are, and how one is taken up, from its entries and its grant alone.

use std::path::Path;
use std::sync::Arc;

use authority::signed::Distrust;
use ledger::Meter;
use serde::{Deserialize, Serialize};

use super::caps;
use super::dirs::Dirs;
use super::error::HostError;
use super::prepare::{Options, outside, pool};
use super::stored::Stored;
use super::trust::{Lists, distrust};
use super::{Host, Running, reader};
use crate::journal::Reader;
use crate::journal::reader::Span;
use crate::kernel::Kernel;
use crate::kernel::call::RunId;
use crate::kernel::entry::{Entry, Event, Resumption};
use crate::kernel::resume::Unfinished;
use crate::kernel::tape::{Recording, record};
use crate::sandbox::semantics;

/// A run to go on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// Its number.
    pub run: RunId,
    /// What its root may spend beyond what it was granted.
    pub add: Vec<(Meter, u64)>,
}

/// The runs that have not ended, oldest first. One that a living host runs is among them.
///
/// # Errors
/// When the log cannot be read.
pub fn unfinished(dirs: &Dirs) -> Result<Vec<RunId>, HostError> {
    let log = reader(dirs)?;
    let mut open = Vec::new();
    for span in log.spans()? {
        if !ended(&log, span)? {
            open.push(span.run);
        }
    }
    Ok(open)
}

/// Whether a run's last entry is its end, or one that only comes after that.
pub(super) fn ended(log: &Reader, span: Span) -> Result<bool, HostError> {
    let mut ended = false;
    log.lines(span.last, span.last, |seq, line| {
        let entry = Entry::parse(line).map_err(|source| HostError::Entry { seq, source })?;
        ended = matches!(entry.event, Event::End | Event::Overlay { .. } | Event::Erase(_));
        Ok::<_, HostError>(())
    })?;
    Ok(ended)
}

impl Host {
    /// Takes up a run that was cut off: it goes on where its entries end.
    ///
    /// # Errors
    /// When there is no such run, it has ended, it cannot be resumed here, or the log cannot be written.
    pub async fn resume(&self, options: &Options, again: Again) -> Result<Running, HostError> {
        take_up(&self.kernel, &self.dirs, options, again).await
    }
}

/// Takes up a run that was cut off.
pub(crate) async fn take_up(
    kernel: &Arc<Kernel>,
    dirs: &Dirs,
    options: &Options,
    Again { run, add }: Again,
) -> Result<Running, HostError> {
    if kernel.open_runs().contains(&run) {
        return Err(usage(format!("r{run} is running"), "see aos-host ps"));
    }
    let (at, how) = (dirs.clone(), options.clone());
    // Reading a long log and compiling take their time.
    let loaded = tokio::task::spawn_blocking(move || load(&at, &how, run)).await;
    let mut cut = loaded.map_err(|error| HostError::Engine(error.to_string()))??;
    cut.add = add;
    let unborn = cut.is_unborn();
    kernel.resume(cut).await.map_err(caps::told)?;
    if unborn {
        let message = format!("r{run} never began: its input was not on disk yet when its host ended");
        return Err(usage(message, "run it again"));
    }
    Ok(Running { run })
}

/// All that goes on with a run.
fn load(dirs: &Dirs, options: &Options, run: RunId) -> Result<Unfinished, HostError> {
    let log = reader(dirs)?;
    let missing = || usage(format!("there is no run r{run}"), "see aos-host inspect");
    let span = log.span(Some(run))?.ok_or_else(missing)?;
    if ended(&log, span)? {
        return Err(usage(format!("r{run} has ended; there is nothing to resume"), "see aos-host inspect"));
    }
    let recording = record(log, span)?;
    same_semantics(&recording)?;
    let grant = recording.run.as_ref().map(|run| run.grant.clone()).ok_or_else(missing)?;
    if let Some(revoked) = Lists::load(&dirs.config)?.revoked.under(&grant).next() {
        return Err(distrust(Path::new(&format!("r{run}")), &Distrust::Revoked(revoked)));
    }
    let outside = outside(dirs, &options.lines, &grant)?;
    let mut stored = Stored::new(dirs, options, pool(&grant)?)?;
    if !recording.tapes.is_empty() {
        let children = grant.children.values().map(|child| child.component);
        stored.add_all(std::iter::once(grant.root.component).chain(children))?;
    }
    let by = Resumption { host: env!("CARGO_PKG_VERSION").into(), semantics: semantics() };
    Unfinished::new(recording, by, outside, Arc::new(stored.sandbox()))?.ok_or_else(missing)
}

/// Its calls were metered by these rules: by others it would not come to where it was.
fn same_semantics(recording: &Recording) -> Result<(), HostError> {
    let own = semantics();
    let made = &recording.opening;
    if made.semantics == own {
        return Ok(());
    }
    let message = format!(
        "r{} was made with other semantics: {}; this host has {own}",
        recording.number, made.semantics
    );
    Err(usage(message, &format!("resume it with aos-host {}; it can be inspected with this one", made.host)))
}

fn usage(message: String, help: &str) -> HostError {
    HostError::Usage { message, help: Some(help.into()) }
}
