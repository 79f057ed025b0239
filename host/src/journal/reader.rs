//! Reading durable entries.

use std::path::Path;

use audit::Hash;
use rusqlite::{OptionalExtension, Transaction, params};

use super::store::{Store, StoreError};

/// Reads a state directory, also while another process writes it.
#[derive(Debug)]
pub struct Reader(Store);

/// A body as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBody {
    /// What its digest was salted with; absent for files, artifacts and grants.
    pub salt: Option<Vec<u8>>,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// Which entries a run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The run.
    pub run: u32,
    /// Its first entry.
    pub first: u64,
    /// Its last entry so far.
    pub last: u64,
    /// How many of those between are its own.
    pub entries: u64,
}

impl Reader {
    /// Opens a state directory.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn open(dir: &Path) -> Result<Reader, StoreError> {
        Store::read(dir).map(Reader)
    }

    /// The database under it.
    pub fn store(&self) -> &Store {
        &self.0
    }

    /// What is read until the answer is dropped is of one moment, though a host may be writing.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn snapshot(&self) -> Result<Transaction<'_>, StoreError> {
        self.0.db.unchecked_transaction().map_err(|e| self.0.sql(e))
    }

    /// Size and root of the tree at the last commit.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn head(&self) -> Result<(u64, Hash), StoreError> {
        self.0.head()
    }

    /// Hands the lines of entries `from` to `to` to `each`, in order.
    ///
    /// # Errors
    /// When the database cannot be read, or `each` says so.
    pub fn lines<E: From<StoreError>>(
        &self,
        from: u64,
        to: u64,
        each: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.0.lines(from, to, each)
    }

    /// An entry's body, if it has one that was not pruned.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn body(&self, seq: u64) -> Result<Option<StoredBody>, StoreError> {
        self.0.body(seq)
    }

    /// Whether an entry's body is stored.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_body(&self, seq: u64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM body WHERE seq = ?1)";
        let mut query = self.0.db.prepare_cached(sql).map_err(|e| self.0.sql(e))?;
        query.query_row([seq as i64], |row| row.get(0)).map_err(|e| self.0.sql(e))
    }

    /// How many bodies are stored, and their bytes with their salts.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn bodies(&self) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT count(*), coalesce(sum(length(data) + coalesce(length(salt), 0)), 0) FROM body";
        let row = self.0.db.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        row.map(|(count, bytes)| (count.unsigned_abs(), bytes.unsigned_abs())).map_err(|e| self.0.sql(e))
    }

    /// A run's entries; the newest run's without a number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn span(&self, run: Option<u32>) -> Result<Option<Span>, StoreError> {
        let sql = match run {
            Some(_) => "SELECT id, first, last, entries FROM run WHERE id = ?1",
            None => "SELECT id, first, last, entries FROM run WHERE ?1 IS NULL ORDER BY id DESC LIMIT 1",
        };
        let mut query = self.0.db.prepare_cached(sql).map_err(|e| self.0.sql(e))?;
        query.query_row(params![run], span).optional().map_err(|e| self.0.sql(e))
    }

    /// All runs, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn spans(&self) -> Result<Vec<Span>, StoreError> {
        let mut query = self
            .0
            .db
            .prepare_cached("SELECT id, first, last, entries FROM run ORDER BY id")
            .map_err(|e| self.0.sql(e))?;
        let rows = query.query_map([], span).map_err(|e| self.0.sql(e))?;
        rows.collect::<Result<_, _>>().map_err(|e| self.0.sql(e))
    }
}

fn span(row: &rusqlite::Row<'_>) -> rusqlite::Result<Span> {
    let number = |at| row.get::<_, i64>(at).map(i64::unsigned_abs);
    Ok(Span { run: row.get(0)?, first: number(1)?, last: number(2)?, entries: number(3)? })
}

impl Store {
    /// The last entry's line and the newest run's number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn newest(&self) -> Result<Option<(Vec<u8>, u32)>, StoreError> {
        let (size, _) = self.head()?;
        if size == 0 {
            return Ok(None);
        }
        let mut last = Vec::new();
        self.lines(size, size, |_, line| {
            last = line.to_vec();
            Ok::<(), StoreError>(())
        })?;
        let run = self.db.query_row("SELECT coalesce(max(id), 0) FROM run", [], |row| row.get(0));
        Ok(Some((last, run.map_err(|e| self.sql(e))?)))
    }

    pub(super) fn lines<E: From<StoreError>>(
        &self,
        from: u64,
        to: u64,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT first, lines FROM chunk
                   WHERE first >= coalesce((SELECT max(first) FROM chunk WHERE first <= ?1), 0) AND first <= ?2
                   ORDER BY first";
        let mut query = self.db.prepare_cached(sql).map_err(|e| self.sql(e))?;
        let mut rows = query.query(params![from as i64, to as i64]).map_err(|e| self.sql(e))?;
        let mut next = from;
        while let Some(row) = rows.next().map_err(|e| self.sql(e))? {
            let first = row.get::<_, i64>(0).map_err(|e| self.sql(e))?.unsigned_abs();
            let lines = row.get_ref(1).and_then(|v| Ok(v.as_blob()?)).map_err(|e| self.sql(e))?;
            for (at, line) in lines.split(|b| *b == b'\n').enumerate() {
                let seq = first + at as u64;
                if seq < from || seq > to {
                    continue;
                }
                if seq != next {
                    return Err(self.damaged(format!("entries #{next} to #{} are missing", seq - 1)).into());
                }
                each(seq, line)?;
                next += 1;
            }
        }
        if next <= to {
            return Err(self.damaged(format!("entries #{next} to #{to} are missing")).into());
        }
        Ok(())
    }

    pub(super) fn body(&self, seq: u64) -> Result<Option<StoredBody>, StoreError> {
        let mut query =
            self.db.prepare_cached("SELECT salt, data FROM body WHERE seq = ?1").map_err(|e| self.sql(e))?;
        let row =
            query.query_row([seq as i64], |row| Ok(StoredBody { salt: row.get(0)?, data: row.get(1)? }));
        row.optional().map_err(|e| self.sql(e))
    }
}
