//! What stands under a name.

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FileType, Stat, statat};
use rustix::io::Errno;

use super::fault::fault;
use super::path::RelPath;
use crate::kernel::ports::MountError;

/// Something that a mount shows.
pub(super) enum Node {
    /// A plain file.
    File(Stat),
    /// A folder.
    Folder,
}

/// What is there; `None` when nothing is. Does not follow a link and opens nothing.
///
/// An answer may be stale at once, so nothing rests on it alone: renames and removals, which it precedes, follow
/// no links themselves, and reads judge the handle they opened.
pub(super) fn look(folder: &Dir, path: &RelPath) -> Result<Option<Node>, MountError> {
    match statat(folder, path.name(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => classify(stat, path).map(Some),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(fault("look at", path.as_str(), error)),
    }
}

/// The file that a write or rename would replace; `None` when the name is free.
pub(super) fn replaceable(folder: &Dir, path: &RelPath) -> Result<Option<Stat>, MountError> {
    match look(folder, path)? {
        None => Ok(None),
        Some(Node::File(stat)) => Ok(Some(stat)),
        Some(Node::Folder) => Err(is_folder(path)),
    }
}

/// Sorts what a `stat` found.
pub(super) fn classify(stat: Stat, path: &RelPath) -> Result<Node, MountError> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(Node::File(stat)),
        FileType::Directory => Ok(Node::Folder),
        FileType::Symlink => Err(MountError::Refused(format!("`{path}` is a symbolic link"))),
        FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Err(MountError::Refused(format!("`{path}` is no plain file or folder"))),
    }
}

/// The error where a file is needed.
pub(super) fn is_folder(path: &RelPath) -> MountError {
    MountError::Invalid(format!("`{path}` is a folder, not a file"))
}
