//! Reading plain files.

use std::fs::File;
use std::io::Read;

use audit::Digest;
use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags, SeekFrom, Stat, fstat, openat, seek};

use super::FILE_LIMIT;
use super::fault::fault;
use super::node::{self, Node};
use super::path::RelPath;
use crate::kernel::ports::MountError;

/// Files smaller than this, in bytes, are read even when they are sparse: they cost nothing.
const SPARSE_FLOOR: u64 = 64 << 10;
/// The unit of `st_blocks`, in bytes; see stat(3type).
const BLOCK: u64 = 512;

/// The whole content of a plain file.
///
/// Opening does not block on a FIFO, does not follow a link, and takes no terminal; what was opened is then
/// judged by its handle.
pub(super) fn read(folder: &Dir, path: &RelPath) -> Result<Vec<u8>, MountError> {
    let failed = |error: rustix::io::Errno| fault("read", path.as_str(), error);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(openat(folder, path.name(), flags, Mode::empty()).map_err(failed)?);
    let Node::File(stat) = node::classify(fstat(&file).map_err(failed)?, path)? else {
        return Err(node::is_folder(path));
    };
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    if size > FILE_LIMIT {
        return Err(MountError::TooLarge(FILE_LIMIT));
    }
    if sparse(&file, &stat, size) {
        return Err(MountError::Refused(format!("`{path}` is a sparse file: most of it is not on the disk")));
    }
    content(file, path, size)
}

/// The digest of the file there; `None` when there is none or its content cannot be read under the limits.
pub(super) fn digest(folder: &Dir, path: &RelPath) -> Result<Option<Digest>, MountError> {
    match read(folder, path) {
        Ok(data) => Ok(Some(Digest::of(&data))),
        Err(MountError::NotFound | MountError::TooLarge(_) | MountError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file may grow while it is read; the limit holds all the same.
fn content(file: File, path: &RelPath, size: u64) -> Result<Vec<u8>, MountError> {
    let mut data = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(FILE_LIMIT + 1).read_to_end(&mut data).map_err(|error| fault("read", path.as_str(), error))?;
    if data.len() as u64 > FILE_LIMIT {
        return Err(MountError::TooLarge(FILE_LIMIT));
    }
    Ok(data)
}

/// Whether more than half of a file is not allocated and it has a hole. Few blocks alone do not say so: a
/// compressing file system needs few for a dense file.
fn sparse(file: &File, stat: &Stat, size: u64) -> bool {
    let allocated = u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(BLOCK);
    if size < SPARSE_FLOOR || allocated >= size / 2 {
        return false;
    }
    let hole = seek(file, SeekFrom::Hole(0)).is_ok_and(|hole| hole < size);
    // A file system that cannot tell holes answers the end; where seeking back fails, reading would too.
    seek(file, SeekFrom::Start(0)).is_err() || hole
}
