//! The host's key: 32 random bytes in a file of its own. It signs every log under the log's own name, its origin, which is
//! also the first line of what is signed, so that no signature of one log passes for another's.
//!
//! The file `host.key` has one line: the form's version and the bytes in base 64.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use audit::{Kind, SignerKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::TryRngCore;
use zeroize::Zeroizing;

use super::error::HostError;
use crate::infer::file::{PrivateError, read_private};

/// The file's name in the configuration directory.
const FILE: &str = "host.key";
/// The form of its line.
const FORM: &str = "aos-host-key@v1 ";
/// The name of the key that signs the operator's own documents.
pub const OPERATOR: &str = "operator";
/// The file: bytes.
const FILE_BYTES: u64 = 128;

/// The host's key. Its bytes are wiped from memory when it is dropped.
pub struct HostKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[key]")
    }
}

impl HostKey {
    /// Reads the key of a configuration directory, and makes one where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or made, or others can read it.
    pub fn own(config: &Path) -> Result<HostKey, HostError> {
        match HostKey::read(config)? {
            Some(key) => Ok(key),
            None => make(config).map_err(|source| HostError::Io { path: config.join(FILE), source })?,
        }
    }

    /// Reads the key of a configuration directory; there may be none yet.
    ///
    /// # Errors
    /// When it cannot be read, or others can read it.
    pub fn read(config: &Path) -> Result<Option<HostKey>, HostError> {
        let path = config.join(FILE);
        let text = match read_private(&path, FILE_BYTES) {
            Ok(text) => text,
            Err(PrivateError::Read(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(PrivateError::Read(source)) => return Err(HostError::Io { path, source }),
            Err(PrivateError::Others) => {
                let message = format!("others can read the host's key: {}", path.display());
                let help = format!("if nobody did: chown it to yourself and chmod 600 {}", path.display());
                return Err(HostError::Usage { message, help: Some(help) });
            }
        };
        match parse(&text) {
            Some(key) => Ok(Some(key)),
            None => Err(HostError::Usage {
                message: format!("{} is not a host's key", path.display()),
                help: Some("bring back the one that the log was signed with".into()),
            }),
        }
    }

    /// The key that signs a log.
    ///
    /// # Errors
    /// When the log's origin cannot be a key's name.
    pub fn of_log(&self, origin: &str) -> Result<SignerKey, HostError> {
        SignerKey::new(origin, Kind::Author, &self.0).map_err(|error| HostError::Usage {
            message: format!("no key can be named as this log is, {origin:?}: {error}"),
            help: Some("see aos-host audit verify".into()),
        })
    }

    /// The key that signs the operator's own documents. They are DSSE, whose signed bytes begin with `DSSEv1`, and a log's with
    /// its origin: no signature over the one passes for the other.
    ///
    /// # Errors
    /// None that is known of.
    pub fn operator(&self) -> Result<SignerKey, HostError> {
        SignerKey::new(OPERATOR, Kind::Author, &self.0).map_err(|error| HostError::Engine(error.to_string()))
    }
}

fn parse(text: &str) -> Option<HostKey> {
    let code = text.strip_suffix('\n').unwrap_or(text).strip_prefix(FORM)?;
    // The decoder asks for room for whole groups of four characters.
    let mut bytes = Zeroizing::new([0; 33]);
    let length = STANDARD.decode_slice(code, &mut *bytes).ok()?;
    let seed = bytes.first_chunk::<32>()?;
    (length == seed.len()).then(|| HostKey(Zeroizing::new(*seed)))
}

/// Makes a key, unless another host has just done so: then that one is read.
fn make(config: &Path) -> io::Result<Result<HostKey, HostError>> {
    DirBuilder::new().recursive(true).mode(0o700).create(config)?;
    let mut seed = Zeroizing::new([0; 32]);
    rand::rngs::OsRng.try_fill_bytes(&mut *seed).map_err(io::Error::other)?;
    let line = Zeroizing::new(format!("{FORM}{}\n", *Zeroizing::new(STANDARD.encode(*seed))));
    let unfinished = config.join(format!(".{FILE}.{:016x}", rand::random::<u64>()));
    let mut file = File::options().create_new(true).write(true).mode(0o600).open(&unfinished)?;
    let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_all());
    // A link does not replace what is there, as renaming would.
    let placed = written.and_then(|()| fs::hard_link(&unfinished, config.join(FILE)));
    fs::remove_file(&unfinished)?;
    match placed {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let gone = || HostError::Io { path: config.join(FILE), source: io::ErrorKind::NotFound.into() };
            return Ok(HostKey::read(config).and_then(|key| key.ok_or_else(gone)));
        }
        Err(error) => return Err(error),
    }
    File::open(config).and_then(|folder| folder.sync_all())?;
    Ok(Ok(HostKey(seed)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("a/config");
        assert!(HostKey::read(&config).unwrap().is_none());
        let key = HostKey::own(&config).unwrap();
        let again = HostKey::own(&config).unwrap();
        let public = |key: &HostKey| key.of_log("aos-host/1").unwrap().public().to_string();
        assert_eq!(public(&key), public(&again));
        assert!(public(&key).starts_with("aos-host/1+"));
        assert_ne!(
            key.of_log("aos-host/2").unwrap().public().id(),
            key.of_log("aos-host/1").unwrap().public().id()
        );
        let file = config.join(FILE);
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&config).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&config).unwrap().count(), 1, "nothing unfinished stays");
        assert_eq!(format!("{key:?}"), "[key]");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let error = HostKey::own(&config).unwrap_err().to_string();
        assert!(error.contains("others can read the host's key"), "{error}");
    }

    #[test]
    fn what_is_no_key_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        HostKey::own(dir.path()).unwrap();
        let good = fs::read_to_string(&file).unwrap();
        for bad in
            ["", "\n", "aos-host-key@v1 \n", &good.replace("v1", "v2"), &good[..40], &format!("{good}x")]
        {
            fs::write(&file, bad).unwrap();
            assert!(HostKey::own(dir.path()).is_err(), "{bad:?}");
            assert_eq!(fs::read_to_string(&file).unwrap(), bad);
        }
    }

    #[test]
    fn hosts_that_start_together_have_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let keys: Vec<String> = std::thread::scope(|scope| {
            let own = || HostKey::own(dir.path()).map(|key| key.of_log("x").unwrap().public().to_string());
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(own)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    }
}
