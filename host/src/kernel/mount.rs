//! Mounts. `scratch` is kernel state: path to digest, contents as stored bodies; so are overlays, over a directory that is
//! only read. The operator's directories are outside: reading one is a look, changing one an act (DESIGN: "Scratch and
//! overlay mounts are kernel state").

use audit::Digest;
use authority::{Mode, Verb};
use ledger::Meter;

use super::answer::{Answer, Error};
use super::call::Condition;
use super::decide::{Decided, Effect, done};
use super::lease;
use super::overlay::Over;
use super::overlay::look::Found;
use super::path::RelPath;
use super::ports::{Expect, Listed, MountError, Range};
use super::state::{File, Proc, Run};
use crate::limits::{FILE_BYTES, LISTED, SCRATCH_FILES};

/// The name of every process's own mount.
pub const SCRATCH: &str = "scratch";

/// Why a file cannot be at a path.
pub(super) const BLOCKED: &str = "path: a folder is there, or a file stands where a folder would";

/// A call on a mount.
#[derive(Clone, Copy)]
pub(super) struct Visit<'a> {
    /// Its run.
    pub run: &'a Run,
    /// Who makes it.
    pub me: &'a Proc,
    /// The label.
    pub mount: &'a str,
    /// What was seen of an overlay's base for it.
    pub seen: Option<&'a Found>,
    /// Kernel time.
    pub now: u64,
}

/// Where a mount's files are.
enum Where<'a> {
    /// In the process's state.
    Own,
    /// In the run's state, over a directory.
    Over(Over<'a>),
    /// In a directory.
    Outside,
}

impl<'a> Visit<'a> {
    /// Whether the mount may be used so, and where its files are.
    fn place(&self, verb: Verb) -> Result<Where<'a>, Error> {
        let Visit { run, me, mount, seen, .. } = *self;
        if mount == SCRATCH {
            return Ok(Where::Own);
        }
        let place = run.grant.mounts.get(mount).filter(|_| me.may(verb, mount)).ok_or(Error::Denied)?;
        if verb == Verb::Write && place.mode == Mode::Ro {
            return Err(Error::Denied);
        }
        Ok(match run.overlays.get(mount) {
            Some(overlay) => Where::Over(Over { overlay, mount, seen }),
            None => Where::Outside,
        })
    }

    /// Looking is no use to a process that cannot be given what is seen.
    fn payable(&self, decided: Decided) -> Result<Decided, Error> {
        match (&decided, self.me.account.can(&[(Meter::BytesStored, 1)])) {
            (Decided::Look(_), Err(short)) => Err(Error::Exhausted(short.meter)),
            _ => Ok(decided),
        }
    }

    pub(super) fn read(&self, path: &str, range: Option<Range>) -> Result<Decided, Error> {
        let (place, path) = (self.place(Verb::Read)?, parsed(path)?);
        match place {
            Where::Own => {
                let file = self.me.scratch.get(path.as_str()).ok_or(Error::NotFound)?;
                Ok(done(Answer::Content { digest: file.digest, size: file.size, from: Some(file.seq) }))
            }
            Where::Over(over) => self.payable(over.read(path, range)?),
            Where::Outside => {
                self.payable(Decided::Look(Effect::Read { mount: self.mount.into(), path, range }))
            }
        }
    }

    pub(super) fn stat(&self, path: &str) -> Result<Decided, Error> {
        let (place, path) = (self.place(Verb::Read)?, parsed(path)?);
        match place {
            Where::Own => {}
            Where::Over(over) => return over.stat(path),
            Where::Outside => return Ok(Decided::Look(Effect::Stat { mount: self.mount.into(), path })),
        }
        if let Some(file) = self.me.scratch.get(path.as_str()) {
            return Ok(done(Answer::Stat(listed(path.name(), file))));
        }
        if children(self.me, &path).next().is_none() && !path.is_root() {
            return Err(Error::NotFound);
        }
        Ok(done(Answer::Stat(Listed { name: path.name().into(), directory: true, size: 0, digest: None })))
    }

    pub(super) fn list(&self, path: &str, after: Option<&str>, limit: u32) -> Result<Decided, Error> {
        let (place, path) = (self.place(Verb::Read)?, parsed(path)?);
        let limit = if limit == 0 { LISTED } else { limit.min(LISTED) };
        match place {
            Where::Own => {}
            Where::Over(over) => return self.payable(over.list(path, after, limit as usize)?),
            Where::Outside => {
                let (mount, after) = (self.mount.into(), after.map(Into::into));
                return self.payable(Decided::Look(Effect::List { mount, path, after, limit }));
            }
        }
        let mut all: Vec<Listed> = children(self.me, &path).collect();
        if all.is_empty() && !path.is_root() {
            return Err(Error::NotFound);
        }
        all.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        all.dedup_by(|a, b| a.name == b.name);
        let first = after.map_or(0, |after| all.partition_point(|e| e.name.as_bytes() <= after.as_bytes()));
        let part: Vec<Listed> = all.into_iter().skip(first).take(limit as usize).collect();
        Ok(Decided::listing(&part))
    }

    pub(super) fn write(&self, path: &str, condition: &Condition, data: Data) -> Result<Decided, Error> {
        let (place, path) = (self.place(Verb::Write)?, parsed(path)?);
        if path.is_root() {
            return Err(Error::Invalid("path: the mount itself is a folder".into()));
        }
        if data.size > FILE_BYTES {
            return Err(Error::TooLarge(FILE_BYTES));
        }
        let expect = self.expect(condition)?;
        let digest = data.digest.ok_or_else(|| Error::Invalid("no data".into()))?;
        match place {
            Where::Own => {}
            Where::Over(over) => return over.write(path, &expect, data.size, digest),
            Where::Outside => {
                return Ok(Decided::act(Effect::Write { mount: self.mount.into(), path, expect, digest }));
            }
        }
        let me = self.me;
        let there = me.scratch.get(path.as_str());
        holds(&expect, there.map(|file| &file.digest))?;
        if blocked(me, &path) {
            return Err(Error::Invalid(BLOCKED.into()));
        }
        if there.is_none() && me.scratch.len() >= SCRATCH_FILES {
            return Err(Error::TooLarge(SCRATCH_FILES as u64));
        }
        Ok(done(Answer::Digest(digest)))
    }

    pub(super) fn remove(&self, path: &str, condition: &Condition) -> Result<Decided, Error> {
        let (place, path) = (self.place(Verb::Write)?, parsed(path)?);
        if path.is_root() {
            return Err(Error::Invalid("path: the mount itself stays".into()));
        }
        let expect = self.expect(condition)?;
        match place {
            Where::Own => {}
            Where::Over(over) => return over.remove(path, &expect),
            Where::Outside => {
                return Ok(Decided::act(Effect::Remove { mount: self.mount.into(), path, expect }));
            }
        }
        match self.me.scratch.get(path.as_str()) {
            Some(file) => holds(&expect, Some(&file.digest))?,
            None if children(self.me, &path).next().is_some() => return Err(Error::Conflict(None)),
            None => return Err(Error::NotFound),
        }
        Ok(done(Answer::Done))
    }

    pub(super) fn rename(&self, source: &str, target: &str, condition: &Condition) -> Result<Decided, Error> {
        let (place, source, target) = (self.place(Verb::Write)?, parsed(source)?, parsed(target)?);
        if source.is_root() || target.is_root() {
            return Err(Error::Invalid("path: the mount itself stays".into()));
        }
        let expect = self.expect(condition)?;
        match place {
            Where::Own => {}
            Where::Over(over) => return over.rename(source, target, &expect),
            Where::Outside => {
                return Ok(Decided::act(Effect::Rename { mount: self.mount.into(), source, target, expect }));
            }
        }
        let me = self.me;
        if !me.scratch.contains_key(source.as_str()) {
            return Err(Error::NotFound);
        }
        holds(&expect, me.scratch.get(target.as_str()).map(|file| &file.digest))?;
        if blocked(me, &target) {
            return Err(Error::Invalid(BLOCKED.into()));
        }
        Ok(done(Answer::Done))
    }

    /// A condition whose lease was checked and whose digest was read.
    fn expect(&self, condition: &Condition) -> Result<Expect, Error> {
        Ok(match condition {
            Condition::Any => Expect::Any,
            Condition::Absent => Expect::Absent,
            Condition::DigestIs(text) => {
                Expect::Digest(text.parse().map_err(|e| Error::Invalid(format!("condition: {e}")))?)
            }
            Condition::Fence(token) => {
                lease::holds(self.run, self.me, *token, self.now)?;
                Expect::Any
            }
        })
    }
}

/// What a write brings: the size of the bytes and their digest.
pub(super) struct Data {
    pub size: u64,
    pub digest: Option<Digest>,
}

/// Checks what is there against what should be.
pub(super) fn holds(expect: &Expect, there: Option<&Digest>) -> Result<(), Error> {
    match (expect, there) {
        (Expect::Any, _) | (Expect::Absent, None) => Ok(()),
        (Expect::Digest(wanted), Some(found)) if wanted == found => Ok(()),
        (Expect::Absent | Expect::Digest(_), found) => Err(Error::Conflict(found.copied())),
    }
}

fn parsed(path: &str) -> Result<RelPath, Error> {
    RelPath::parse(path).map_err(error)
}

/// What the guest is told of a mount's refusal; details of the machine are for the operator alone.
pub(super) fn error(error: MountError) -> Error {
    match error {
        MountError::NotFound => Error::NotFound,
        MountError::Refused(_) => Error::Denied,
        MountError::Conflict(found) => Error::Conflict(found),
        MountError::TooLarge(limit) => Error::TooLarge(limit),
        MountError::Invalid(what) => Error::Invalid(what),
        MountError::InDoubt(_) => Error::UnknownOutcome,
        MountError::Unavailable(_) => {
            Error::Unavailable(super::ports::Fault { detail: "the disk failed".into(), ..Default::default() })
        }
    }
}

pub(super) fn listed(name: &str, file: &File) -> Listed {
    Listed { name: name.into(), directory: false, size: file.size, digest: Some(file.digest) }
}

/// The entries below a scratch folder, which exists as long as a file in it does; sorted by their bytes.
fn children<'a>(me: &'a Proc, folder: &RelPath) -> impl Iterator<Item = Listed> + 'a {
    let prefix = if folder.is_root() { String::new() } else { format!("{}/", folder.as_str()) };
    let mut last = String::new();
    me.scratch.iter().filter_map(move |(path, file)| {
        let rest = path.strip_prefix(&prefix)?;
        let (name, directory) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
        if name == last {
            return None;
        }
        name.clone_into(&mut last);
        Some(if directory {
            Listed { name: name.into(), directory, size: 0, digest: None }
        } else {
            listed(name, file)
        })
    })
}

/// Whether a scratch path is a folder already, or goes through a file.
fn blocked(me: &Proc, path: &RelPath) -> bool {
    let through_file =
        path.as_str().match_indices('/').any(|(at, _)| me.scratch.contains_key(&path.as_str()[..at]));
    through_file || (!me.scratch.contains_key(path.as_str()) && children(me, path).next().is_some())
}

/// Keeps a written file in the process's scratch mount.
pub(super) fn keep(me: &mut Proc, path: &str, file: File) {
    me.scratch.insert(path.to_owned(), file);
}

/// Moves a file within the scratch mount.
pub(super) fn shift(me: &mut Proc, source: &str, target: &str) -> Option<()> {
    let file = me.scratch.remove(source)?;
    me.scratch.insert(target.to_owned(), file);
    Some(())
}
