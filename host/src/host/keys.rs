//! The keys that this user signs packages and grants with: `keys/NAME.key` in the configuration directory, each for its owner
//! alone, with one line: the form's version and 32 random bytes in base 64.

use std::path::{Path, PathBuf};

use audit::{SignerKey, VerifierKey};
use authority::signed::trust::check_name;
use authority::signed::{Document, Rotation, seal};

use super::error::HostError;
use super::private;
use super::seed::{Form, Seed};
use super::trust::now;

/// The folder in the configuration directory.
const FOLDER: &str = "keys";
/// The ending of a key's file.
const ENDING: &str = "key";
/// Keys in the folder at most.
const KEYS_LIMIT: usize = 256;

const FORM: Form = Form {
    line: "aos-signing-key@v1 ",
    name: "a private key of aos-host's",
    mend: "bring it back from a backup; without it, make another: aos-host key new NAME",
};

fn path(config: &Path, name: &str) -> Result<PathBuf, HostError> {
    check_name(name).map_err(|error| HostError::Usage { message: error.to_string(), help: None })?;
    Ok(config.join(FOLDER).join(format!("{name}.{ENDING}")))
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> HostError + '_ {
    |source| HostError::Io { path: path.to_owned(), source }
}

fn named(seed: &Seed, name: &str) -> Result<SignerKey, HostError> {
    seed.signer(name).map_err(|error| HostError::Usage { message: error.to_string(), help: None })
}

/// Makes a key; answers its public half.
///
/// # Errors
/// When the name cannot be one or is taken, there are too many, or it cannot be written.
pub fn make(config: &Path, name: &str) -> Result<VerifierKey, HostError> {
    let path = path(config, name)?;
    if names(config)?.len() >= KEYS_LIMIT {
        let message = format!("there are {KEYS_LIMIT} keys in {}", config.join(FOLDER).display());
        return Err(HostError::Usage {
            message,
            help: Some("remove one that signs nothing any more".into()),
        });
    }
    private::directory(&config.join(FOLDER)).map_err(io(&path))?;
    let seed = Seed::draw().map_err(io(&path))?;
    match seed.place(&path, FORM).map_err(io(&path))? {
        true => Ok(named(&seed, name)?.public().clone()),
        false => Err(HostError::Usage {
            message: format!("there is a key {name:?} already: {}", path.display()),
            help: Some(format!("to put another one into its place: aos-host key rotate {name}")),
        }),
    }
}

/// Reads a key.
///
/// # Errors
/// When there is none of the name, or others can read it.
pub fn read(config: &Path, name: &str) -> Result<SignerKey, HostError> {
    let path = path(config, name)?;
    match Seed::read(&path, FORM)? {
        Some(seed) => named(&seed, name),
        None => Err(HostError::Usage {
            message: format!("there is no key {name:?}"),
            help: Some(format!(
                "aos-host key list shows those that there are; aos-host key new {name} makes it"
            )),
        }),
    }
}

/// The public halves of all keys, by name.
///
/// # Errors
/// When one cannot be read.
pub fn list(config: &Path) -> Result<Vec<VerifierKey>, HostError> {
    names(config)?.iter().map(|name| Ok(read(config, name)?.public().clone())).collect()
}

/// A key that took another's place.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The one that went; its private half is gone.
    pub old: VerifierKey,
    /// The one that came.
    pub new: VerifierKey,
}

/// Puts a new key into a key's place. `keep` is given what says so, signed by the old key, and has it on disk before the old key
/// goes.
///
/// # Errors
/// When there is no such key, or something cannot be written; then the old key is still there.
pub fn rotate<E: From<HostError>>(
    config: &Path,
    name: &str,
    keep: impl FnOnce(&[u8]) -> Result<(), E>,
) -> Result<Rotated, E> {
    let path = path(config, name)?;
    let old = read(config, name)?;
    let seed = Seed::draw().map_err(io(&path))?;
    let new = named(&seed, name)?.public().clone();
    let rotation = Rotation::new(old.public(), &new, now());
    keep(&seal(Document::Rotation, &rotation.encode(), &old))?;
    seed.replace(&path, FORM).map_err(io(&path))?;
    Ok(Rotated { old: old.public().clone(), new })
}

/// The names that there are, sorted. Files of other endings, such as unfinished ones, are none.
fn names(config: &Path) -> Result<Vec<String>, HostError> {
    let folder = config.join(FOLDER);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(HostError::Io { path: folder, source }),
    };
    let mut names = Vec::new();
    for entry in entries.take(KEYS_LIMIT * 2) {
        let file = entry.map_err(io(&folder))?.file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(ENDING)?.strip_suffix('.'));
        names.extend(name.filter(|name| check_name(name).is_ok()).map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_by_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("config");
        assert!(list(&config).unwrap().is_empty());
        let acme = make(&config, "acme").unwrap();
        assert!(make(&config, "acme").unwrap_err().to_string().contains("already"));
        assert_eq!(read(&config, "acme").unwrap().public(), &acme);
        let other = make(&config, "other").unwrap();
        assert_eq!(list(&config).unwrap(), [acme, other]);
        let file = config.join("keys/acme.key");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(config.join("keys")).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read(&config, "acme").unwrap_err().to_string().contains("others can read"));
        for bad in ["", "../x", "operator", "A", "a+b", "a.b"] {
            assert!(make(&config, bad).is_err() && read(&config, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_key_is_told() {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), "acme").unwrap();
        let file = dir.path().join("keys/acme.key");
        let good = fs::read_to_string(&file).unwrap();
        for bad in ["", &good[..30], &good.replace("signing", "host"), &format!("{good}x")] {
            fs::write(&file, bad).unwrap();
            assert!(read(dir.path(), "acme").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_goes_only_when_what_says_so_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let old = make(dir.path(), "acme").unwrap();
        let refused = || HostError::Engine("full".into());
        assert!(rotate(dir.path(), "acme", |_| Err(refused())).is_err());
        assert_eq!(read(dir.path(), "acme").unwrap().public(), &old);
        let mut kept = Vec::new();
        let rotated = rotate(dir.path(), "acme", |bytes| {
            kept = bytes.to_vec();
            Ok::<_, HostError>(())
        });
        let rotated = rotated.unwrap();
        assert_eq!((&rotated.old, &rotated.new), (&old, read(dir.path(), "acme").unwrap().public()));
        let opened = authority::signed::open(Document::Rotation, &kept, |_| Some(old.clone())).unwrap();
        assert_eq!(Rotation::read(&opened).unwrap().to(), &rotated.new);
    }
}
