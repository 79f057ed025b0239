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

/// The handle that a mount's paths are resolved beneath.
#[derive(Debug)]
pub(super) struct Root {
    dir: Dir,
    /// Whether links are followed, as long as they stay inside.
    links: bool,
}

impl Root {
    pub(super) fn new(dir: Dir, links: bool) -> Root {
        Root { dir, links }
    }

    fn resolve(&self, path: &str) -> io::Result<Dir> {
        if self.links || path.is_empty() {
            return self.dir.open_dir(if path.is_empty() { "." } else { path });
        }
        let mut at = self.dir.try_clone()?;
        for segment in path.split('/') {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            at = match openat(&at, segment, flags, Mode::empty()) {
                Ok(folder) => Dir::from_std_file(folder.into()),
                // The system says of a link, too, that it is no folder.
                Err(Errno::NOTDIR) if is_link(&at, segment) => return Err(Errno::LOOP.into()),
                Err(error) => return Err(error.into()),
            };
        }
        Ok(at)
    }
}

fn is_link(folder: &Dir, name: &str) -> bool {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

/// The folder at `path`; the empty path is the mount.
pub(super) fn open(root: &Root, path: &str) -> Result<Dir, MountError> {
    root.resolve(path).map_err(|error| match error.kind() {
        // Beneath a file there is nothing to be found.
        io::ErrorKind::NotADirectory => MountError::NotFound,
        _ => fault("open", path, error),
    })
}

/// The folder that holds `path`, made with those above it where they are missing. Each is durable before the
/// next.
pub(super) fn make(root: &Root, path: &RelPath) -> Result<Dir, MountError> {
    let parent = path.parent();
    let failed = |error: io::Error| fault("make the folders of", path.as_str(), error);
    match root.resolve(parent) {
        Ok(folder) => return Ok(folder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let mut above = root.resolve("").map_err(failed)?;
    let ends = parent.match_indices('/').map(|(end, _)| end).chain([parent.len()]);
    for prefix in ends.map(|end| &parent[..end]) {
        above = match root.resolve(prefix) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_one(root, &above, prefix)?,
            Err(error) => return Err(failed(error)),
        };
    }
    Ok(above)
}

/// Makes the folder at `path` in the one above it.
fn make_one(root: &Root, above: &Dir, path: &str) -> Result<Dir, MountError> {
    let name = path.rsplit('/').next().unwrap_or(path);
    match above.create_dir(name) {
        Ok(()) => sync(above, path)?,
        // Another program was faster, or a link stands there that leads nowhere.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(fault("make", path, error)),
    }
    root.resolve(path).map_err(|error| match error.kind() {
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
    root: &Root,
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
fn enter(root: &Root, path: &RelPath) -> Result<OwnedFd, MountError> {
    let failed = |error| fault("list", path.as_str(), error);
    if path.is_root() {
        return readable(&root.dir, ".").map_err(failed);
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
