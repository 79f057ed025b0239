//! What witnesses said of a log's checkpoints: the folder `cosigned` beside the database, a note for each size, with the log's
//! signature and those of the witnesses. Files, because whoever asks a witness does not own the log; what is in them proves
//! itself, or nothing.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use audit::note::NOTE_BYTES;
use audit::{Note, checkpoint};

use super::checkpoint::Sealed;
use super::store::{Store, StoreError};

/// The folder's name in the state directory.
const FOLDER: &str = "cosigned";

impl Store {
    fn folder(&self) -> PathBuf {
        self.path.with_file_name(FOLDER)
    }

    /// A checkpoint with what witnesses said of it, if any did. Nothing in it is checked.
    ///
    /// # Errors
    /// When it cannot be read, or is no note.
    pub fn cosigned(&self, size: u64) -> Result<Option<Note>, StoreError> {
        let path = self.folder().join(size.to_string());
        let mut bytes = Vec::new();
        let read =
            File::open(&path).and_then(|file| file.take(NOTE_BYTES as u64 + 1).read_to_end(&mut bytes));
        match read {
            Ok(_) => Note::parse(&bytes).map(Some).map_err(|error| {
                self.damaged(format!("{}: {error}; without the file the rest is as good", path.display()))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::Io { path, source }),
        }
    }

    /// A stored checkpoint with what witnesses said of it. Their signatures are not checked.
    ///
    /// # Errors
    /// When that cannot be read, or is of another checkpoint.
    pub fn with_witnesses(&self, sealed: Sealed) -> Result<Sealed, StoreError> {
        let Some(cosigned) = self.cosigned(sealed.size)? else { return Ok(sealed) };
        // What is stored is read, and judged, by whoever asked for it.
        let Ok(mut note) = Note::parse(&sealed.note) else { return Ok(sealed) };
        if note.text() != cosigned.text() {
            let what = "what witnesses saw of it is another one: the log was forked";
            return Err(self.damaged(format!("the checkpoint of #1–{}: {what}", sealed.size)));
        }
        let stored: Vec<_> = note.signatures().to_vec();
        // The log's own signature is as it was stored.
        cosigned.signatures().iter().chain(&stored).for_each(|signature| note.add(signature.clone()));
        Ok(Sealed { note: note.to_string().into_bytes(), ..sealed })
    }

    /// The sizes of the checkpoints that witnesses saw, smallest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn cosigned_sizes(&self) -> Result<Vec<u64>, StoreError> {
        let path = self.folder();
        let io = |source| StoreError::Io { path: path.clone(), source };
        let files = match fs::read_dir(&path) {
            Ok(files) => files,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(io(source)),
        };
        let mut sizes = Vec::new();
        for file in files {
            sizes.extend(file.map_err(io)?.file_name().to_str().and_then(checkpoint::decimal));
        }
        sizes.sort_unstable();
        Ok(sizes)
    }

    /// The newest checkpoint of `size` entries or more that a witness saw, with what was said of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn witnessed_checkpoint(&self, size: u64) -> Result<Option<Sealed>, StoreError> {
        let Some(seen) = self.cosigned_sizes()?.pop().filter(|seen| *seen >= size) else { return Ok(None) };
        let stored = self.checkpoint_from(seen)?.filter(|stored| stored.size == seen);
        stored.map(|sealed| self.with_witnesses(sealed)).transpose()
    }

    /// Keeps what witnesses said of a checkpoint, with what was kept of it before. It is on disk when this answers.
    ///
    /// # Errors
    /// When it cannot be written, or another checkpoint of this size was kept.
    pub fn keep_cosigned(&self, size: u64, note: &Note) -> Result<Note, StoreError> {
        let folder = self.folder();
        let path = folder.join(size.to_string());
        let io = |source| StoreError::Io { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(io)?;
        // One at a time: two witnesses may be asked at once.
        let lock = File::open(&folder).map_err(io)?;
        lock.lock().map_err(io)?;
        let mut all = self.cosigned(size)?.unwrap_or_else(|| note.clone());
        if all.text() != note.text() {
            return Err(self.damaged(format!("{} is of another log, or another root", path.display())));
        }
        note.signatures().iter().for_each(|signature| all.add(signature.clone()));
        let unfinished = folder.join(".unfinished");
        let opened = File::options().create(true).truncate(true).write(true).mode(0o600).open(&unfinished);
        opened
            .and_then(|mut file| file.write_all(all.to_string().as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&unfinished, &path))
            .and_then(|()| lock.sync_all())
            .map_err(io)?;
        Ok(all)
    }
}
