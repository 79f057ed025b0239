//! A witness's key: made at its first start, in a file of its own that only its owner can read.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use audit::key::KEY_BYTES;
use audit::{Kind, SignerKey};
use rand::TryRngCore;
use zeroize::Zeroizing;

use super::{WitnessError, io_at};

/// The file's name.
const FILE: &str = "witness.key";
/// What the name of a key that was given none begins with.
const NAME: &str = "aos-witness/";
/// Access of anyone but the owner, in a file's mode.
const OTHERS: u32 = 0o077;

/// Reads the key of a directory, and makes one where there is none, with this name or one that no other has.
///
/// # Errors
/// When it cannot be read or made, others can read it, or it is of another name.
pub fn own(dir: &Path, name: Option<&str>) -> Result<SignerKey, WitnessError> {
    let path = dir.join(FILE);
    match File::open(&path) {
        Ok(file) => {
            let bad = || WitnessError::Key { path: path.clone() };
            let found = file.metadata().map_err(io_at(&path))?;
            if found.mode() & OTHERS != 0 || found.uid() != rustix::process::geteuid().as_raw() {
                return Err(bad());
            }
            let mut text = Zeroizing::new(String::with_capacity(KEY_BYTES * 2));
            file.take(KEY_BYTES as u64 * 2).read_to_string(&mut text).map_err(io_at(&path))?;
            let key = SignerKey::parse(text.trim_end()).map_err(|_| bad())?;
            let fits = name.is_none_or(|name| name == key.public().name());
            if key.public().kind() == Kind::Witness && fits { Ok(key) } else { Err(bad()) }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make(dir, &path, name),
        Err(error) => Err(io_at(&path)(error)),
    }
}

fn make(dir: &Path, path: &Path, name: Option<&str>) -> Result<SignerKey, WitnessError> {
    let mut seed = Zeroizing::new([0; 32]);
    let drawn = rand::rngs::OsRng.try_fill_bytes(&mut *seed).map_err(std::io::Error::other);
    drawn.map_err(io_at(path))?;
    let random = || format!("{NAME}{:032x}", rand::random::<u128>());
    let name = name.map_or_else(random, str::to_owned);
    let key = SignerKey::new(&name, Kind::Witness, &seed)
        .map_err(|error| io_at(path)(std::io::Error::new(ErrorKind::InvalidInput, error.to_string())))?;
    let secret = Zeroizing::new(key.secret() + "\n");
    let unfinished = dir.join(".witness.key");
    // One that a witness left behind that was killed.
    let _none = std::fs::remove_file(&unfinished);
    let written = File::options().create_new(true).write(true).mode(0o600).open(&unfinished);
    written
        .and_then(|mut file| file.write_all(secret.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&unfinished, path))
        .and_then(|()| File::open(dir)?.sync_all())
        .map_err(io_at(path))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, metadata, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let made = own(dir.path(), None).unwrap().public().to_string();
        assert!(made.starts_with(NAME), "{made}");
        assert_eq!(own(dir.path(), None).unwrap().public().to_string(), made);
        assert!(matches!(own(dir.path(), Some("other")), Err(WitnessError::Key { .. })));
        let path = dir.path().join(FILE);
        assert_eq!(metadata(&path).unwrap().mode() & 0o777, 0o600);
        set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(own(dir.path(), None), Err(WitnessError::Key { .. })));
    }

    #[test]
    fn what_is_no_key_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        assert!(own(dir.path(), Some("a b")).is_err(), "no name");
        let author = SignerKey::new("w", Kind::Author, &[1; 32]).unwrap().secret();
        for text in ["", "PRIVATE+KEY+w+00000000+AAAA", &author] {
            write(dir.path().join(FILE), text).unwrap();
            set_permissions(dir.path().join(FILE), Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(own(dir.path(), None), Err(WitnessError::Key { .. })), "{text}");
        }
    }
}
