//! The host's key: 32 random bytes in a file of its own. It signs every log under the log's own name, its origin, which is
//! also the first line of what is signed, so that no signature of one log passes for another's. As `operator` it signs what
//! the operator of this machine says, in documents whose first bytes no log can have.
//!
//! The file `host.key` has one line: the form's version and the bytes in base 64.

use std::io;
use std::path::Path;

use audit::SignerKey;
use authority::signed::trust::OPERATOR;

use super::error::HostError;
use super::private;
use super::seed::{Form, Seed};

/// The file's name in the configuration directory.
const FILE: &str = "host.key";
const FORM: Form = Form {
    line: "aos-host-key@v1 ",
    name: "the host's key",
    mend: "bring back the one that the log was signed with",
};

/// The host's key. Its bytes are wiped from memory when it is dropped.
pub struct HostKey(Seed);

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
        Ok(Seed::read(&config.join(FILE), FORM)?.map(HostKey))
    }

    /// The key that signs a log.
    ///
    /// # Errors
    /// When the log's origin cannot be a key's name.
    pub fn of_log(&self, origin: &str) -> Result<SignerKey, HostError> {
        self.0.signer(origin).map_err(|error| HostError::Usage {
            message: format!("no key can be named as this log is, {origin:?}: {error}"),
            help: Some("see aos-host audit verify".into()),
        })
    }

    /// The key that signs what the operator of this machine says.
    ///
    /// # Errors
    /// None: the name is one.
    pub fn operator(&self) -> Result<SignerKey, HostError> {
        self.0.signer(OPERATOR).map_err(|error| HostError::Engine(error.to_string()))
    }
}

/// Makes a key, unless another host has just done so: then that one is read.
fn make(config: &Path) -> io::Result<Result<HostKey, HostError>> {
    private::directory(config)?;
    let seed = Seed::draw()?;
    if seed.place(&config.join(FILE), FORM)? {
        return Ok(Ok(HostKey(seed)));
    }
    let gone = || HostError::Io { path: config.join(FILE), source: io::ErrorKind::NotFound.into() };
    Ok(HostKey::read(config).and_then(|key| key.ok_or_else(gone)))
}

#[cfg(test)]
mod tests {
    use std::fs;
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
