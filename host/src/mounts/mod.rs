//! Directories of the operator's machine, as mounts.
//!
//! A [`Directory`] is one open handle. Every path is resolved beneath it by `cap-std`, which follows a
//! symbolic link in the middle of a path only while it stays inside. The last segment is never followed: it is
//! opened or changed relative to its folder's handle, and what was opened is judged by that handle, not by its
//! name. The base of an overlay is a directory in which no link is followed at all.

mod change;
mod fault;
mod file;
mod folder;
mod node;
pub mod overlap;
mod temporary;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use audit::Digest;
use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::kernel::ports::{Content, Expect, Listed, Mount, MountError, Range};

use crate::kernel::path::{self, RelPath};
use folder::Root;
use node::Node;

/// The size of a file that can be read or written, in bytes.
pub const FILE_LIMIT: u64 = crate::limits::FILE_BYTES;
/// Entries in one answer of a list.
pub const LIST_LIMIT: usize = crate::limits::LISTED as usize;
/// Entries of a folder that can be listed at all, those left out included.
pub const FOLDER_LIMIT: usize = 100_000;

/// A directory of this machine, opened once.
///
/// Changes through one `Directory` happen one at a time, so that a condition on a digest is atomic among
/// everything that uses it. Against other programs on the machine it is best effort: they may change a file
/// between the check and the rename. Only `Expect::Absent` is atomic against them too.
#[derive(Debug)]
pub struct Directory {
    root: Root,
    writable: bool,
    changes: Mutex<()>,
}

/// Why a directory cannot be a mount.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing is there.
    #[error("cannot mount {}: there is no such directory; create it or correct the path", .0.display())]
    Missing(PathBuf),
    /// A file is there.
    #[error("cannot mount {}: it is not a directory; name the folder that holds it", .0.display())]
    NotDirectory(PathBuf),
    /// The operating system refused, or the disk failed.
    #[error("cannot mount {}: {source}; check the directory's owner and mode", path.display())]
    Failed {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Directory {
    /// Opens a directory. Symbolic links in `path` itself are followed: the operator chose it.
    ///
    /// # Errors
    /// When it is missing, not a directory, or may not be opened.
    pub fn open(path: &Path, writable: bool) -> Result<Directory, OpenError> {
        Directory::opened(path, writable, true)
    }

    /// As [`Directory::open`], but no link within is followed, wherever it leads: each file has one path.
    ///
    /// # Errors
    /// As [`Directory::open`].
    pub fn plain(path: &Path, writable: bool) -> Result<Directory, OpenError> {
        Directory::opened(path, writable, false)
    }

    fn opened(path: &Path, writable: bool, links: bool) -> Result<Directory, OpenError> {
        let root =
            Dir::open_ambient_dir(path, ambient_authority()).map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => OpenError::Missing(path.to_owned()),
                io::ErrorKind::NotADirectory => OpenError::NotDirectory(path.to_owned()),
                _ => OpenError::Failed { path: path.to_owned(), source },
            })?;
        Ok(Directory { root: Root::new(root, links), writable, changes: Mutex::new(()) })
    }

    /// The right to change something, held while doing it.
    fn changing(&self) -> Result<MutexGuard<'_, ()>, MountError> {
        if !self.writable {
            return Err(MountError::Refused("the mount is read-only".to_owned()));
        }
        // The lock guards no data, so a panic elsewhere cannot have left any half changed.
        Ok(self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A path that must name an entry, not the mount itself.
fn entry(path: &str) -> Result<RelPath, MountError> {
    let path = RelPath::parse(path)?;
    if path.is_root() {
        return Err(MountError::Invalid("the path is empty: name a file or folder in the mount".to_owned()));
    }
    Ok(path)
}

impl Mount for Directory {
    fn read(&self, path: &str, range: Option<Range>) -> Result<Content, MountError> {
        let path = entry(path)?;
        let mut data = file::read(&folder::open(&self.root, path.parent())?, &path)?;
        let digest = Digest::of(&data);
        let size = data.len();
        if let Some(range) = range {
            let begin = usize::try_from(range.offset).unwrap_or(size).min(size);
            let length = usize::try_from(range.length).unwrap_or(size);
            data.truncate(begin.saturating_add(length).min(size));
            data.drain(..begin);
        }
        Ok(Content { data, digest, size: size as u64 })
    }

    fn list(&self, path: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, MountError> {
        let path = RelPath::parse(path)?;
        let limit = if limit == 0 { LIST_LIMIT } else { limit.min(LIST_LIMIT) };
        folder::list(&self.root, &path, after, limit)
    }

    fn stat(&self, path: &str) -> Result<Listed, MountError> {
        let path = RelPath::parse(path)?;
        let name = path.name().to_owned();
        if path.is_root() {
            return Ok(Listed { name, directory: true, size: 0, digest: None });
        }
        let parent = folder::open(&self.root, path.parent())?;
        match node::look(&parent, &path)?.ok_or(MountError::NotFound)? {
            Node::Folder => Ok(Listed { name, directory: true, size: 0, digest: None }),
            Node::File(_) => {
                let data = file::read(&parent, &path)?;
                Ok(Listed {
                    name,
                    directory: false,
                    size: data.len() as u64,
                    digest: Some(Digest::of(&data)),
                })
            }
        }
    }

    fn write(&self, path: &str, data: &[u8], expect: &Expect) -> Result<(), MountError> {
        let path = entry(path)?;
        if data.len() as u64 > FILE_LIMIT {
            return Err(MountError::TooLarge(FILE_LIMIT));
        }
        let _alone = self.changing()?;
        change::write(&self.root, &path, data, expect)
    }

    fn remove(&self, path: &str, expect: &Expect) -> Result<(), MountError> {
        let path = entry(path)?;
        let _alone = self.changing()?;
        change::remove(&self.root, &path, expect)
    }

    fn rename(&self, source: &str, target: &str, expect: &Expect) -> Result<(), MountError> {
        let (source, target) = (entry(source)?, entry(target)?);
        let _alone = self.changing()?;
        change::rename(&self.root, &source, &target, expect)
    }

    fn keep(&self, path: &str) -> Result<(), MountError> {
        let path = entry(path)?;
        let parent = folder::open(&self.root, path.parent())?;
        folder::sync(&parent, path.as_str()).map_err(|error| MountError::InDoubt(error.to_string()))
    }
}
