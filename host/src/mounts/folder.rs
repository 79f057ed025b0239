//! Opening, making and listing folders.

use std::io;
use std::os::fd::OwnedFd;

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fsync, openat, statat};
use rustix::io::Errno;

use super::FOLDER_LIMIT;
use super::fault::fault;
use super::node::{self, Node};
use super::path::{RelPath, is_segment, is_temporary};
use crate::kernel::ports::{Listed, MountError};

/// The folder at `path`; the empty path is the mount. Links are followed as long as they stay inside.
pub(super) fn open(root: &Dir, path: &str) -> Result<Dir, MountError> {
    resolve(root, path).map_err(|error| match error.kind() {
        // Beneath a file there is nothing to be found.
        io::ErrorKind::NotADirectory => MountError::NotFound,
        _ => fault("open", path, error),
    })
}

fn resolve(root: &Dir, path: &str) -> io::Result<Dir> {
    root.open_dir(if path.is_empty() { "." } else { path })
}

/// The folder that holds `path`, made with those above it where they are missing. Each is durable before the
/// next.
pub(super) fn make(root: &Dir, path: &RelPath) -> Result<Dir, MountError> {
    let parent = path.parent();
    let failed = |error: io::Error| fault("make the folders of", path.as_str(), error);
    match resolve(root, parent) {
        Ok(folder) => return Ok(folder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let mut above = resolve(root, "").map_err(failed)?;
    let ends = parent.match_indices('/').map(|(end, _)| end).chain([parent.len()]);
    for prefix in ends.map(|end| &parent[..end]) {
        above = match resolve(root, prefix) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_one(root, &above, prefix)?,
            Err(error) => return Err(failed(error)),
        };
    }
    Ok(above)
}

fn make_one(root: &Dir, above: &Dir, path: &str) -> Result<Dir, MountError> {
    match root.create_dir(path) {
        Ok(()) => sync(above, path)?,
        // Another program was faster, or a link stands there that leads nowhere.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(fault("make", path, error)),
    }
    resolve(root, path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            MountError::Refused(format!("`{path}` is a symbolic link that leads nowhere"))
        }
        _ => fault("make", path, error),
    })
}

/// Makes what a folder says durable.
pub(super) fn sync(folder: &Dir, path: &str) -> Result<(), MountError> {
    // The folder's own handle may be one for looking up only, which cannot be synced.
    match readable(folder, ".").and_then(fsync) {
        // Some network file systems cannot sync a folder; there a rename lasts when their server says so.
        Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
        Err(error) => Err(fault("sync the folder of", path, error)),
    }
}

fn readable(folder: &Dir, name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty())
}

/// The entries of the folder at `path` that come after `after`, sorted by their bytes, at most `limit`.
///
/// Left out: what is neither a plain file nor a folder, names that no path can say (not UTF-8, control
/// characters, backslashes), and the host's own unfinished files.
pub(super) fn list(
    root: &Dir,
    path: &RelPath,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Listed>, MountError> {
    let folder = enter(root, path)?;
    let mut names = names(&folder, path.as_str())?;
    names.retain(|name| after.is_none_or(|after| name.as_str() > after));
    names.sort_unstable();
    let mut found = Vec::new();
    for name in names {
        if found.len() == limit {
            break;
        }
        // What vanished since, or may not be looked at, is left out.
        let Ok(stat) = statat(&folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let directory = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => false,
            FileType::Directory => true,
            _ => continue,
        };
        let size = if directory { 0 } else { u64::try_from(stat.st_size).unwrap_or(0) };
        found.push(Listed { name, directory, size, digest: None });
    }
    Ok(found)
}

/// A handle of the folder itself; a link in its place is refused.
fn enter(root: &Dir, path: &RelPath) -> Result<OwnedFd, MountError> {
    let failed = |error| fault("list", path.as_str(), error);
    if path.is_root() {
        return readable(root, ".").map_err(failed);
    }
    let parent = open(root, path.parent())?;
    match node::look(&parent, path)?.ok_or(MountError::NotFound)? {
        Node::Folder => readable(&parent, path.name()).map_err(failed),
        Node::File(_) => Err(MountError::Invalid(format!("`{path}` is a file, not a folder"))),
    }
}

fn names(folder: &OwnedFd, path: &str) -> Result<Vec<String>, MountError> {
    let failed = |error| fault("list", path, error);
    let mut names = Vec::new();
    let mut count = 0;
    for entry in rustix::fs::Dir::read_from(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        count += 1;
        if count > FOLDER_LIMIT {
            return Err(MountError::TooLarge(FOLDER_LIMIT as u64));
        }
        // Some file systems do not tell the kind here; the caller looks at each entry it shows.
        let shown =
            matches!(entry.file_type(), FileType::RegularFile | FileType::Directory | FileType::Unknown);
        match name.to_str() {
            Ok(name) if shown && is_segment(name) => names.push(name.to_owned()),
            _ => {}
        }
    }
    Ok(names)
}

/// The names in a folder when it holds nothing but the host's unfinished files, which a crash left behind.
pub(super) fn leftovers(parent: &Dir, path: &RelPath) -> Option<(OwnedFd, Vec<String>)> {
    let folder = readable(parent, path.name()).ok()?;
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(&folder).ok()? {
        let entry = entry.ok()?;
        match entry.file_name().to_str().ok()? {
            "." | ".." => {}
            name if is_temporary(name) && entry.file_type() == FileType::RegularFile => {
                names.push(name.to_owned())
            }
            _ => return None,
        }
    }
    Some((folder, names))
}
