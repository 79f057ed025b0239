//! A whole log: every entry against tiles and tree, every checkpoint on the way, every body, and what the entries mean.

use std::path::PathBuf;

use audit::{Digest, VerifierKey};

use super::entries::Entries;
use super::marks::{Holds, Marks};
use super::trust::Trust;
use super::verdict::{Answered, Verdict, counted};
use crate::cli::failure::Failure;
use crate::host::Dirs;
use crate::journal::verify::DIFFERS;
use crate::journal::{Fault, Reader, Report, StoreError};

/// Checks a state directory.
///
/// # Errors
/// When it cannot be read.
pub fn whole(dirs: &Dirs, trust: Trust, kept: Option<&PathBuf>) -> Result<Verdict, Failure> {
    let reader = Reader::open(&dirs.state)?;
    // A host may be writing meanwhile.
    let _snapshot = reader.snapshot()?;
    let trust = trust.or_own(dirs, reader.store().origin()?.as_deref())?;
    let mut entries = Entries::new(&reader);
    let mut marks = Marks::new(&reader, &trust, kept)?;
    let found = reader.verify(|seq, line, tree| {
        let run = entries.line(seq, line)?;
        marks.pass(seq, tree)?;
        Ok(run)
    });
    marks.finish(reader.head()?.0)?;
    let holds = marks.holds;
    let found = first(found, marks.fault.take(), entries.fault.take(), holds);
    let answered = answered(&entries, &marks);
    let report = match found {
        Ok(report) => report,
        Err(Fault::Store(error)) => return Err(error.into()),
        Err(fault) => return Ok(Verdict::failed(&told(&fault, holds), answered)),
    };
    let mut parts = vec![
        counted(report.entries, "entry", "entries"),
        counted(marks.count(), "checkpoint", "checkpoints"),
        entries.bodies(),
        "views match".to_owned(),
    ];
    if let Some((size, seen)) = marks.witnessed {
        parts.push(format!("{} saw #1–{size}", counted(seen as u64, "witness", "witnesses")));
    }
    let notes = notes(&reader, &trust, &report, &marks, entries.grantless())?;
    let own_key = trust.own().map(VerifierKey::to_string);
    let (runs, root) = (report.runs, Some(Digest(report.root).to_string()));
    let answered = Answered { ok: true, runs, root, own_key, ..answered };
    Ok(Verdict { text: format!("· {}", parts.join(" · ")), notes, answered })
}

fn answered(entries: &Entries<'_>, marks: &Marks<'_>) -> Answered {
    Answered {
        entries: entries.entries,
        bodies_present: entries.present,
        bodies_committed: entries.committed,
        bodies_erased: entries.erased,
        runs_without_grant: entries.grantless(),
        checkpoints: marks.count(),
        signed: marks.holds.map_or(0, |holds| holds.size),
        witnesses: marks.witnessed.map_or(0, |(_, seen)| seen),
        ..Answered::default()
    }
}

/// Which of the things that are wrong comes first. The tree says exactly which entry was changed, where it can; then the
/// checkpoints say between which; else what the lines mean says it.
fn first(
    tree: Result<Report, Fault>,
    marks: Option<Fault>,
    meaning: Option<Fault>,
    holds: Option<Holds>,
) -> Result<Report, Fault> {
    let tree = match tree {
        Err(Fault::Store(StoreError::Damaged { what, .. })) => Err(Fault::Log(what)),
        Err(fault @ Fault::Store(_)) => return Err(fault),
        found => found,
    };
    match (tree, marks, meaning) {
        (Err(Fault::Entry { seq, .. }), Some(fault @ Fault::Between { to, .. }), _) if to < seq => Err(fault),
        (Err(Fault::Entry { seq, what }), _, _)
            if what == DIFFERS && holds.is_some_and(|it| seq <= it.size) =>
        {
            Err(Fault::Entry { seq, what: "its tile differs from the leaf".into() })
        }
        (Err(fault @ Fault::Entry { .. }), _, _) => Err(fault),
        (_, Some(fault), _) | (_, None, Some(fault)) => Err(fault),
        (found, None, None) => found,
    }
}

/// What is wrong, and what holds nevertheless.
fn told(fault: &Fault, holds: Option<Holds>) -> String {
    match holds {
        Some(holds) => format!("{fault}; {holds} holds"),
        None => fault.to_string(),
    }
}

/// What the reader has to know of a log that is sound.
fn notes(
    reader: &Reader,
    trust: &Trust,
    report: &Report,
    marks: &Marks<'_>,
    grantless: usize,
) -> Result<Vec<String>, Failure> {
    let mut notes = Vec::new();
    if grantless > 0 {
        notes.push(format!(
            "note: grants that are not stored any more: {grantless}; the entries of those runs were not folded"
        ));
    }
    let signed = marks.holds.map_or(0, |holds| holds.size);
    if signed < report.entries {
        notes.push(format!("note: #{} to #{} are in no checkpoint yet", signed + 1, report.entries));
    }
    if trust.is_pinned() || marks.holds.is_none() {
        return Ok(notes);
    }
    notes.push(match trust.own() {
        Some(key) => {
            let id = format!("{:08x}", key.id());
            format!("key {}… is this host's own: finds damage, not a dishonest owner.", &id[..4])
        }
        None => "no key is known here: the checkpoints' signatures were not checked.".into(),
    });
    if let Some(newest) = reader.span(None)? {
        let run = newest.run;
        notes.push(format!("For a stranger: aos-host audit export r{run} -o r{run}.aos"));
        notes.push(format!("                aos-host audit verify r{run}.aos --key KEY"));
    }
    Ok(notes)
}
