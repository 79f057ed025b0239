//! Checkpoints: tree heads that are signed once they are on disk (C2SP tlog-checkpoint). None is ever of more than what is
//! durable, and sizes only grow.

use audit::proof;
use audit::{Checkpoint, Hash, Note, NoteError, SignerKey, TILE_WIDTH, Tree, VerifierKey};
use rusqlite::{OptionalExtension, Row, params};

use super::store::{Store, StoreError};

/// Entries after a checkpoint that are a reason for another one.
pub const CHECKPOINT_ENTRIES: u64 = 65_536;
/// How long an entry on disk waits for a checkpoint: seconds.
pub const CHECKPOINT_SECONDS: u64 = 10;

/// The newest of all.
const NEWEST: &str = "SELECT size, note FROM checkpoint WHERE size >= ?1 ORDER BY size DESC LIMIT 1";

/// A checkpoint as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The number of its last entry.
    pub size: u64,
    /// The signed note. What is in it is not checked.
    pub note: Vec<u8>,
}

/// Why a note is no checkpoint of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsealed {
    /// It is no signed checkpoint.
    #[error("it cannot be read: {0}")]
    Form(String),
    /// It is of another log.
    #[error("it is of another log, {0}")]
    Origin(String),
    /// None of its signatures is by the log's key.
    #[error("it is not signed with this key")]
    Key,
    /// It says less, or more, than it was stored as.
    #[error("it is of #{0}")]
    Size(u64),
    /// Its signature is not valid.
    #[error("its signature is not valid")]
    Signature,
}

impl Sealed {
    /// Reads it. Its signatures are not checked.
    ///
    /// # Errors
    /// When it is no checkpoint of this log.
    pub fn read(&self, origin: &str) -> Result<(Note, Checkpoint), Unsealed> {
        let form = |error: &dyn std::fmt::Display| Unsealed::Form(error.to_string());
        let note = Note::parse(&self.note).map_err(|error| form(&error))?;
        let checkpoint: Checkpoint = note.text().parse().map_err(|error| form(&error))?;
        if checkpoint.origin != origin {
            return Err(Unsealed::Origin(checkpoint.origin));
        }
        if checkpoint.size != self.size {
            return Err(Unsealed::Size(checkpoint.size));
        }
        Ok((note, checkpoint))
    }

    /// Reads it, and checks that it is signed with one of the keys that are named as the log is.
    ///
    /// # Errors
    /// When it is not such a checkpoint.
    pub fn open<'a>(
        &self,
        origin: &str,
        keys: impl IntoIterator<Item = &'a VerifierKey>,
    ) -> Result<(Note, Checkpoint), Unsealed> {
        let (note, checkpoint) = self.read(origin)?;
        match note.verify(keys.into_iter().filter(|key| key.name() == origin)) {
            Ok(_) => Ok((note, checkpoint)),
            Err(NoteError::Unknown(_)) => Err(Unsealed::Key),
            Err(_) => Err(Unsealed::Signature),
        }
    }
}

/// Signs a tree head.
pub(super) fn seal(tree: &Tree, key: &SignerKey) -> Result<Note, NoteError> {
    let (size, root) = (tree.size(), tree.root());
    let origin = key.public().name().to_owned();
    let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
    let mut note = Note::new(checkpoint.to_string())?;
    note.sign(key, 0);
    Ok(note)
}

impl Store {
    /// The newest checkpoint, with what witnesses said of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn newest_checkpoint(&self) -> Result<Option<Sealed>, StoreError> {
        self.checkpoint(NEWEST, 0)?.map(|sealed| self.with_witnesses(sealed)).transpose()
    }

    /// The first checkpoint of `size` entries or more, as the log signed it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn checkpoint_from(&self, size: u64) -> Result<Option<Sealed>, StoreError> {
        self.checkpoint("SELECT size, note FROM checkpoint WHERE size >= ?1 ORDER BY size LIMIT 1", size)
    }

    /// How many checkpoints are stored.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn checkpoints(&self) -> Result<u64, StoreError> {
        let count = self.db.query_row("SELECT count(*) FROM checkpoint", [], |row| row.get::<_, i64>(0));
        count.map(i64::unsigned_abs).map_err(|e| self.sql(e))
    }

    fn checkpoint(&self, sql: &str, size: u64) -> Result<Option<Sealed>, StoreError> {
        let sealed =
            |row: &Row<'_>| Ok(Sealed { size: row.get::<_, i64>(0)?.unsigned_abs(), note: row.get(1)? });
        let mut query = self.db.prepare_cached(sql).map_err(|e| self.sql(e))?;
        query.query_row([size as i64], sealed).optional().map_err(|e| self.sql(e))
    }

    /// The root of the first `size` entries, from tiles.
    ///
    /// # Errors
    /// When there are fewer, or they cannot be read.
    pub fn root_at(&self, size: u64) -> Result<Hash, StoreError> {
        let (all, _) = self.head()?;
        if size > all {
            return Err(self.damaged(format!("there are no #{} to #{size}", all + 1)));
        }
        proof::root(self, size)
    }

    /// The size of the newest checkpoint; it has to be by this key, and of what is in the log.
    pub(super) fn sealed(&self, key: &VerifierKey) -> Result<u64, StoreError> {
        // A host works without witnesses.
        let Some(newest) = self.checkpoint(NEWEST, 0)? else { return Ok(0) };
        let size = newest.size;
        let wrong = |what: String| self.damaged(format!("the checkpoint of #{size}: {what}"));
        let checkpoint = match newest.open(key.name(), [key]) {
            Ok((_, checkpoint)) => checkpoint,
            Err(Unsealed::Key) => return Err(self.other_key()),
            Err(other) => return Err(wrong(other.to_string())),
        };
        let (all, _) = self.head()?;
        if size > all {
            return Err(wrong(format!("the log ends at #{all}: it was rolled back")));
        }
        match self.root_at(size)? == checkpoint.root {
            true => Ok(size),
            false => Err(wrong("the entries do not give its root".into())),
        }
    }

    /// Stores a checkpoint of the whole tree, and its partial tiles.
    pub(super) fn keep_checkpoint(&self, tree: &Tree, note: &Note) -> rusqlite::Result<()> {
        let tx = self.db.unchecked_transaction()?;
        let size = tree.size();
        let mut add = tx.prepare_cached("INSERT INTO checkpoint (size, note) VALUES (?1, ?2)")?;
        add.execute(params![size as i64, note.to_string().as_bytes()])?;
        // Most upper levels are as they were.
        let mut set = tx.prepare_cached(
            "INSERT INTO edge (level, idx, hashes) VALUES (?1, ?2, ?3)
             ON CONFLICT (level) DO UPDATE SET idx = excluded.idx, hashes = excluded.hashes
             WHERE idx != excluded.idx OR length(hashes) != length(excluded.hashes)",
        )?;
        let mut index = size;
        for (level, hashes) in tree.levels().iter().enumerate() {
            index /= TILE_WIDTH as u64;
            if !hashes.is_empty() {
                set.execute(params![level as i64, index as i64, hashes.concat()])?;
            }
        }
        drop((add, set));
        tx.commit()
    }
}
