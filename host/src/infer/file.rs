//! The operator's files in TOML: scripts, `models.toml`, `prices.toml`. Read up to a limit, and every mistake is told
//! with its line and column.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// Access of anyone but the owner, in a file's mode.
const OTHERS: u32 = 0o077;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It could not be read.
    #[error("cannot read the {what} {}: {source}; check that it exists and is readable text", path.display())]
    Read {
        /// What kind of file it is.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// More bytes than its limit.
    #[error("{name}: the {what} is larger than {limit} bytes; split it")]
    TooLarge {
        /// What kind of file it is.
        what: &'static str,
        /// Its name.
        name: String,
        /// In bytes.
        limit: u64,
    },
    /// It is no TOML, or not what it should be.
    #[error("{name}:{line}:{column}: {message}")]
    Wrong {
        /// Its name.
        name: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong, and what would be right.
        message: String,
    },
}

/// Reads a file; one byte more than `limit` is enough to refuse it later.
pub(crate) fn read(what: &'static str, path: &Path, limit: u64) -> Result<String, FileError> {
    let failed = |source| FileError::Read { what, path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limit + 1).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Why a file with a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is not the user's own, or others can read it.
    #[error("others can read it")]
    Others,
}

/// Reads a file that only its owner may read, up to a limit; what was read is wiped from memory when it is dropped.
///
/// # Errors
/// When it cannot be read, or others can read it.
pub fn read_private(path: &Path, limit: u64) -> Result<Zeroizing<String>, PrivateError> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    if found.mode() & OTHERS != 0 || found.uid() != rustix::process::geteuid().as_raw() {
        return Err(PrivateError::Others);
    }
    // As large as it can be: growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(limit).unwrap_or(0)));
    file.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

/// A file's text.
pub(crate) struct Text<'a> {
    /// What kind of file it is.
    pub what: &'static str,
    /// Its name, for messages.
    pub name: &'a str,
    /// All of it.
    pub text: &'a str,
}

impl Text<'_> {
    /// Its contents; unknown keys and wrong types are errors where they stand.
    pub(crate) fn parse<T: DeserializeOwned>(&self, limit: u64) -> Result<T, FileError> {
        if self.text.len() as u64 > limit {
            return Err(FileError::TooLarge { what: self.what, name: self.name.to_owned(), limit });
        }
        toml::from_str(self.text).map_err(|error| self.wrong(error.span(), error.message()))
    }

    /// A mistake at a place; at the beginning, when it is of the whole file.
    pub(crate) fn wrong(&self, span: Option<Range<usize>>, message: &str) -> FileError {
        let (line, column) = position(self.text, span.map_or(0, |span| span.start));
        FileError::Wrong { name: self.name.to_owned(), line, column, message: message.to_owned() }
    }
}

/// Line and column of a byte, both from 1; the column counts characters.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(byte)];
    let begin = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[begin..].chars().count() + 1)
}
