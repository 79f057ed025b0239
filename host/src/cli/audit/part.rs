//! A part of a log: a run, or neighbouring entries. It is compared with the newest checkpoint by the hashes beside it; what
//! its entries mean would take those before them.

use std::path::PathBuf;

use audit::Digest;

use super::entries::body;
use super::trust::{Trust, kept};
use super::verdict::{Answered, Verdict, counted};
use crate::cli::failure::Failure;
use crate::cli::follow::span;
use crate::host::Dirs;
use crate::journal::part::Head;
use crate::journal::{Fault, Reader, Sealed, StoreError};
use crate::kernel::call::RunId;
use crate::kernel::entry::Entry;

/// Checks the entries of a run.
///
/// # Errors
/// When there is none, or the log cannot be read.
pub fn run(dirs: &Dirs, trust: Trust, path: Option<&PathBuf>, run: RunId) -> Result<Verdict, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let _snapshot = reader.snapshot()?;
    let span = span(&reader, Some(run))?;
    Part { reader: &reader, inside: (span.first, span.last), run: Some(run) }.check(dirs, trust, path)
}

/// Checks the entries from one to another.
///
/// # Errors
/// When the log has fewer, or cannot be read.
pub fn range(
    dirs: &Dirs,
    trust: Trust,
    path: Option<&PathBuf>,
    inside: (u64, u64),
) -> Result<Verdict, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let _snapshot = reader.snapshot()?;
    let (size, _) = reader.head()?;
    if inside.1 > size {
        return Err(Failure::usage(format!("there is no #{}; the log ends at #{size}", inside.1)));
    }
    Part { reader: &reader, inside, run: None }.check(dirs, trust, path)
}

struct Part<'a> {
    reader: &'a Reader,
    inside: (u64, u64),
    run: Option<RunId>,
}

/// What a part is compared with.
struct Against {
    head: Head,
    signed: bool,
    seen: usize,
}

impl Part<'_> {
    fn check(&self, dirs: &Dirs, trust: Trust, path: Option<&PathBuf>) -> Result<Verdict, Failure> {
        let trust = trust.or_own(dirs, self.reader.store().origin()?.as_deref())?;
        let shown = path.map(|path| Ok::<_, Failure>((path, kept(path)?))).transpose()?;
        let mut answered = Answered::default();
        let checked = self.against(&trust, shown.as_ref()).and_then(|against| {
            self.reader
                .verify_part(self.inside, &against.head, |seq, line| self.line(seq, line, &mut answered))?;
            Ok(against)
        });
        let against = match checked {
            Ok(against) => against,
            Err(Fault::Store(StoreError::Damaged { what, .. })) => {
                return Ok(Verdict::failed(&what, answered));
            }
            Err(Fault::Store(error)) => return Err(error.into()),
            Err(fault) => return Ok(Verdict::failed(&fault.to_string(), answered)),
        };
        let (from, to) = self.inside;
        let Head { size, root } = against.head;
        let mut parts = vec![
            format!("{} of #{from}–{to}", counted(answered.entries, "entry", "entries")),
            format!(
                "bodies {}/{}",
                ledger::grouped(answered.bodies_present),
                ledger::grouped(answered.bodies_committed)
            ),
        ];
        let mut notes = Vec::new();
        match against.signed {
            true => parts.insert(1, format!("in the checkpoint of #1–{size}")),
            false => notes.push(format!(
                "note: #{to} is in no checkpoint yet; the entries are in the tree of #1–{size}"
            )),
        }
        if trust.asks_witnesses() {
            parts.push(counted(against.seen as u64, "witness", "witnesses"));
        }
        let signed = if against.signed { size } else { 0 };
        let root = Some(Digest(root).to_string());
        let own_key = trust.own().map(ToString::to_string);
        let witnesses = against.seen;
        let answered = Answered { ok: true, root, signed, own_key, witnesses, ..answered };
        Ok(Verdict { text: format!("· {}", parts.join(" · ")), notes, answered })
    }

    /// The newest checkpoint, or the tree as it is when that ends before the part does.
    fn against(&self, trust: &Trust, shown: Option<&(&PathBuf, Sealed)>) -> Result<Against, Fault> {
        let store = self.reader.store();
        let (size, root) = self.reader.head()?;
        let origin = store.origin()?.unwrap_or_default();
        if let Some((path, kept)) = shown {
            let name = path.display();
            let wrong = |what: String| Fault::Log(format!("{name}: {what}"));
            let (_, checkpoint) = trust.open(kept, &origin).map_err(|error| wrong(error.to_string()))?;
            if kept.size > size {
                return Err(wrong(format!("the log was rolled back: it ends at #{size}")));
            }
            if store.root_at(kept.size)? != checkpoint.root {
                return Err(wrong("the log was forked: it is another one".into()));
            }
        }
        let seen = match trust.asks_witnesses() {
            true => store.witnessed_checkpoint(self.inside.1)?,
            false => None,
        };
        let newest = || store.newest_checkpoint();
        let newest = seen.map_or_else(newest, |seen| Ok(Some(seen)))?;
        let Some(newest) = newest.filter(|newest| newest.size >= self.inside.1) else {
            if trust.is_pinned() || trust.asks_witnesses() {
                return Err(Fault::Log(format!("#{} is in no checkpoint yet", self.inside.1)));
            }
            return Ok(Against { head: Head { size, root }, signed: false, seen: 0 });
        };
        let wrong = |what: String| Fault::Log(format!("the checkpoint of #1–{}: {what}", newest.size));
        let (note, checkpoint) = trust.open(&newest, &origin).map_err(|error| wrong(error.to_string()))?;
        let seen = trust.seen(&note).map_err(|error| wrong(error.to_string()))?;
        if seen < trust.quorum() {
            return Err(wrong(format!("{seen} of these witnesses have seen it, not {}", trust.quorum())));
        }
        Ok(Against { head: Head { size: newest.size, root: checkpoint.root }, signed: true, seen })
    }

    /// Checks an entry and its body. Those of other runs count for the tree alone.
    fn line(&self, seq: u64, line: &[u8], answered: &mut Answered) -> Result<(), Fault> {
        let wrong = |what: String| Fault::Entry { seq, what };
        let entry = Entry::parse(line).map_err(|error| wrong(error.to_string()))?;
        if entry.seq != seq {
            return Err(wrong(format!("it says that it is #{}", entry.seq)));
        }
        if self.run.is_some_and(|run| run != entry.run) {
            return Ok(());
        }
        let stored = self.reader.body(seq)?;
        answered.entries += 1;
        answered.bodies_committed += u64::from(entry.body.is_some_and(|blob| blob.digest.is_some()));
        answered.bodies_present += u64::from(stored.is_some());
        body(entry.body, stored.as_ref()).map_err(wrong)
    }
}
