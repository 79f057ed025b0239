//! Looks at an overlay's base: what is asked, and what was seen.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{Base, above};
use crate::kernel::answer::Error;
use crate::kernel::mount;
use crate::kernel::path::RelPath;
use crate::kernel::ports::{Listed, Mount, MountError};
use crate::limits::LISTED;

/// What is asked of a base.
#[derive(Clone, Debug)]
pub(in crate::kernel) enum Ask {
    /// The names in a folder.
    Names {
        folder: RelPath,
        after: Option<Box<str>>,
        /// As many as this, if there are.
        want: usize,
    },
    /// What is at these paths.
    Paths {
        at: Vec<RelPath>,
        /// Of this one, the content too.
        take: Option<RelPath>,
        /// Names that do not count when a folder is said to be bare.
        gone: BTreeSet<String>,
    },
}

/// What was seen.
#[derive(Debug)]
pub(in crate::kernel) enum Found {
    /// As many names as were wanted, or all that there are.
    Names { list: Result<Vec<Listed>, Error>, want: usize },
    /// By path.
    Paths(BTreeMap<String, Result<There, Error>>),
}

/// What is at a path.
#[derive(Debug)]
pub(in crate::kernel) struct There {
    pub base: Base,
    /// Whether a folder holds nothing but what was said not to count.
    pub bare: bool,
    /// Where it was asked for.
    pub content: Option<Bytes>,
}

impl Found {
    /// What was seen at a path.
    pub(super) fn at(&self, path: &RelPath) -> Option<&Result<There, Error>> {
        match self {
            Found::Paths(paths) => paths.get(path.as_str()),
            Found::Names { .. } => None,
        }
    }
}

/// Looks.
pub(in crate::kernel) fn look(port: &dyn Mount, ask: &Ask) -> Found {
    match ask {
        Ask::Names { folder, after, want } => {
            let list = names(port, folder, after.as_deref(), *want).map_err(mount::error);
            Found::Names { list, want: *want }
        }
        Ask::Paths { at, take, gone } => {
            let seen = |path: &RelPath| {
                let there = match take.as_ref() == Some(path) {
                    true => taken(port, path),
                    false => there(port, path, gone),
                };
                (path.as_str().to_owned(), there.map_err(mount::error))
            };
            Found::Paths(at.iter().map(seen).collect())
        }
    }
}

fn names(
    port: &dyn Mount,
    folder: &RelPath,
    after: Option<&str>,
    want: usize,
) -> Result<Vec<Listed>, MountError> {
    let mut all: Vec<Listed> = Vec::new();
    loop {
        let step = (want - all.len()).min(LISTED as usize);
        let after = all.last().map(|last| last.name.as_str()).or(after);
        let part = port.list(folder.as_str(), after, step)?;
        let ended = part.len() < step;
        all.extend(part);
        if ended || all.len() >= want {
            return Ok(all);
        }
    }
}

fn there(port: &dyn Mount, path: &RelPath, gone: &BTreeSet<String>) -> Result<There, MountError> {
    let base = base(port, path)?;
    let bare = match base {
        // One more than do not count is enough to tell.
        Base::Folder => {
            names(port, path, None, gone.len() + 1)?.iter().all(|entry| gone.contains(&entry.name))
        }
        Base::Absent | Base::File { .. } => false,
    };
    Ok(There { base, bare, content: None })
}

fn taken(port: &dyn Mount, path: &RelPath) -> Result<There, MountError> {
    let (base, content) = match port.read(path.as_str(), None) {
        Ok(file) => (Base::File { digest: file.digest, size: file.size }, Some(file.data.into())),
        Err(MountError::NotFound) => (Base::Absent, None),
        Err(error) => return Err(error),
    };
    Ok(There { base, bare: false, content })
}

/// What a base has at a path. What is below a file is not absent: it cannot be.
///
/// # Errors
/// When it cannot be told, or nothing can be there.
pub fn base(port: &dyn Mount, path: &RelPath) -> Result<Base, MountError> {
    match port.stat(path.as_str()) {
        Ok(Listed { directory: true, .. }) => return Ok(Base::Folder),
        Ok(Listed { digest: Some(digest), size, .. }) => return Ok(Base::File { digest, size }),
        Ok(_) => return Err(MountError::Unavailable(format!("`{path}` has no digest"))),
        Err(MountError::NotFound) => {}
        Err(error) => return Err(error),
    }
    for above in above(path.as_str()).rev() {
        match port.stat(above) {
            Ok(Listed { directory: true, .. }) => break,
            Ok(_) | Err(MountError::TooLarge(_)) => {
                return Err(MountError::Invalid(format!("`{above}` is a file, not a folder")));
            }
            Err(MountError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Base::Absent)
}
