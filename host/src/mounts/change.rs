//! Writing, removing and renaming. Callers hold the directory's lock.

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, RenameFlags, Stat, linkat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;

use super::fault::fault;
use super::folder::Root;
use super::node::{self, Node};
use super::path::RelPath;
use super::temporary::Temporary;
use super::{file, folder};
use crate::kernel::ports::{Expect, MountError};

/// Replaces a file whole: a new file beside it is written, made durable and renamed over it. So a reader
/// sees the old content or the new, and another hard link of the old file keeps the old content.
pub(super) fn write(root: &Root, path: &RelPath, data: &[u8], expect: &Expect) -> Result<(), MountError> {
    let parent = target_folder(root, path, expect)?;
    let replaced = node::replaceable(&parent, path)?.map(|stat| stat.st_mode);
    let temporary =
        Temporary::write(&parent, data, replaced).map_err(|error| fault("write", path.as_str(), error))?;
    check(&parent, path, expect)?;
    place(&parent, temporary.name(), &parent, path, expect)?;
    temporary.keep();
    folder::sync(&parent, path.as_str()).map_err(in_doubt)
}

/// Removes a file or an empty folder.
pub(super) fn remove(root: &Root, path: &RelPath, expect: &Expect) -> Result<(), MountError> {
    let parent = folder::open(root, path.parent())?;
    let failed = |error| fault("remove", path.as_str(), error);
    match node::look(&parent, path)?.ok_or(MountError::NotFound)? {
        Node::File(_) => {
            check(&parent, path, expect)?;
            unlinkat(&parent, path.name(), AtFlags::empty()).map_err(failed)?;
        }
        // A folder has no digest, and it is not nothing.
        Node::Folder if *expect != Expect::Any => return Err(MountError::Conflict(None)),
        Node::Folder => remove_folder(&parent, path).map_err(|error| match error {
            Errno::NOTEMPTY | Errno::EXIST => MountError::Conflict(None),
            error => failed(error),
        })?,
    }
    folder::sync(&parent, path.as_str()).map_err(in_doubt)
}

/// Renames a plain file. The condition is on the target.
pub(super) fn rename(
    root: &Root,
    source: &RelPath,
    target: &RelPath,
    expect: &Expect,
) -> Result<(), MountError> {
    let from = folder::open(root, source.parent())?;
    let moved = node::replaceable(&from, source)?.ok_or(MountError::NotFound)?;
    let to = target_folder(root, target, expect)?;
    let replaced = check(&to, target, expect)?;
    // rename(2) does nothing, successfully, when both names are the same file.
    if replaced.is_some_and(|there| (there.st_dev, there.st_ino) == (moved.st_dev, moved.st_ino)) {
        return Err(MountError::Invalid(format!("`{source}` and `{target}` are the same file")));
    }
    place(&from, source.name(), &to, target, expect)?;
    folder::sync(&to, target.as_str()).and_then(|()| folder::sync(&from, source.as_str())).map_err(in_doubt)
}

/// The folder of a target, made if need be; but not for a change that cannot happen.
fn target_folder(root: &Root, target: &RelPath, expect: &Expect) -> Result<Dir, MountError> {
    if matches!(expect, Expect::Digest(_)) {
        return folder::open(root, target.parent()).map_err(|error| match error {
            MountError::NotFound => MountError::Conflict(None),
            error => error,
        });
    }
    folder::make(root, target)
}

/// Checks the condition on `path` and answers the file that is there.
fn check(folder: &Dir, path: &RelPath, expect: &Expect) -> Result<Option<Stat>, MountError> {
    let there = node::replaceable(folder, path)?;
    let found = match (expect, &there) {
        (Expect::Any, _) | (Expect::Absent, None) => return Ok(there),
        (Expect::Digest(_), None) => None,
        (Expect::Absent | Expect::Digest(_), Some(_)) => file::digest(folder, path)?,
    };
    match expect {
        Expect::Digest(wanted) if found == Some(*wanted) => Ok(there),
        _ => Err(MountError::Conflict(found)),
    }
}

/// Gives a file its name. Where nothing may be there, the system itself refuses to replace anything.
fn place(from: &Dir, name: &str, to: &Dir, target: &RelPath, expect: &Expect) -> Result<(), MountError> {
    let placed = match expect {
        Expect::Any | Expect::Digest(_) => renameat(from, name, to, target.name()),
        Expect::Absent => match renameat_with(from, name, to, target.name(), RenameFlags::NOREPLACE) {
            // Not every file system knows the flag; a hard link does not replace either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                linkat(from, name, to, target.name(), AtFlags::empty())
                    .and_then(|()| unlinkat(from, name, AtFlags::empty()))
            }
            other => other,
        },
    };
    match placed {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => Err(MountError::Conflict(file::digest(to, target)?)),
        Err(error) => Err(fault("write", target.as_str(), error)),
    }
}

/// Removes an empty folder. One that looks empty to guests, because only unfinished files of a host that
/// crashed are in it, is emptied first.
fn remove_folder(parent: &Dir, path: &RelPath) -> Result<(), Errno> {
    let removed = unlinkat(parent, path.name(), AtFlags::REMOVEDIR);
    if !matches!(removed, Err(Errno::NOTEMPTY | Errno::EXIST)) {
        return removed;
    }
    let Some((folder, names)) = folder::leftovers(parent, path) else { return removed };
    for name in names {
        unlinkat(&folder, name.as_str(), AtFlags::empty())?;
    }
    unlinkat(parent, path.name(), AtFlags::REMOVEDIR)
}

/// The change is made; that its folder could not be synced leaves open whether it outlives a power loss.
fn in_doubt(error: MountError) -> MountError {
    MountError::InDoubt(error.to_string())
}
