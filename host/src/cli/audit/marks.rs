//! The checkpoints of a log, compared with its tree while that is recomputed: those that are stored, and one that somebody
//! kept.

use std::path::PathBuf;

use audit::{Checkpoint, Tree};

use super::trust::{Trust, kept};
use crate::cli::failure::Failure;
use crate::journal::{Fault, Reader, Sealed, StoreError};

/// A checkpoint that held: which one, and how many entries it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    /// Counted from 1, oldest first.
    pub number: u64,
    /// The number of its last entry.
    pub size: u64,
}

impl std::fmt::Display for Holds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "checkpoint {} (#1–{})", self.number, self.size)
    }
}

/// See the module.
pub struct Marks<'a> {
    reader: &'a Reader,
    origin: Option<String>,
    trust: &'a Trust,
    /// What somebody kept, and where.
    kept: Option<(PathBuf, Sealed)>,
    next: Option<Sealed>,
    passed: u64,
    /// The newest one that held.
    pub holds: Option<Holds>,
    /// The newest one that enough witnesses saw: its size, and how many did.
    pub witnessed: Option<(u64, usize)>,
    /// The first thing that is wrong. The tree is asked first: it may tell which entry.
    pub fault: Option<Fault>,
}

impl<'a> Marks<'a> {
    /// Those of a log.
    ///
    /// # Errors
    /// When the log cannot be read, or what was kept is no checkpoint.
    pub fn new(reader: &'a Reader, trust: &'a Trust, path: Option<&PathBuf>) -> Result<Marks<'a>, Failure> {
        let origin = reader.store().origin()?;
        let kept = path.map(|path| Ok::<_, Failure>((path.clone(), kept(path)?))).transpose()?;
        let next = reader.store().checkpoint_from(0)?;
        let (passed, holds, witnessed, fault) = (0, None, None, None);
        Ok(Marks { reader, origin, trust, kept, next, passed, holds, witnessed, fault })
    }

    /// Looks on when an entry was added.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn pass(&mut self, seq: u64, tree: &Tree) -> Result<(), Fault> {
        if let Some(sealed) = self.next.take_if(|next| next.size == seq) {
            self.passed += 1;
            let found = self.stored(&sealed, tree);
            self.keep(found);
            self.next = self.reader.store().checkpoint_from(seq + 1)?;
        }
        if self.kept.as_ref().is_some_and(|(_, kept)| kept.size == seq) {
            let found = self.shown(tree);
            self.keep(found);
        }
        Ok(())
    }

    fn keep(&mut self, found: Result<(), Fault>) {
        if let Err(fault) = found {
            self.fault.get_or_insert(fault);
        }
    }

    fn open(&self, name: &str, sealed: &Sealed) -> Result<(audit::Note, Checkpoint), Fault> {
        let Some(origin) = &self.origin else {
            return Err(Fault::Log(format!("{name} is there, but the log has no origin")));
        };
        self.trust.open(sealed, origin).map_err(|error| {
            let other = self.trust.own().is_some() && error == crate::journal::Unsealed::Key;
            let hint = if other { "; if another host made it, give its key with --key" } else { "" };
            Fault::Log(format!("{name}: {error}{hint}"))
        })
    }

    /// Compares a stored checkpoint.
    fn stored(&mut self, sealed: &Sealed, tree: &Tree) -> Result<(), Fault> {
        let here = Holds { number: self.passed, size: sealed.size };
        let sealed = match self.reader.store().with_witnesses(sealed.clone()) {
            Err(StoreError::Damaged { what, .. }) => return Err(Fault::Log(what)),
            found => found?,
        };
        let (note, checkpoint) = self.open(&here.to_string(), &sealed)?;
        if checkpoint.root != tree.root() {
            let from = self.holds.map_or(1, |holds| holds.size + 1);
            let what = format!("the entries do not give the root of checkpoint {}", here.number);
            return Err(Fault::Between { from, to: sealed.size, what });
        }
        let seen = self.trust.seen(&note).map_err(|error| Fault::Log(format!("{here}: {error}")))?;
        if self.trust.asks_witnesses() && seen >= self.trust.quorum() {
            self.witnessed = Some((sealed.size, seen));
        }
        if self.fault.is_none() {
            self.holds = Some(here);
        }
        Ok(())
    }

    /// Compares what somebody kept.
    fn shown(&mut self, tree: &Tree) -> Result<(), Fault> {
        let Some((path, kept)) = &self.kept else { return Ok(()) };
        let (name, size) = (path.display().to_string(), kept.size);
        let (note, checkpoint) = self.open(&name, kept)?;
        if checkpoint.root != tree.root() {
            // Stored ones that hold say nothing here: they may be of the fork.
            let what = format!("the log was forked: it is not the one of {name}");
            return Err(Fault::Between { from: 1, to: size, what });
        }
        if self.reader.store().checkpoint_from(size)?.is_none_or(|stored| stored.size != size) {
            return Err(Fault::Log(format!("the checkpoint of {name} (#1–{size}) is not stored any more")));
        }
        let seen = self.trust.seen(&note).map_err(|error| Fault::Log(format!("{name}: {error}")))?;
        if self.trust.asks_witnesses() && seen >= self.trust.quorum() {
            self.witnessed = self.witnessed.max(Some((size, seen)));
        }
        Ok(())
    }

    /// What is still to be said at the log's end.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn finish(&mut self, size: u64) -> Result<(), Fault> {
        if let Some((path, kept)) = self.kept.as_ref().filter(|(_, kept)| kept.size > size) {
            let (name, of) = (path.display(), kept.size);
            let what = format!("the log was rolled back: it ends at #{size}, and {name} is of #1–{of}");
            self.keep(Err(Fault::Log(what)));
        }
        if let Some((path, _)) = self.kept.as_ref().filter(|(_, kept)| kept.size == 0) {
            let what = format!("{} is of no entries: it says nothing", path.display());
            self.keep(Err(Fault::Log(what)));
        }
        for seen in self.reader.store().cosigned_sizes()? {
            if self.reader.store().checkpoint_from(seen)?.is_none_or(|stored| stored.size != seen) {
                let what = format!("witnesses saw a checkpoint of #1–{seen} that is not stored any more");
                self.keep(Err(Fault::Log(what)));
            }
        }
        let stored = self.reader.store().checkpoints()?;
        let found = match &self.next {
            Some(next) if next.size > 0 => {
                let (number, of) = (self.passed + 1, next.size);
                let what = format!(
                    "the log was rolled back: it ends at #{size}, and checkpoint {number} is of #1–{of}"
                );
                Err(Fault::Log(what))
            }
            _ if stored != self.passed => Err(Fault::Log("there is a checkpoint of no entries".into())),
            None if self.passed == 0 && self.trust.is_pinned() => {
                Err(Fault::Log("there is no checkpoint: nothing in it is signed".into()))
            }
            _ if self.trust.asks_witnesses() && self.witnessed.is_none() => {
                let (quorum, what) = (self.trust.quorum(), "no checkpoint was seen by");
                Err(Fault::Log(format!("{what} {quorum} of these witnesses")))
            }
            _ => Ok(()),
        };
        self.keep(found);
        Ok(())
    }

    /// How many checkpoints are stored.
    pub fn count(&self) -> u64 {
        self.passed
    }
}
