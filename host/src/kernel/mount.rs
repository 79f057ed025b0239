//! Mounts. `scratch` is kernel state: path to digest, contents as stored bodies. The operator's directories are outside:
//! reading one is a look, changing one an act (DESIGN: "Scratch and overlay mounts are kernel state").

use audit::Digest;
use authority::{Mode, Verb};
use ledger::Meter;

use super::answer::{Answer, Error};
use super::call::Condition;
use super::decide::{Decided, Effect, done};
use super::lease;
use super::path::RelPath;
use super::ports::{Expect, Listed, MountError, Range};
use super::state::{File, Proc, Run};
use crate::limits::{FILE_BYTES, LISTED, SCRATCH_FILES};

/// The name of every process's own mount.
pub const SCRATCH: &str = "scratch";

/// A condition whose lease was checked and whose digest was read.
fn expect(run: &Run, me: &Proc, condition: &Condition, now: u64) -> Result<Expect, Error> {
    Ok(match condition {
        Condition::Any => Expect::Any,
        Condition::Absent => Expect::Absent,
        Condition::DigestIs(text) => {
            Expect::Digest(text.parse().map_err(|e| Error::Invalid(format!("condition: {e}")))?)
        }
        Condition::Fence(token) => {
            lease::holds(run, me, *token, now)?;
            Expect::Any
        }
    })
}

/// Checks what is there against what should be.
fn holds(expect: &Expect, there: Option<&Digest>) -> Result<(), Error> {
    match (expect, there) {
        (Expect::Any, _) | (Expect::Absent, None) => Ok(()),
        (Expect::Digest(wanted), Some(found)) if wanted == found => Ok(()),
        (Expect::Absent | Expect::Digest(_), found) => Err(Error::Conflict(found.copied())),
    }
}

/// Whether the mount may be used so, and whether it is the process's own.
fn authorised(run: &Run, me: &Proc, mount: &str, verb: Verb) -> Result<bool, Error> {
    if mount == SCRATCH {
        return Ok(true);
    }
    let place = run.grant.mounts.get(mount).filter(|_| me.may(verb, mount)).ok_or(Error::Denied)?;
    if verb == Verb::Write && place.mode != Mode::Rw {
        return Err(Error::Denied);
    }
    Ok(false)
}

/// Looking is no use to a process that cannot be given what is seen.
fn payable(me: &Proc) -> Result<(), Error> {
    me.account.can(&[(Meter::BytesStored, 1)]).map_err(|short| Error::Exhausted(short.meter))
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
        MountError::Unavailable(_) => Error::Unavailable(super::ports::Fault {
            detail: "the disk failed".into(),
            retryable: false,
            retry_after_ms: None,
        }),
    }
}

pub(super) fn read(
    run: &Run,
    me: &Proc,
    mount: &str,
    path: &str,
    range: Option<Range>,
) -> Result<Decided, Error> {
    let own = authorised(run, me, mount, Verb::Read)?;
    let path = parsed(path)?;
    if !own {
        payable(me)?;
        return Ok(Decided::Look(Effect::Read { mount: mount.into(), path, range }));
    }
    let file = me.scratch.get(path.as_str()).ok_or(Error::NotFound)?;
    Ok(done(Answer::Content { digest: file.digest, size: file.size, from: Some(file.seq) }))
}

pub(super) fn stat(run: &Run, me: &Proc, mount: &str, path: &str) -> Result<Decided, Error> {
    let own = authorised(run, me, mount, Verb::Read)?;
    let path = parsed(path)?;
    if !own {
        return Ok(Decided::Look(Effect::Stat { mount: mount.into(), path }));
    }
    if let Some(file) = me.scratch.get(path.as_str()) {
        return Ok(done(Answer::Stat(listed(path.name(), file))));
    }
    if children(me, &path).next().is_none() && !path.is_root() {
        return Err(Error::NotFound);
    }
    Ok(done(Answer::Stat(Listed { name: path.name().into(), directory: true, size: 0, digest: None })))
}

fn listed(name: &str, file: &File) -> Listed {
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

pub(super) fn list(
    run: &Run,
    me: &Proc,
    mount: &str,
    path: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Decided, Error> {
    let own = authorised(run, me, mount, Verb::Read)?;
    let path = parsed(path)?;
    let limit = if limit == 0 { LISTED } else { limit.min(LISTED) };
    if !own {
        payable(me)?;
        return Ok(Decided::Look(Effect::List {
            mount: mount.into(),
            path,
            after: after.map(Into::into),
            limit,
        }));
    }
    let mut all: Vec<Listed> = children(me, &path).collect();
    if all.is_empty() && !path.is_root() {
        return Err(Error::NotFound);
    }
    all.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    all.dedup_by(|a, b| a.name == b.name);
    let first = after.map_or(0, |after| all.partition_point(|e| e.name.as_bytes() <= after.as_bytes()));
    let part: Vec<Listed> = all.into_iter().skip(first).take(limit as usize).collect();
    Ok(Decided::listing(&part))
}

/// What a write brings: the size of the bytes, their digest and the number of this entry.
pub(super) struct Data {
    pub size: u64,
    pub digest: Option<Digest>,
}

pub(super) fn write(
    run: &Run,
    me: &Proc,
    at: (&str, &str),
    condition: &Condition,
    data: Data,
    now: u64,
) -> Result<Decided, Error> {
    let (mount, path) = at;
    let own = authorised(run, me, mount, Verb::Write)?;
    let path = parsed(path)?;
    if path.is_root() {
        return Err(Error::Invalid("path: the mount itself is a folder".into()));
    }
    if data.size > FILE_BYTES {
        return Err(Error::TooLarge(FILE_BYTES));
    }
    let expect = expect(run, me, condition, now)?;
    let digest = data.digest.ok_or_else(|| Error::Invalid("no data".into()))?;
    if !own {
        return Ok(Decided::act(Effect::Write { mount: mount.into(), path, expect, digest }));
    }
    let there = me.scratch.get(path.as_str());
    holds(&expect, there.map(|file| &file.digest))?;
    if blocked(me, &path) {
        return Err(Error::Invalid("path: a folder is there, or a file stands where a folder would".into()));
    }
    if there.is_none() && me.scratch.len() >= SCRATCH_FILES {
        return Err(Error::TooLarge(SCRATCH_FILES as u64));
    }
    Ok(done(Answer::Digest(digest)))
}

/// Whether a scratch path is a folder already, or goes through a file.
fn blocked(me: &Proc, path: &RelPath) -> bool {
    let through_file =
        path.as_str().match_indices('/').any(|(at, _)| me.scratch.contains_key(&path.as_str()[..at]));
    through_file || (!me.scratch.contains_key(path.as_str()) && children(me, path).next().is_some())
}

pub(super) fn remove(
    run: &Run,
    me: &Proc,
    mount: &str,
    path: &str,
    condition: &Condition,
    now: u64,
) -> Result<Decided, Error> {
    let own = authorised(run, me, mount, Verb::Write)?;
    let path = parsed(path)?;
    if path.is_root() {
        return Err(Error::Invalid("path: the mount itself stays".into()));
    }
    let expect = expect(run, me, condition, now)?;
    if !own {
        return Ok(Decided::act(Effect::Remove { mount: mount.into(), path, expect }));
    }
    match me.scratch.get(path.as_str()) {
        Some(file) => holds(&expect, Some(&file.digest))?,
        None if children(me, &path).next().is_some() => return Err(Error::Conflict(None)),
        None => return Err(Error::NotFound),
    }
    Ok(done(Answer::Done))
}

pub(super) fn rename(
    run: &Run,
    me: &Proc,
    at: (&str, &str, &str),
    condition: &Condition,
    now: u64,
) -> Result<Decided, Error> {
    let (mount, source, target) = at;
    let own = authorised(run, me, mount, Verb::Write)?;
    let (source, target) = (parsed(source)?, parsed(target)?);
    if source.is_root() || target.is_root() {
        return Err(Error::Invalid("path: the mount itself stays".into()));
    }
    let expect = expect(run, me, condition, now)?;
    if !own {
        return Ok(Decided::act(Effect::Rename { mount: mount.into(), source, target, expect }));
    }
    if !me.scratch.contains_key(source.as_str()) {
        return Err(Error::NotFound);
    }
    holds(&expect, me.scratch.get(target.as_str()).map(|file| &file.digest))?;
    if blocked(me, &target) {
        return Err(Error::Invalid("path: a folder is there, or a file stands where a folder would".into()));
    }
    Ok(done(Answer::Done))
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
