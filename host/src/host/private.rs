//! Files of the configuration directory that nobody but their owner may read: written whole, or not at all.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Makes a directory for its owner alone, with those above it.
///
/// # Errors
/// When it cannot be made.
pub fn directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that is not there yet, and its name, to disk; false when there is one.
///
/// # Errors
/// When it cannot be written.
pub fn place(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let (folder, unfinished) = unfinished(path)?;
    // A link does not replace what is there, as renaming would.
    let placed = write(&unfinished, bytes).and_then(|()| fs::hard_link(&unfinished, path));
    fs::remove_file(&unfinished)?;
    match placed {
        Ok(()) => File::open(folder).and_then(|folder| folder.sync_all()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts a file into the place of another, or of none: whoever reads finds the one or the other whole, also after a loss of
/// power.
///
/// # Errors
/// When it cannot be written; then the other one is still there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (folder, unfinished) = unfinished(path)?;
    let written = write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = written {
        // There is nothing to do about one that cannot be removed.
        let _stays = fs::remove_file(&unfinished);
        return Err(error);
    }
    File::open(folder).and_then(|folder| folder.sync_all())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().create_new(true).write(true).mode(0o600).open(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all())
}

/// The folder of a file, and a name in it that nobody else uses.
fn unfinished(path: &Path) -> io::Result<(&Path, PathBuf)> {
    let (folder, name) =
        path.parent().zip(path.file_name()).ok_or(io::Error::from(io::ErrorKind::InvalidFilename))?;
    let name = format!(".{}.{:016x}", name.to_string_lossy(), rand::random::<u64>());
    Ok((folder, folder.join(name)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_file_is_placed_once_and_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        directory(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        let file = folder.join("f");
        assert!(place(&file, b"one").unwrap() && !place(&file, b"two").unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"one");
        replace(&file, b"three").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"three");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert!(place(&dir.path().join("none/f"), b"").is_err());
        assert!(replace(&folder, b"a folder is there").is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing unfinished stays");
    }
}
