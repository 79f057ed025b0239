//! Files in granted mounts. A mount is a label, not a location; the operator says where it is.
//!
//! ```no_run
//! # use aos_guest::{mount::Mount, Failure};
//! # fn copy() -> Result<(), Failure> {
//! let notes = Mount::open("notes")?;
//! for entry in notes.list("")? {
//!     Mount::scratch().write(&entry.name, notes.read(&entry.name)?)?;
//! }
//! # Ok(())
//! # }
//! ```

use crate::bindings::aos::host::mount as wit;
pub use crate::bindings::aos::host::mount::{Condition, Content, Entry, Kind, Range};
use crate::error::{Error, Failure};

/// The longest name of a mount, in bytes.
const NAME_LIMIT: usize = 128;
/// The most entries that the interface answers at once.
const LIST_LIMIT: u32 = 1_000;

/// A mount, by its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    name: String,
}

impl Mount {
    /// The mount of this name. It asks nothing of the host: whether it may be used shows at its use.
    /// Errors: `Invalid` when the name is empty or longer than 128 bytes.
    pub fn open(name: &str) -> Result<Mount, Error> {
        if name.is_empty() || name.len() > NAME_LIMIT {
            return Err(Error::Invalid(format!("a mount's name has 1 to {NAME_LIMIT} bytes")));
        }
        Ok(Mount { name: name.to_owned() })
    }

    /// The process's own mount; it takes no capability.
    pub fn scratch() -> Mount {
        Mount { name: "scratch".to_owned() }
    }

    /// Its label.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A file's bytes.
    /// Capability: `read` with the mount. Limits: 16 MiB.
    /// Errors: `Denied`, `NotFound`, `Invalid` (mend the path), `TooLarge`, `Unavailable` (the disk failed),
    /// `Exhausted`.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        Ok(self.content(path)?.data)
    }

    /// A file's text. Errors as [`Mount::read`], and `Invalid` when it is not UTF-8.
    pub fn read_text(&self, path: &str) -> Result<String, Error> {
        String::from_utf8(self.read(path)?).map_err(|_| Error::Invalid(format!("{path} is not UTF-8")))
    }

    /// The text files of the mount itself whose names end in `end` (`.md`): name and text, in the order of their names.
    /// Errors: a failure that says which file and why, as [`Mount::list`] and [`Mount::read_text`]; or when there are
    /// none, or more than `most`.
    pub fn texts(&self, end: &str, most: usize) -> Result<Vec<(String, String)>, Failure> {
        let names = self.names(end, most)?;
        let text = |name: String| match self.read_text(&name) {
            Ok(text) => Ok((name, text)),
            Err(error) => Err(Failure::of(&format!("reading {name}"), error)),
        };
        names.into_iter().map(text).collect()
    }

    /// The names of those files. Errors as [`Mount::texts`].
    pub fn names(&self, end: &str, most: usize) -> Result<Vec<String>, Failure> {
        let entries = self.list("").map_err(|error| Failure::of(&format!("listing {}", self.name), error))?;
        let files = entries.into_iter().filter(|entry| entry.kind == Kind::File && entry.name.ends_with(end));
        let names: Vec<String> = files.map(|entry| entry.name).collect();
        match names.len() {
            0 => Err(format!("mount {} holds no {end} file", self.name).into()),
            many if many > most => {
                Err(format!("mount {} holds {many} {end} files; at most {most} are taken", self.name).into())
            }
            _ => Ok(names),
        }
    }

    /// A file's bytes with its digest, as a later [`Condition::DigestIs`] wants it. Errors as [`Mount::read`].
    pub fn content(&self, path: &str) -> Result<Content, Error> {
        Ok(wit::read(&self.name, path, None)?)
    }

    /// A part of a file, short at its end, with the digest of the whole. Errors as [`Mount::read`].
    pub fn read_range(&self, path: &str, offset: u64, length: u64) -> Result<Content, Error> {
        Ok(wit::read(&self.name, path, Some(Range { offset, length }))?)
    }

    /// Replaces a file whole, whatever is there, and answers its new digest. Missing folders are made.
    /// Capability: `write` with the mount. Limits: 16 MiB.
    /// Errors: `Denied`, `Invalid` (mend the path), `TooLarge` (split it), `Unavailable` (the disk failed or is
    /// full), `UnknownOutcome` (look before repeating it), `Exhausted`.
    pub fn write(&self, path: &str, data: impl AsRef<[u8]>) -> Result<String, Error> {
        self.write_if(path, data, Condition::Any)
    }

    /// Replaces a file whole if the condition holds, and answers its new digest. Errors as [`Mount::write`], and
    /// `Conflict` (read again) and `Stale` (the lease is lost).
    pub fn write_if(
        &self,
        path: &str,
        data: impl AsRef<[u8]>,
        condition: Condition,
    ) -> Result<String, Error> {
        Ok(wit::write(&self.name, path, data.as_ref(), &condition)?)
    }

    /// All entries of a folder, sorted by their bytes, one call for each 1,000; the empty path is the mount.
    /// Capability: `read` with the mount.
    /// Errors: `Denied`, `NotFound`, `Invalid` (mend the path), `TooLarge` (over 100,000 entries),
    /// `Unavailable` (the disk failed), `Exhausted`.
    pub fn list(&self, path: &str) -> Result<Vec<Entry>, Error> {
        let mut all = self.list_after(path, None, LIST_LIMIT)?;
        let mut page = all.len();
        while page >= LIST_LIMIT as usize {
            let next = self.list_after(path, all.last().map(|entry| entry.name.as_str()), LIST_LIMIT)?;
            page = next.len();
            all.extend(next);
        }
        Ok(all)
    }

    /// At most `limit` entries of a folder after a name. Errors as [`Mount::list`].
    pub fn list_after(&self, path: &str, after: Option<&str>, limit: u32) -> Result<Vec<Entry>, Error> {
        Ok(wit::list(&self.name, path, after, limit)?)
    }

    /// One entry, with the digest of a file. Capability and errors as [`Mount::read`].
    pub fn stat(&self, path: &str) -> Result<Entry, Error> {
        Ok(wit::stat(&self.name, path)?)
    }

    /// Removes a file, or an empty folder.
    /// Capability: `write` with the mount.
    /// Errors: `Denied`, `NotFound`, `Conflict` (the folder is not empty), `Invalid` (mend the path),
    /// `Unavailable`, `UnknownOutcome` (look), `Exhausted`.
    pub fn remove(&self, path: &str) -> Result<(), Error> {
        self.remove_if(path, Condition::Any)
    }

    /// Removes a file if the condition holds. Errors as [`Mount::remove`], and `Stale`.
    pub fn remove_if(&self, path: &str, condition: Condition) -> Result<(), Error> {
        Ok(wit::remove(&self.name, path, &condition)?)
    }

    /// Renames a file within the mount, replacing the target. Errors as [`Mount::remove`].
    pub fn rename(&self, source: &str, target: &str) -> Result<(), Error> {
        self.rename_if(source, target, Condition::Any)
    }

    /// Renames a file if the condition holds for the target. Errors as [`Mount::remove`], and `Stale`.
    pub fn rename_if(&self, source: &str, target: &str, condition: Condition) -> Result<(), Error> {
        Ok(wit::rename(&self.name, source, target, &condition)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_has_a_name() {
        assert!(matches!(Mount::open(""), Err(Error::Invalid(_))));
        assert!(matches!(Mount::open(&"x".repeat(129)), Err(Error::Invalid(_))));
        assert_eq!(Mount::open("site").map(|mount| mount.name().to_owned()), Ok("site".into()));
        assert_eq!(Mount::scratch().name(), "scratch");
    }
}
