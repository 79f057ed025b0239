//! `aos-host audit verify`: every entry, body and table against the log's tree, and every run by the kernel's own fold.

use std::collections::{BTreeMap, BTreeSet};

use audit::Digest;
use bytes::Bytes;
use serde::Serialize;

use super::args::Format;
use super::failure::{Code, Failure};
use super::out::{Out, note};
use super::view::escape::visible;
use crate::host::Dirs;
use crate::journal::reader::StoredBody;
use crate::journal::{Fault, Reader};
use crate::kernel::call::{Pid, RunId};
use crate::kernel::entry::{Blob, Entry, Event};
use crate::kernel::state::State;

/// What `audit verify --json` answers.
#[derive(Serialize)]
struct Answered {
    ok: bool,
    entries: u64,
    runs: usize,
    root: Option<String>,
    bodies_present: u64,
    bodies_committed: u64,
    runs_without_grant: usize,
    fault: Option<String>,
}

/// Checks the log. What does not verify is told by the code, after the first thing that is wrong was shown.
///
/// # Errors
/// When the log cannot be read.
pub fn verify(dirs: &Dirs, format: Format, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let mut check = Check::new(&reader);
    let found = reader.verify(|seq, line| check.line(seq, line));
    // The tree says exactly which line was changed, where it can; else what the lines mean says it.
    let fault = match (found, check.fault.take()) {
        (Err(Fault::Store(error)), _) => return Err(error.into()),
        (Ok(report), None) => {
            if format.json {
                out.json("audit", &check.answered(Some(Digest(report.root)), report.runs, None))?;
            } else {
                out.line(&format!(
                    "audit ok · {} entries · bodies {}/{} · views match",
                    ledger::grouped(report.entries),
                    ledger::grouped(check.present),
                    ledger::grouped(check.committed)
                ))?;
            }
            if !check.grantless.is_empty() {
                note(&format!(
                    "note: grants that are not stored any more: {}; the entries of those runs were not folded",
                    check.grantless.len()
                ));
            }
            return Ok(Code::Ok);
        }
        (Err(fault @ Fault::Entry { .. }), _) | (Err(fault), None) | (_, Some(fault)) => fault,
    };
    if let Fault::Store(error) = fault {
        return Err(error.into());
    }
    let text = visible(&fault.to_string());
    match format.json {
        true => out.json("audit", &check.answered(None, 0, Some(text)))?,
        false => out.line(&format!("FAILED {text}"))?,
    }
    Ok(Code::NotVerified)
}

/// What the lines mean. Its first fault is kept, not answered: the tree is asked first.
struct Check<'a> {
    reader: &'a Reader,
    state: State,
    fault: Option<Fault>,
    grantless: BTreeSet<RunId>,
    /// The entries by which processes ask the operator, and their leaf hashes.
    asks: BTreeMap<(RunId, Pid), (u64, Digest)>,
    entries: u64,
    present: u64,
    committed: u64,
}

impl<'a> Check<'a> {
    fn new(reader: &'a Reader) -> Check<'a> {
        let (state, grantless, asks) = (State::default(), BTreeSet::new(), BTreeMap::new());
        Check { reader, state, fault: None, grantless, asks, entries: 0, present: 0, committed: 0 }
    }

    /// Checks a line and answers its run.
    fn line(&mut self, seq: u64, line: &[u8]) -> Result<RunId, Fault> {
        self.entries += 1;
        match Entry::parse(line) {
            Ok(entry) => {
                if self.fault.is_none() {
                    self.fault = self.entry(&entry, seq).and_then(|()| self.ruling(&entry, line)).err();
                }
                Ok(entry.run)
            }
            Err(error) => {
                self.fault.get_or_insert(Fault::Entry { seq, what: error.to_string() });
                // Enough of the line to go on to its tile; what cannot be read at all is of no run.
                let run = serde_json::from_slice::<OfRun>(line).map_or(0, |of| of.run);
                Ok(run)
            }
        }
    }

    fn entry(&mut self, entry: &Entry, seq: u64) -> Result<(), Fault> {
        let wrong = |what: String| Fault::Entry { seq, what };
        if entry.seq != seq {
            return Err(wrong(format!("it says that it is #{}", entry.seq)));
        }
        let stored = self.reader.body(seq)?;
        self.committed += u64::from(entry.body.is_some_and(|blob| blob.digest.is_some()));
        self.present += u64::from(stored.is_some());
        body(entry.body, stored.as_ref()).map_err(wrong)?;
        let grant = match (&entry.event, stored) {
            (Event::Run(_), None) => {
                self.grantless.insert(entry.run);
                None
            }
            (Event::Run(_), Some(body)) => Some(Bytes::from(body.data)),
            _ => None,
        };
        if self.grantless.contains(&entry.run) {
            return self.pass(entry).map_err(wrong);
        }
        self.state
            .apply(entry, grant.as_ref(), &mut Vec::new())
            .map_err(|error| wrong(format!("it does not follow from those before it: {}", error.what)))
    }

    /// Compares what the operator answered to with what was asked.
    fn ruling(&mut self, entry: &Entry, line: &[u8]) -> Result<(), Fault> {
        match entry.event {
            Event::Ask { .. } => {
                let leaf = Digest(audit::leaf_hash(line));
                self.asks.insert((entry.run, entry.pid), (entry.seq, leaf));
            }
            Event::Rule { pid, of, leaf, .. } if self.asks.remove(&(entry.run, pid)) != Some((of, leaf)) => {
                let what = format!("the operator answered to another entry than #{of}");
                return Err(Fault::Entry { seq: entry.seq, what });
            }
            _ => {}
        }
        Ok(())
    }

    /// Goes past an entry that cannot be folded.
    fn pass(&mut self, entry: &Entry) -> Result<(), String> {
        if entry.t < self.state.time {
            return Err("it is earlier than the one before it".into());
        }
        (self.state.seq, self.state.time) = (entry.seq, entry.t);
        self.state.last_run = self.state.last_run.max(entry.run);
        Ok(())
    }

    fn answered(&self, root: Option<Digest>, runs: usize, fault: Option<String>) -> Answered {
        Answered {
            ok: fault.is_none(),
            entries: self.entries,
            runs,
            root: root.map(|root| root.to_string()),
            bodies_present: self.present,
            bodies_committed: self.committed,
            runs_without_grant: self.grantless.len(),
            fault,
        }
    }
}

/// The one field that the tree's check needs of a line that is no entry.
#[derive(serde::Deserialize)]
struct OfRun {
    run: RunId,
}

/// Compares a stored body with what its entry commits to. One that was pruned is no fault.
fn body(blob: Option<Blob>, stored: Option<&StoredBody>) -> Result<(), String> {
    let Some(stored) = stored else { return Ok(()) };
    let Some((size, digest)) = blob.and_then(|blob| Some((blob.size, blob.digest?))) else {
        return Err("a body is stored that it does not commit to".into());
    };
    let found = match &stored.salt {
        Some(salt) => Digest::salted(salt, &stored.data),
        None => Digest::of(&stored.data),
    };
    match stored.data.len() as u64 == size && found == digest {
        true => Ok(()),
        false => Err("its body is not the one that it commits to".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let salted = StoredBody { salt: Some(vec![7; 16]), data: b"hello".to_vec() };
        let bare = StoredBody { salt: None, data: b"hello".to_vec() };
        let blob = |digest| Some(Blob { size: 5, digest: Some(digest) });
        let (with_salt, without) = (blob(Digest::salted(&[7; 16], b"hello")), blob(Digest::of(b"hello")));
        assert_eq!(body(with_salt, Some(&salted)), Ok(()));
        assert_eq!(body(without, Some(&bare)), Ok(()));
        assert_eq!(body(without, None), Ok(()));
        assert!(body(with_salt, Some(&bare)).is_err() && body(without, Some(&salted)).is_err());
        let short = Some(Blob { size: 4, digest: Some(Digest::of(b"hello")) });
        assert!(body(short, Some(&bare)).is_err());
        assert!(body(None, Some(&bare)).is_err());
        assert!(body(Some(Blob { size: 5, digest: None }), Some(&bare)).is_err());
    }
}
