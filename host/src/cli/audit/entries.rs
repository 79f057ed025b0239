//! What the lines of a log mean: every entry by the kernel's own fold, every body by the entry that commits to it.

use std::collections::{BTreeMap, BTreeSet};

use audit::Digest;
use bytes::Bytes;

use crate::journal::reader::StoredBody;
use crate::journal::{Fault, Reader};
use crate::kernel::call::{Pid, RunId};
use crate::kernel::entry::{Blob, Entry, Event};
use crate::kernel::state::State;

/// What the lines mean. Its first fault is kept, not answered: the tree is asked first.
pub struct Entries<'a> {
    reader: &'a Reader,
    state: State,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
    grantless: BTreeSet<RunId>,
    /// The entries by which processes ask the operator, and their leaf hashes.
    asks: BTreeMap<(RunId, Pid), (u64, Digest)>,
    /// Lines so far.
    pub entries: u64,
    /// Bodies that are stored.
    pub present: u64,
    /// Bodies that entries commit to.
    pub committed: u64,
    /// Bodies that were erased, as entries say.
    pub erased: u64,
}

impl<'a> Entries<'a> {
    /// Of a log that is read from its first entry.
    pub fn new(reader: &'a Reader) -> Entries<'a> {
        let (state, grantless, asks) = (State::default(), BTreeSet::new(), BTreeMap::new());
        let (entries, present, committed, erased) = (0, 0, 0, 0);
        Entries { reader, state, fault: None, grantless, asks, entries, present, committed, erased }
    }

    /// Checks a line and answers its run.
    ///
    /// # Errors
    /// When the log cannot be read, or a line is of no run.
    pub fn line(&mut self, seq: u64, line: &[u8]) -> Result<RunId, Fault> {
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
        if let Event::Erase(erasure) = &entry.event {
            self.erased += erasure.bodies;
        }
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

    /// How many bodies are there, of how many; with those that were erased, and those of which no entry says so.
    pub fn bodies(&self) -> String {
        let (all, gone) = (ledger::grouped(self.committed), self.committed - self.present);
        let missing = gone.saturating_sub(self.erased);
        let mut why = Vec::new();
        for (count, word) in [(gone - missing, "erased"), (missing, "missing")] {
            why.extend((count > 0).then(|| format!("{} {word}", ledger::grouped(count))));
        }
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        format!("bodies {}/{all}{why}", ledger::grouped(self.present))
    }

    /// Runs whose grants are not stored any more: their entries were not folded.
    pub fn grantless(&self) -> usize {
        self.grantless.len()
    }
}

/// The one field that the tree's check needs of a line that is no entry.
#[derive(serde::Deserialize)]
struct OfRun {
    run: RunId,
}

/// Compares a stored body with what its entry commits to. One that was pruned is no fault.
///
/// # Errors
/// What is wrong with it.
pub fn body(blob: Option<Blob>, stored: Option<&StoredBody>) -> Result<(), String> {
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
