//! What went wrong, and what would fix it.

use std::fmt;
use std::io;
use std::path::Path;

/// A failure for a person: what happened, and what to do about it.
#[derive(Debug)]
pub struct Error {
    what: String,
    fix: String,
}

impl Error {
    /// A failure and its remedy.
    pub fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }

    /// An operating system's failure on a path.
    pub fn on(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(
            format!("{doing} {}: {error}", path.display()),
            "check that it is there and yours, and the disk's room",
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}\n  fix: {}", self.what, self.fix)
    }
}

impl std::error::Error for Error {}
