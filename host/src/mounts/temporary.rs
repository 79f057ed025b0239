//! Files that are being written, before they get their name.

use std::fs::File;
use std::io::{self, Write};

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, Mode, OFlags, fchmod, openat, unlinkat};

use crate::kernel::path::{PREFIX, SUFFIX};

/// What a new file's permissions are, before the process's mask.
const NEW: u32 = 0o644;
/// Of a replaced file's mode, what its successor keeps: permissions, but not set-user-id and the like.
const KEPT: u32 = 0o777;

/// A file beside its target, removed when dropped unless it was given its name.
pub(super) struct Temporary<'a> {
    folder: &'a Dir,
    name: String,
    kept: bool,
}

impl<'a> Temporary<'a> {
    /// Writes `data` to a new file in `folder` and makes it durable. A file that will replace another takes
    /// over its permissions: a private file must not become readable to all by being written.
    pub(super) fn write(folder: &'a Dir, data: &[u8], replaced: Option<u32>) -> io::Result<Temporary<'a>> {
        let name = format!("{PREFIX}{:016x}{SUFFIX}", rand::random::<u64>());
        let mode = Mode::from_raw_mode(replaced.map_or(NEW, |mode| mode & KEPT));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(folder, name.as_str(), flags, mode)?);
        let temporary = Temporary { folder, name, kept: false };
        if replaced.is_some() {
            fchmod(&file, mode)?;
        }
        file.write_all(data)?;
        file.sync_all()?;
        Ok(temporary)
    }

    /// The name it has now.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// It was renamed: nothing is left to remove.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing can be done about a failure here; the name is hidden from guests either way.
            let _ = unlinkat(self.folder, self.name.as_str(), AtFlags::empty());
        }
    }
}
