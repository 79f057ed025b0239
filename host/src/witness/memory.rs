//! What a witness has seen: of each log the newest checkpoint that it signed, in a file of its own, as the log signed it. A
//! file is replaced as a whole and is on disk before anybody is told.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use audit::note::NOTE_BYTES;
use audit::{Checkpoint, Digest, Hash, Note, empty_root};

use super::{WitnessError, io_at};

/// The file whose lock says who uses the directory.
const LOCK: &str = "lock";
/// Where the checkpoints are.
const SEEN: &str = "seen";

/// What was seen of a log: its size and root.
pub type Seen = (u64, Hash);

/// See the module.
#[derive(Debug)]
pub struct Memory {
    seen: PathBuf,
    _lock: File,
}

impl Memory {
    /// Takes a directory, making it if need be.
    ///
    /// # Errors
    /// When it cannot be made, or another witness has it.
    pub fn open(dir: &Path) -> Result<Memory, WitnessError> {
        let seen = dir.join(SEEN);
        DirBuilder::new().recursive(true).mode(0o700).create(&seen).map_err(io_at(&seen))?;
        let path = dir.join(LOCK);
        let opened = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let lock = opened.map_err(io_at(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Memory { seen, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(WitnessError::Busy(dir.to_owned())),
            Err(TryLockError::Error(error)) => Err(io_at(&path)(error)),
        }
    }

    /// A log's file. Origins are arbitrary text, hence the digest; what it holds says which log it is of.
    fn path(&self, origin: &str) -> PathBuf {
        let digest = Digest::of(origin.as_bytes()).to_string();
        self.seen.join(&digest["sha256:".len()..])
    }

    /// What was seen of a log: nothing is an empty tree.
    ///
    /// # Errors
    /// When it cannot be read. Then nothing may be signed.
    pub fn last(&self, origin: &str) -> Result<Seen, WitnessError> {
        let path = self.path(origin);
        let mut bytes = Vec::new();
        match File::open(&path) {
            Ok(file) => file.take(NOTE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(io_at(&path))?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((0, empty_root())),
            Err(error) => return Err(io_at(&path)(error)),
        };
        let damaged = |what: String| WitnessError::Memory { path: path.clone(), what };
        let note = Note::parse(&bytes).map_err(|error| damaged(error.to_string()))?;
        let checkpoint: Checkpoint =
            note.text().parse().map_err(|error: audit::CheckpointError| damaged(error.to_string()))?;
        if checkpoint.origin != origin {
            return Err(damaged(format!("it is of {}, not of {origin}", checkpoint.origin)));
        }
        Ok((checkpoint.size, checkpoint.root))
    }

    /// Keeps a log's checkpoint instead of the last one. It is on disk when this answers.
    ///
    /// # Errors
    /// When it cannot be written. Then nothing may be signed.
    pub fn keep(&self, origin: &str, note: &Note) -> Result<(), WitnessError> {
        let path = self.path(origin);
        let unfinished = path.with_extension("tmp");
        let opened = File::options().create(true).truncate(true).write(true).mode(0o600).open(&unfinished);
        opened
            .and_then(|mut file| file.write_all(note.to_string().as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&unfinished, &path))
            .and_then(|()| File::open(&self.seen)?.sync_all())
            .map_err(io_at(&path))
    }
}
