//! Files that a command writes: under a name of their own until they are whole and on disk.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::out::Out;

/// Where a command writes to: a file that replaces another of its name only when it is whole, or standard output.
pub enum Written<'a> {
    /// Standard output.
    Shown(&'a mut Out),
    /// A file.
    Filed(Unfinished),
}

/// A file that has another name yet. It is removed unless it is finished.
pub struct Unfinished {
    to: BufWriter<File>,
    now: PathBuf,
    path: PathBuf,
    finished: bool,
}

impl<'a> Written<'a> {
    /// A file, or standard output for none.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn new(path: Option<&Path>, out: &'a mut Out) -> Result<Written<'a>, Failure> {
        let Some(path) = path else { return Ok(Written::Shown(out)) };
        Ok(Written::Filed(Unfinished::new(path).map_err(|error| Failure::file("write", path, &error))?))
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Written::Shown(out) => out.bytes(bytes),
            Written::Filed(file) => {
                let written = file.to.write_all(bytes);
                written.map_err(|error| Failure::file("write", &file.path, &error))
            }
        }
    }

    /// Gives a file its name, once it is on disk; answers that name.
    ///
    /// # Errors
    /// When it cannot be written or named.
    pub fn finish(self) -> Result<Option<PathBuf>, Failure> {
        match self {
            Written::Shown(_) => Ok(None),
            Written::Filed(mut file) => {
                file.finish().map_err(|error| Failure::file("write", &file.path, &error))?;
                Ok(Some(file.path.clone()))
            }
        }
    }
}

impl Unfinished {
    fn new(path: &Path) -> io::Result<Unfinished> {
        let now = beside(path)?;
        let to = BufWriter::new(File::options().write(true).create_new(true).open(&now)?);
        Ok(Unfinished { to, now, path: path.to_owned(), finished: false })
    }

    fn finish(&mut self) -> io::Result<()> {
        self.to.flush()?;
        self.to.get_ref().sync_all()?;
        // What is no file, such as a pipe or a device, is written as it is.
        let special = fs::metadata(&self.path).is_ok_and(|found| !found.is_file());
        if special {
            return fs::copy(&self.now, &self.path).map(drop);
        }
        fs::rename(&self.now, &self.path)?;
        self.finished = true;
        folder(&self.path).and_then(|folder| File::open(folder)?.sync_all())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished {
            // There is nothing to do about one that cannot be removed.
            let _stays = fs::remove_file(&self.now);
        }
    }
}

/// A name in the same folder that nobody else uses.
///
/// # Errors
/// When the path names no file.
pub fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    Ok(folder(path)?.join(format!(".{}.{:016x}", name.to_string_lossy(), rand::random::<u64>())))
}

fn folder(path: &Path) -> io::Result<&Path> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidFilename)?;
    Ok(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}
