//! Mounts must not reach the host's own directories.

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why a directory must not be mounted.
#[derive(Debug, thiserror::Error)]
pub enum OverlapError {
    /// The mount holds one of the host's own directories.
    #[error(
        "cannot mount {}: it contains the host's {what} directory {}; mount a folder beside it",
        mount.display(),
        private.display()
    )]
    Contains {
        /// The mount.
        mount: PathBuf,
        /// Such as `state`.
        what: String,
        /// The host's own directory.
        private: PathBuf,
    },
    /// The mount is, or lies within, one of the host's own directories.
    #[error(
        "cannot mount {}: it lies inside the host's {what} directory {}; mount a folder elsewhere",
        mount.display(),
        private.display()
    )]
    Inside {
        /// The mount.
        mount: PathBuf,
        /// Such as `state`.
        what: String,
        /// The host's own directory.
        private: PathBuf,
    },
    /// A directory could not be looked at.
    #[error("cannot mount {}: cannot look at {}: {source}", mount.display(), path.display())]
    Failed {
        /// The mount.
        mount: PathBuf,
        /// What could not be looked at.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Refuses a mount that contains, is, or lies inside one of the `private` directories (what it is for, its
/// path), which need not exist yet.
///
/// Directories are compared as the system identifies them, so that links and bind mounts do not hide one.
///
/// # Errors
/// Naming the mount and the private directory.
pub fn check(mount: &Path, private: &[(&str, &Path)]) -> Result<(), OverlapError> {
    let failed =
        |path: &Path, source| OverlapError::Failed { mount: mount.to_owned(), path: path.to_owned(), source };
    let line = line(mount).map_err(|source| failed(mount, source))?;
    let Some(own) = line.first() else {
        return Err(failed(mount, io::Error::from(io::ErrorKind::NotFound)));
    };
    let above: HashSet<&Identity> = line.iter().collect();
    for (what, path) in private {
        let theirs = existing(path).map_err(|source| failed(path, source))?;
        let (what, private, mount) = ((*what).to_owned(), (*path).to_owned(), mount.to_owned());
        if theirs.exists && theirs.line.first().is_some_and(|identity| above.contains(identity)) {
            return Err(OverlapError::Inside { mount, what, private });
        }
        if theirs.line.contains(own) {
            return Err(OverlapError::Contains { mount, what, private });
        }
    }
    Ok(())
}

/// How the system tells one directory from another: device and inode.
type Identity = (u64, u64);

/// A directory and all above it, itself first.
fn line(path: &Path) -> io::Result<Vec<Identity>> {
    let path = path.canonicalize()?;
    path.ancestors().map(|path| path.metadata().map(|facts| (facts.dev(), facts.ino()))).collect()
}

struct Existing {
    exists: bool,
    line: Vec<Identity>,
}

/// The line of a directory, or of the nearest one above it that exists: there it would be made.
fn existing(path: &Path) -> io::Result<Existing> {
    let absolute = std::path::absolute(path)?;
    for (steps, path) in absolute.ancestors().enumerate() {
        match line(path) {
            Ok(line) => return Ok(Existing { exists: steps == 0, line }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Existing { exists: false, line: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::create_dir_all;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_mount_beside_the_private_directories_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        create_dir_all(at("state")).unwrap();
        create_dir_all(at("site")).unwrap();
        create_dir_all(at("state-2")).unwrap();
        let (state, keys) = (at("state"), at("not/yet"));
        let private = [("state", state.as_path()), ("config", keys.as_path())];
        check(&at("site"), &private).unwrap();
        check(&at("state-2"), &private).unwrap();
    }

    #[test]
    fn overlaps_are_refused_and_both_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        create_dir_all(at("home/state/inner")).unwrap();
        symlink(at("home"), at("link")).unwrap();
        let state = at("home/state");
        let private = [("state", state.as_path())];
        for mount in ["home", "link", "", "home/state/../../home"] {
            let error = check(&at(mount), &private).unwrap_err();
            assert!(matches!(error, OverlapError::Contains { .. }), "{mount}: {error}");
            let text = error.to_string();
            assert!(text.contains(state.to_str().unwrap()) && text.contains("state directory"), "{text}");
            assert!(text.contains(at(mount).to_str().unwrap()), "{text}");
        }
        for mount in ["home/state", "home/state/inner", "link/state/inner"] {
            let error = check(&at(mount), &private).unwrap_err();
            assert!(matches!(error, OverlapError::Inside { .. }), "{mount}: {error}");
        }
        assert!(matches!(check(Path::new("/"), &private), Err(OverlapError::Contains { .. })));
    }

    #[test]
    fn a_private_directory_counts_before_it_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("config/keys");
        let error = check(dir.path(), &[("config", keys.as_path())]).unwrap_err();
        assert!(matches!(error, OverlapError::Contains { .. }), "{error}");
    }

    #[test]
    fn a_missing_mount_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let error = check(&dir.path().join("nothing"), &[]).unwrap_err();
        assert!(matches!(error, OverlapError::Failed { .. }), "{error}");
    }
}
