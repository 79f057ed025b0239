//! The SQLite database of a state directory.
//!
//! | table | what |
//! |---|---|
//! | `chunk` | entries as lines, up to 256 together, never across a multiple of 256; appended only |
//! | `body` | what an entry commits to beside its line, by the entry's number; can be pruned |
//! | `tile` | full tiles of 256 hashes (C2SP tlog-tiles); the partial ones follow from the entries |
//! | `head` | size and root of the tree at the last commit |
//! | `run` | derived: which entries a run has |
//! | `meta` | the format's version |

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use audit::{Hash, TILE_WIDTH, Tree, leaf_hash};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

/// The version of the tables.
const FORMAT: i64 = 1;
/// The database's file name.
const DATABASE: &str = "log.db";
/// The file whose lock says who writes.
const LOCK: &str = "lock";
/// Space that is kept for the entries that are on their way when the disk is full.
const RESERVE: &str = "reserve";
/// The reserve's size: bytes.
const RESERVE_BYTES: u64 = 4 << 20;
/// How long a reader waits for a lock of SQLite's: milliseconds.
const BUSY_MS: u64 = 5_000;

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process writes it.
    #[error("{0} is in use by a running host; wait for it, or give another directory with --state")]
    Busy(PathBuf),
    /// It cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not there.
    #[error("{0}: there is no log here yet; a first `aos-host run` makes it")]
    Absent(PathBuf),
    /// SQLite refuses it.
    #[error("{path}: {source}{}", hint(.source))]
    Sql {
        /// The database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// What is in it contradicts itself.
    #[error("{path} is damaged: {what}; keep a copy, then see `aos-host audit verify`")]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

fn hint(error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase, ReadOnly};
    match error.sqlite_error_code() {
        Some(NotADatabase | DatabaseCorrupt) => "; the log is damaged: keep a copy, and restore a backup",
        Some(DiskFull) => "; free some space, or raise --log-limit where one was given",
        Some(ReadOnly) => "; the disk or the directory is read-only",
        _ => "",
    }
}

/// An open database, with the lock when it is the writer's.
#[derive(Debug)]
pub struct Store {
    pub(super) db: Connection,
    path: PathBuf,
    reserve: PathBuf,
    _lock: Option<File>,
}

impl Store {
    /// Opens a state directory for writing, making it if need be, and takes its lock.
    ///
    /// # Errors
    /// When another process has it, or it cannot be made, read, written or trusted.
    pub fn open(dir: &Path) -> Result<Store, StoreError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        make_private(dir).map_err(io(dir))?;
        let lock_path = dir.join(LOCK);
        let lock = private(&lock_path).map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Busy(dir.to_owned())),
            Err(TryLockError::Error(source)) => return Err(StoreError::Io { path: lock_path, source }),
        }
        let path = dir.join(DATABASE);
        // SQLite gives its other files the mode of this one.
        private(&path).map_err(io(&path))?;
        let db = Connection::open(&path).map_err(|source| StoreError::Sql { path: path.clone(), source })?;
        let store = Store { db, path, reserve: dir.join(RESERVE), _lock: Some(lock) };
        store.keep_reserve().map_err(io(&store.reserve))?;
        store.prepare().map_err(|source| store.sql(source))?;
        store.check_format()?;
        Ok(store)
    }

    /// Opens a state directory for reading; a writer may be at work.
    ///
    /// # Errors
    /// When there is no log, or it cannot be read.
    pub fn read(dir: &Path) -> Result<Store, StoreError> {
        let path = dir.join(DATABASE);
        if !path.exists() {
            return Err(StoreError::Absent(dir.to_owned()));
        }
        // Not read-only: a reader of a WAL database has to make its shared-memory file when no writer lives.
        let db = Connection::open_with_flags(
            &path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(|source| StoreError::Sql { path: path.clone(), source })?;
        let store = Store { db, path, reserve: dir.join(RESERVE), _lock: None };
        let set = store
            .db
            .busy_timeout(std::time::Duration::from_millis(BUSY_MS))
            .and_then(|()| store.db.pragma_update(None, "query_only", true));
        set.map_err(|source| store.sql(source))?;
        // A host that was killed while it made the log left an empty database.
        let tables = store.db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0));
        if tables.map_err(|source| store.sql(source))? == 0 {
            return Err(StoreError::Absent(dir.to_owned()));
        }
        store.check_format()?;
        Ok(store)
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        self.db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        self.db.pragma_update(None, "synchronous", "full")?;
        self.db.pragma_update(None, "trusted_schema", false)?;
        self.db.pragma_update(None, "cell_size_check", true)?;
        self.db.set_prepared_statement_cache_capacity(32);
        self.db.execute_batch(
            "BEGIN IMMEDIATE;
             CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS chunk (first INTEGER PRIMARY KEY, lines BLOB NOT NULL);
             CREATE TABLE IF NOT EXISTS body (seq INTEGER PRIMARY KEY, salt BLOB, data BLOB NOT NULL);
             CREATE TABLE IF NOT EXISTS tile (level INTEGER, idx INTEGER, hashes BLOB NOT NULL,
                 PRIMARY KEY (level, idx)) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS head (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER, root BLOB);
             CREATE TABLE IF NOT EXISTS run (id INTEGER PRIMARY KEY, first INTEGER, last INTEGER, entries INTEGER);
             INSERT OR IGNORE INTO meta VALUES ('format', 1);
             COMMIT;",
        )
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let format =
            self.db.query_row("SELECT value FROM meta WHERE key = 'format'", [], |row| row.get::<_, i64>(0));
        match format.map_err(|source| self.sql(source))? {
            FORMAT => Ok(()),
            other => Err(self.damaged(format!("its format is {other}; this build knows {FORMAT}"))),
        }
    }

    /// Bounds the log's size.
    ///
    /// # Errors
    /// When SQLite refuses the limit.
    pub fn limit(&self, bytes: u64) -> Result<(), StoreError> {
        let page: u64 = self
            .db
            .pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))
            .map_err(|e| self.sql(e))?
            .unsigned_abs();
        let pages = i64::try_from((bytes / page.max(1)).max(1)).unwrap_or(i64::MAX);
        self.db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(|e| self.sql(e))
    }

    /// Sets the reserve aside, if it is not.
    fn keep_reserve(&self) -> std::io::Result<()> {
        let file = private(&self.reserve)?;
        if file.metadata()?.len() < RESERVE_BYTES {
            let set_aside =
                rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, RESERVE_BYTES);
            if set_aside == Err(rustix::io::Errno::OPNOTSUPP) {
                (&file).write_all(&vec![0; RESERVE_BYTES as usize])?;
            } else {
                set_aside?;
            }
        }
        Ok(())
    }

    /// Gives the reserve to the database, once.
    pub(super) fn open_reserve(&self) -> Result<(), StoreError> {
        std::fs::remove_file(&self.reserve)
            .map_err(|source| StoreError::Io { path: self.reserve.clone(), source })?;
        let pages = self.db.pragma_query_value(None, "max_page_count", |row| row.get::<_, i64>(0));
        let size = self.db.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0));
        let more = pages.and_then(|pages| Ok(pages.saturating_add(RESERVE_BYTES as i64 / size?.max(1))));
        let more = more.map_err(|e| self.sql(e))?;
        self.db.pragma_update_and_check(None, "max_page_count", more, |_| Ok(())).map_err(|e| self.sql(e))
    }

    pub(super) fn sql(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Sql { path: self.path.clone(), source }
    }

    pub(super) fn damaged(&self, what: String) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), what }
    }

    /// Size and root of the tree at the last commit.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn head(&self) -> Result<(u64, Hash), StoreError> {
        let head = self
            .db
            .query_row("SELECT size, root FROM head WHERE id = 1", [], |row| {
                Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, Vec<u8>>(1)?))
            })
            .optional()
            .map_err(|e| self.sql(e))?;
        let Some((size, root)) = head else { return Ok((0, audit::empty_root())) };
        let root = root.try_into().map_err(|_| self.damaged("the root is not 32 bytes".into()))?;
        Ok((size, root))
    }

    /// The tree as of the last commit, from full tiles and the entries after them, checked against its root.
    ///
    /// # Errors
    /// When they do not give the stored root.
    pub fn tree(&self) -> Result<Tree, StoreError> {
        let (size, root) = self.head()?;
        let mut levels = vec![self.tail_leaves(size)?];
        let mut count = size / TILE_WIDTH as u64;
        while count > 0 {
            let level = levels.len() as i64;
            let first = count - count % TILE_WIDTH as u64;
            let mut hashes = Vec::new();
            for idx in first..count {
                hashes.push(self.tile_root(level - 1, idx)?);
            }
            levels.push(hashes);
            count /= TILE_WIDTH as u64;
        }
        let tree = Tree::resume(size, levels).map_err(|e| self.damaged(e.to_string()))?;
        if tree.root() != root {
            return Err(self.damaged("the entries do not give the root that was stored with them".into()));
        }
        Ok(tree)
    }

    fn tail_leaves(&self, size: u64) -> Result<Vec<Hash>, StoreError> {
        let from = size - size % TILE_WIDTH as u64 + 1;
        let mut leaves = Vec::new();
        self.lines(from, size, |_, line| {
            leaves.push(leaf_hash(line));
            Ok(())
        })?;
        Ok(leaves)
    }

    /// A full tile's hashes.
    pub(super) fn tile(&self, level: i64, idx: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT hashes FROM tile WHERE level = ?1 AND idx = ?2")
            .map_err(|e| self.sql(e))?;
        query.query_row(params![level, idx as i64], |row| row.get(0)).optional().map_err(|e| self.sql(e))
    }

    fn tile_root(&self, level: i64, idx: u64) -> Result<Hash, StoreError> {
        let bytes =
            self.tile(level, idx)?.ok_or_else(|| self.damaged(format!("tile {level}/{idx} is missing")))?;
        root_of(&bytes).ok_or_else(|| self.damaged(format!("tile {level}/{idx} is not full")))
    }
}

/// The root of a full tile.
pub(super) fn root_of(tile: &[u8]) -> Option<Hash> {
    let (hashes, rest) = tile.as_chunks::<32>();
    if hashes.len() != TILE_WIDTH || !rest.is_empty() {
        return None;
    }
    let mut tree = Tree::new();
    for hash in hashes {
        tree.push(*hash);
    }
    Some(tree.root())
}

/// Opens a file for writing, which only its owner can read if it is new.
fn private(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().create(true).truncate(false).write(true).mode(0o600).open(path)
}

/// Makes a directory that only its owner can enter.
fn make_private(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
