//! Erasing bodies. An entry's body can go without its line: what commits to it stays, and every proof still verifies. The
//! erasure is an entry itself, of the run whose bodies go, and one commit with it. A run's grant stays, so that what it was
//! allowed can be shown.

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::dirs::Dirs;
use super::error::HostError;
use super::reader;
use super::resume::ended;
use crate::journal::Reader;
use crate::journal::reader::Span;
use crate::kernel::Kernel;
use crate::kernel::call::RunId;
use crate::kernel::entry::{ERASED_RANGES, Entry, Erasure, Event};

/// One erasure at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pruned {
    /// Runs that had something to erase.
    pub runs: u64,
    /// Bodies.
    pub bodies: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Runs that have not ended: all of theirs stays.
    pub unfinished: u64,
    /// The first entry that says so,
    pub first: Option<u64>,
    /// and the last one.
    pub last: Option<u64>,
}

/// Erases the bodies of entries before `before`, of one run or of all.
///
/// # Errors
/// When there is no such run, it has not ended, or the log cannot be read or written.
pub(crate) async fn prune(
    kernel: &Kernel,
    dirs: &Dirs,
    run: Option<RunId>,
    before: u64,
) -> Result<Pruned, HostError> {
    let _alone = ALONE.lock().await;
    let (spans, unfinished) = blocking(dirs, move |log| spans(log, run, before)).await?;
    let mut pruned = Pruned { unfinished, ..Pruned::default() };
    for span in spans {
        let mut from = span.first;
        let bodies = pruned.bodies;
        while let Some((erasure, next)) = blocking(dirs, move |log| found(log, span, (from, before))).await? {
            let (bodies, bytes) = (erasure.bodies, erasure.bytes);
            let seq = kernel.erase(span.run, erasure).await?;
            // It has ended, so that nothing opens it again.
            if seq.is_none() {
                break;
            }
            pruned.first = pruned.first.or(seq);
            (pruned.last, pruned.bodies, pruned.bytes) = (seq, pruned.bodies + bodies, pruned.bytes + bytes);
            from = next;
        }
        pruned.runs += u64::from(pruned.bodies > bodies);
    }
    Ok(pruned)
}

/// Reads the log where it may block.
async fn blocking<T: Send + 'static>(
    dirs: &Dirs,
    work: impl FnOnce(&Reader) -> Result<T, HostError> + Send + 'static,
) -> Result<T, HostError> {
    let at = dirs.clone();
    match tokio::task::spawn_blocking(move || work(&reader(&at)?)).await {
        Ok(done) => done,
        Err(error) => Err(HostError::Io { path: dirs.state.clone(), source: std::io::Error::other(error) }),
    }
}

/// The runs that may have something to erase, and how many others have not ended.
fn spans(log: &Reader, run: Option<RunId>, before: u64) -> Result<(Vec<Span>, u64), HostError> {
    let usage = |message: String, help: &str| HostError::Usage { message, help: Some(help.into()) };
    let all = match run {
        None => log.spans()?,
        Some(run) => {
            let span = log.span(Some(run))?;
            vec![span.ok_or_else(|| usage(format!("there is no run r{run}"), "see aos-host inspect"))?]
        }
    };
    let (mut over, mut unfinished) = (Vec::new(), 0);
    for span in all.into_iter().filter(|span| span.first < before) {
        match ended(log, span)? {
            true => over.push(span),
            false if run.is_some() => {
                let message = format!("r{} has not ended: its bodies are needed to go on with it", span.run);
                return Err(usage(message, "see aos-host ps, and aos-host resume"));
            }
            false => unfinished += 1,
        }
    }
    Ok((over, unfinished))
}

/// Bodies of a run between two entries, as much as one entry can erase, and where it goes on; none when there are none.
fn found(log: &Reader, span: Span, (from, before): (u64, u64)) -> Result<Option<(Erasure, u64)>, HostError> {
    let mut erasure = Erasure { ranges: Vec::new(), bodies: 0, bytes: 0 };
    let (mut joins, mut next) = (false, before);
    if from >= before {
        return Ok(None);
    }
    let read = log.lines(from, span.last.min(before - 1), |seq, line| {
        let entry = Entry::parse(line).map_err(|source| HostError::Entry { seq, source })?;
        let own = entry.run == span.run && !matches!(entry.event, Event::Run(_));
        if !own {
            joins = false;
            return Ok(());
        }
        if !log.has_body(seq)? {
            return Ok(());
        }
        if !joins && erasure.ranges.len() == ERASED_RANGES {
            next = seq;
            return Err(Enough::Full);
        }
        match erasure.ranges.last_mut().filter(|_| joins) {
            Some((_, to)) => *to = seq,
            None => erasure.ranges.push((seq, seq)),
        }
        joins = true;
        erasure.bodies += 1;
        erasure.bytes += entry.body.map_or(0, |blob| blob.size);
        Ok(())
    });
    match read {
        Ok(()) | Err(Enough::Full) => {}
        Err(Enough::Failed(error)) => return Err(error),
    }
    Ok((erasure.bodies > 0).then_some((erasure, next)))
}

/// Why reading ends early.
enum Enough {
    Full,
    Failed(HostError),
}

impl<E: Into<HostError>> From<E> for Enough {
    fn from(error: E) -> Enough {
        Enough::Failed(error.into())
    }
}
