//! A run's durable entries, read as they come: by `run` while they are written, by `inspect` and `logs` afterwards.

use std::collections::{BTreeSet, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use authority::Grant;
use bytes::Bytes;
use ledger::Meter;

use super::command::Typed;
use super::failure::{Failure, unreadable};
use super::live::Live;
use super::out::note;
use super::view::banner::banner;
use super::view::ending::child;
use super::view::entry::said;
use super::view::escape::{visible, visible_bytes};
use super::view::fold::Fold;
use super::view::question;
use super::view::run::RunView;
use super::view::watch::watch;
use crate::host::Dirs;
use crate::host::ruling::Question;
use crate::journal::Reader;
use crate::journal::reader::Span;
use crate::kernel::answer::{Error, Exit};
use crate::kernel::call::{Call, Key, Level, Pid, RunId};
use crate::kernel::entry::{Entry, Event};

/// Refusals that `run` shows as they come, each kind once; `inspect` shows the rest.
const SHOWN: usize = 20;

/// Lines that are held back at most until they are written above the progress.
const HELD: usize = 256;

/// What makes two refusals the same to a reader: who, which verb, on what, for want of which meter.
type Refused = (Pid, &'static str, String, Option<Meter>);

/// A run's span; the newest run's without a number.
///
/// # Errors
/// When there is no such run, or the log cannot be read.
pub fn span(reader: &Reader, run: Option<RunId>) -> Result<Span, Failure> {
    let newest = reader.span(None)?;
    let found = match run {
        Some(run) => reader.span(Some(run))?,
        None => newest,
    };
    found.ok_or_else(|| match (run, newest) {
        (Some(run), Some(newest)) => {
            Failure::usage(format!("there is no run r{run}; the newest is r{}", newest.run))
        }
        _ => Failure::usage("there is no run yet").help("a first `aos-host run` makes one"),
    })
}

/// Hands the entries `from` to `to` of a run to `each`, with the run's grant when one is its first.
///
/// # Errors
/// When the log cannot be read, or `each` says so.
pub fn entries(
    reader: &Reader,
    run: RunId,
    (from, to): (u64, u64),
    mut each: impl FnMut(Entry, Option<Bytes>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    reader.lines(from, to, |seq, line| {
        let entry = Entry::parse(line).map_err(|error| unreadable(seq, &error))?;
        if entry.run != run {
            return Ok(());
        }
        let grant = match entry.event {
            Event::Run(_) => reader.body(seq)?.map(|body| Bytes::from(body.data)),
            _ => None,
        };
        each(entry, grant)
    })
}

/// A run from its first entry to its last one so far.
///
/// # Errors
/// When the log cannot be read or does not follow.
pub fn whole(reader: &Reader, span: Span) -> Result<Fold, Failure> {
    let mut fold = Fold::new(span.run);
    entries(reader, span.run, (span.first, span.last), |entry, grant| {
        fold.take(&entry, grant.as_ref())?;
        Ok(())
    })?;
    Ok(fold)
}

/// The level of a line that the process logged.
pub fn logged(event: &Event) -> Option<Level> {
    match event {
        Event::Call { call: Call::Log { level }, out: Ok(_), .. } => Some(*level),
        _ => None,
    }
}

/// Why a model did not answer, as the operator is told.
fn failed(event: &Event) -> Option<String> {
    match event {
        Event::Call { out: Err(Error::Unavailable(fault)), .. }
        | Event::Outcome { out: Err(Error::Unavailable(fault)), .. } => fault.remedy.clone(),
        _ => None,
    }
}

/// A log line as it is shown: `r1/2 synthesizer info: text`.
pub fn log_line(key: Key, name: &str, level: Level, text: &[u8]) -> String {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    format!("{key} {} {}: {}", visible(name), level.as_str(), visible_bytes(text))
}

/// Shows a run on standard error while it is written.
pub struct Follower {
    reader: Reader,
    run: RunId,
    fold: Fold,
    next: Option<u64>,
    shown: BTreeSet<Refused>,
    /// What the operator is asked now, oldest first.
    asked: VecDeque<Question>,
    /// What went wrong with models, as it was shown.
    failures: BTreeSet<String>,
    quiet: bool,
    typed: Typed,
    lines: Lines,
}

/// Lines for standard error, above the progress if there is one.
struct Lines {
    live: Option<Live>,
    held: Vec<String>,
}

impl Lines {
    fn note(&mut self, text: &str) {
        match self.live {
            None => note(text),
            Some(_) => {
                self.held.push(text.to_owned());
                if self.held.len() == HELD {
                    self.write();
                }
            }
        }
    }

    /// Makes room for a question and its answer below the lines: the progress would be drawn over them.
    fn make_room(&mut self) {
        if let Some(live) = &mut self.live {
            live.hide();
        }
    }

    fn write(&mut self) {
        if let Some(live) = self.live.as_ref().filter(|_| !self.held.is_empty()) {
            live.above(&self.held);
            self.held.clear();
        }
    }
}

impl Follower {
    /// Before the run's first entry. `quiet` shows only what went wrong.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn open(dirs: &Dirs, run: RunId, quiet: bool, typed: Typed) -> Result<Follower, Failure> {
        let reader = Reader::open(&dirs.state)?;
        let lines = Lines { live: if quiet { None } else { Live::new() }, held: Vec::new() };
        let (shown, asked, failures) = (BTreeSet::new(), VecDeque::new(), BTreeSet::new());
        let fold = Fold::new(run);
        Ok(Follower { reader, run, fold, next: None, shown, asked, failures, quiet, typed, lines })
    }

    /// What it did so far.
    pub fn view(&self) -> &RunView {
        self.fold.view()
    }

    /// What decides it, once its first entry was read.
    pub fn grant(&self) -> Option<&Grant> {
        self.fold.grant()
    }

    /// Whether the operator is asked by this entry, and has not answered.
    pub fn asks(&self, seq: u64) -> bool {
        self.asked.iter().any(|question| question.entry.seq == seq)
    }

    /// What the operator is asked first after entry `seq`, with the lines that say it.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn question(&self, seq: u64) -> Result<Option<(&Question, Vec<String>)>, Failure> {
        let mut later = self.asked.iter().filter(|question| question.entry.seq > seq);
        let Some(question) = later.next() else { return Ok(None) };
        let name = self.view().name(question.entry.pid);
        let body = self.body(question.entry.seq)?;
        Ok(Some((question, question::lines(question, name, body.as_deref()))))
    }

    /// Whether somebody looks at its progress, and is not asked anything.
    pub fn is_live(&self) -> bool {
        self.lines.live.is_some() && self.asked.is_empty()
    }

    /// Draws the progress.
    pub fn draw(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let now = u64::try_from(now).unwrap_or(u64::MAX).max(self.fold.view().latest);
        if let Some(live) = &mut self.lines.live {
            live.show(watch(&self.fold, now));
        }
    }

    /// Takes the progress away for good.
    pub fn conceal(&mut self) {
        self.lines.write();
        self.lines.live = None;
    }

    /// Writes a line to standard error, above the progress.
    pub fn note(&mut self, text: &str) {
        self.lines.note(text);
        self.lines.write();
    }

    /// An entry's body.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn body(&self, seq: u64) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.reader.body(seq)?.map(|body| body.data))
    }

    /// Reads what there is of the run, and shows nothing of it.
    ///
    /// # Errors
    /// When there is no such run, or the log cannot be read or does not follow.
    pub fn pass(&mut self) -> Result<(), Failure> {
        let span = span(&self.reader, Some(self.run))?;
        let Follower { reader, run, fold, asked, .. } = self;
        *fold = Fold::new(*run);
        entries(reader, *run, (span.first, span.last), |entry, grant| {
            fold.take(&entry, grant.as_ref())?;
            settled(asked, &entry);
            asked.extend(asks(reader, &entry)?);
            Ok(())
        })?;
        self.next = Some(span.last + 1);
        Ok(())
    }

    /// Shows what is durable, up to entry `seen`.
    ///
    /// # Errors
    /// When the log cannot be read or does not follow.
    pub fn to(&mut self, seen: u64) -> Result<(), Failure> {
        let from = match self.next {
            Some(next) => next,
            None => match self.reader.span(Some(self.run))? {
                Some(span) => span.first,
                None => return Ok(()),
            },
        };
        if seen < from {
            return Ok(());
        }
        let Follower { reader, run, fold, shown, asked, failures, quiet, typed, lines, .. } = self;
        entries(reader, *run, (from, seen), |entry, grant| {
            let refusal = fold.take(&entry, grant.as_ref())?;
            let view = fold.view();
            if let Some(line) = settled(asked, &entry).filter(|_| !*quiet) {
                lines.note(&line);
            }
            asked.extend(asks(reader, &entry)?);
            if let Some(refusal) = refusal.filter(|_| shown.len() <= SHOWN)
                && shown.insert((refusal.pid, refusal.verb, refusal.object.clone(), refusal.meter))
            {
                match shown.len() <= SHOWN {
                    true => refusal.lines(*run, Some(typed)).iter().for_each(|line| lines.note(line)),
                    false => {
                        lines.note(&format!("further refusals: aos-host inspect r{run}{}", typed.state()))
                    }
                }
            }
            if let Some(failure) = failed(&entry.event).filter(|_| failures.len() < SHOWN)
                && failures.insert(failure.clone())
            {
                let key = Key { run: *run, pid: entry.pid };
                lines.note(&format!(
                    "{key} {} was not answered: {}",
                    visible(view.name(entry.pid)),
                    visible(&failure)
                ));
            }
            match (&entry.event, fold.grant()) {
                (Event::Start(birth), Some(grant)) if birth.parent.is_none() && !*quiet => {
                    lines.note(&banner(view, grant))
                }
                (Event::Warn { .. }, _) => lines.note(&format!("warning r{run}: {}", said(&entry))),
                (Event::Fund { .. } | Event::Revoke { .. }, _) if !*quiet => {
                    lines.note(&format!("r{run}: {}", said(&entry)));
                }
                (Event::Exit(exit), _)
                    if entry.pid != 1 && !matches!(**exit, Exit::Returned | Exit::Killed) =>
                {
                    lines.note(&child(view, entry.pid, exit));
                }
                (event, _) => {
                    if let Some(level) = logged(event).filter(|_| !*quiet) {
                        let text = reader.body(entry.seq)?.map(|body| body.data).unwrap_or_default();
                        let key = Key { run: *run, pid: entry.pid };
                        lines.note(&log_line(key, view.name(entry.pid), level, &text));
                    }
                }
            }
            Ok(())
        })?;
        if !asked.is_empty() {
            lines.make_room();
        }
        lines.write();
        self.next = Some(seen + 1);
        Ok(())
    }
}

/// The question that an entry is.
fn asks(reader: &Reader, entry: &Entry) -> Result<Option<Question>, Failure> {
    match entry.event {
        Event::Ask { .. } => Ok(Some(Question::read(reader, entry.run, entry.seq)?)),
        _ => Ok(None),
    }
}

/// Takes out what the operator is asked no more; says how it was answered.
fn settled(asked: &mut VecDeque<Question>, entry: &Entry) -> Option<String> {
    match &entry.event {
        Event::Rule { of, allow, .. } => {
            asked.retain(|question| question.entry.seq != *of);
            Some(question::answered(entry.run, *of, *allow))
        }
        Event::Outcome { .. } | Event::Exit(_) => {
            asked.retain(|question| question.entry.pid != entry.pid);
            None
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_is_one_line_and_harmless() {
        let key = Key { run: 1, pid: 2 };
        assert_eq!(
            log_line(key, "synthesizer", Level::Info, b"read 3 notes"),
            "r1/2 synthesizer info: read 3 notes"
        );
        let shown = log_line(key, "a\u{202e}", Level::Stderr, b"\x1b[31mred\nand more\n");
        assert_eq!(shown, "r1/2 a\\u{202e} stderr: \\u{1b}[31mred\\nand more");
    }
}
