//! The SQLite database of a state directory.
//!
//! | table | what |
//! |---|---|
//! | `chunk` | entries as lines, up to 256 together, never across a multiple of 256; appended only |
//! | `body` | what an entry commits to beside its line, by the entry's number; can be pruned |
//! | `tile` | full tiles of 256 hashes (C2SP tlog-tiles) |
//! | `head` | size and root of the tree at the last commit |
//! | `checkpoint` | signed tree heads, by size: only of what is in the tables above already |
//! | `former` | checkpoints of the log that this one was restored from |
//! | `edge` | derived: the partial tiles at the newest checkpoint |
//! | `run` | derived: which entries a run has |
//! | `meta` | the format's version; the log's origin, which no other log has |

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audit::Hash;
use rand::TryRngCore;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

/// The version of the tables.
const FORMAT: i64 = 1;
/// The database's file name.
pub const DATABASE: &str = "log.db";
/// The file whose lock says who writes.
const LOCK: &str = "lock";
/// Space that is kept for the entries that are on their way when the disk is full.
const RESERVE: &str = "reserve";
/// The reserve's size: bytes.
const RESERVE_BYTES: u64 = 4 << 20;
/// What every origin of this program's begins with.
const ORIGIN: &str = "aos-host/";
/// What follows, in hexadecimal: bytes.
const ORIGIN_BYTES: usize = 16;
/// How long is waited for a lock of SQLite's: milliseconds.
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
    /// Its checkpoints are by somebody else.
    #[error(
        "{0}: its checkpoints are signed with another key than this host's; bring back the host.key that made them, \
         or give another directory with --state"
    )]
    OtherKey(PathBuf),
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
    pub(super) path: PathBuf,
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
        // SQLite gives its other files the mode of this one, and syncs their places in the directory but not this one's.
        let new = std::fs::metadata(&path).map_or(true, |found| found.len() == 0);
        private(&path).map_err(io(&path))?;
        if new {
            sync_place(dir).map_err(io(dir))?;
        }
        let db = Connection::open(&path).map_err(|source| StoreError::Sql { path: path.clone(), source })?;
        let store = Store { db, path, reserve: dir.join(RESERVE), _lock: Some(lock) };
        store.keep_reserve().map_err(io(&store.reserve))?;
        store.keep_wal()?;
        store.prepare().map_err(|source| store.sql(source))?;
        store.check_format()?;
        store.be_of_some_origin()?;
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
            .busy_timeout(Duration::from_millis(BUSY_MS))
            .and_then(|()| store.db.pragma_update(None, "temp_store", "memory"));
        set.map_err(|source| store.sql(source))?;
        let tables = |sql| {
            let count = store.db.query_row(sql, [], |row| row.get::<_, i64>(0));
            count.map_err(|source| store.sql(source))
        };
        // A host that was killed while it made the log left an empty database.
        if tables("SELECT count(*) FROM sqlite_master")? == 0 {
            return Err(StoreError::Absent(dir.to_owned()));
        }
        // A log that was never opened by a host that makes checkpoints has none.
        if tables("SELECT count(*) FROM sqlite_master WHERE name IN ('checkpoint', 'edge')")? < 2 {
            store.db.execute_batch(&sealing("TEMP")).map_err(|source| store.sql(source))?;
        }
        store.db.pragma_update(None, "query_only", true).map_err(|source| store.sql(source))?;
        store.check_format()?;
        Ok(store)
    }

    /// SQLite goes on without a WAL when it cannot have one, and then a loss of power may undo a commit.
    fn keep_wal(&self) -> Result<(), StoreError> {
        // To the statement's end: it says `wal` before that is on disk.
        let all = |mut stmt: rusqlite::Statement<'_>| {
            stmt.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()
        };
        let modes = self.db.prepare("PRAGMA journal_mode = wal").and_then(all);
        let modes = modes.map_err(|source| self.sql(source))?;
        if modes == ["wal"] {
            return Ok(());
        }
        let what = format!(
            "no write-ahead log can be kept here (SQLite says {modes:?}); use --state with a local disk"
        );
        Err(StoreError::Io { path: self.path.clone(), source: std::io::Error::other(what) })
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        self.db.pragma_update(None, "synchronous", "full")?;
        self.db.pragma_update(None, "trusted_schema", false)?;
        self.db.pragma_update(None, "cell_size_check", true)?;
        // What is erased is overwritten; its room is used again.
        self.db.pragma_update(None, "secure_delete", true)?;
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
        )?;
        self.db.execute_batch(&sealing(""))
    }

    /// Takes into the database what the WAL holds, and empties it; false when somebody reads what is in it.
    pub(super) fn wipe_wal(&self) -> Result<bool, StoreError> {
        let busy = self.db.busy_timeout(Duration::ZERO).and_then(|()| {
            self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))
        });
        let wiped = busy.map(|busy| !busy).map_err(|source| self.sql(source))?;
        self.db.busy_timeout(Duration::from_millis(BUSY_MS)).map_err(|source| self.sql(source))?;
        Ok(wiped)
    }

    /// Gives the log an origin, once.
    fn be_of_some_origin(&self) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO meta VALUES ('origin', ?1)";
        self.db.execute(sql, [self.draw_origin()?]).map(drop).map_err(|source| self.sql(source))
    }

    fn draw_origin(&self) -> Result<String, StoreError> {
        let mut random = [0; ORIGIN_BYTES];
        let drawn = rand::rngs::OsRng.try_fill_bytes(&mut random);
        let io = |error| StoreError::Io { path: self.path.clone(), source: std::io::Error::other(error) };
        drawn.map_err(io)?;
        Ok(format!("{ORIGIN}{:032x}", u128::from_be_bytes(random)))
    }

    /// Makes it another log, with an origin of its own; its checkpoints are kept aside with the one that they are of, which
    /// is answered. To be done before anything is signed again.
    ///
    /// # Errors
    /// When the newest checkpoint is not of what is in the log, or the database cannot be written.
    pub fn renew(&self) -> Result<Option<String>, StoreError> {
        let former = self.origin()?;
        if let (Some(origin), Some(newest)) = (&former, self.newest_checkpoint()?) {
            let wrong = |what: String| self.damaged(format!("the checkpoint of #1–{}: {what}", newest.size));
            let (_, checkpoint) = newest.read(origin).map_err(|error| wrong(error.to_string()))?;
            if self.root_at(newest.size)? != checkpoint.root {
                return Err(wrong("the entries do not give its root".into()));
            }
        }
        let (origin, sql) = (self.draw_origin()?, |source| self.sql(source));
        let tx = self.db.unchecked_transaction().map_err(sql)?;
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS former (origin TEXT, size INTEGER, note BLOB NOT NULL, PRIMARY KEY (origin, size));",
        )
        .and_then(|()| tx.execute("INSERT INTO former SELECT ?1, size, note FROM checkpoint", [&former]))
        .and_then(|_| tx.execute("DELETE FROM checkpoint", []))
        .and_then(|_| tx.execute("UPDATE meta SET value = ?1 WHERE key = 'origin'", [&origin]))
        .and_then(|_| tx.commit())
        .map_err(sql)?;
        Ok(former)
    }

    /// What names the log in its checkpoints; none before a host has opened it that makes them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn origin(&self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT value FROM meta WHERE key = 'origin'";
        self.db.query_row(sql, [], |row| row.get(0)).optional().map_err(|source| self.sql(source))
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

    pub(super) fn other_key(&self) -> StoreError {
        StoreError::OtherKey(self.path.clone())
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
}

/// The tables of checkpoints.
fn sealing(temporary: &str) -> String {
    format!(
        "CREATE {temporary} TABLE IF NOT EXISTS checkpoint (size INTEGER PRIMARY KEY, note BLOB NOT NULL);
         CREATE {temporary} TABLE IF NOT EXISTS edge (level INTEGER PRIMARY KEY, idx INTEGER, hashes BLOB NOT NULL);"
    )
}

/// Opens a file for writing, which only its owner can read if it is new.
fn private(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().create(true).truncate(false).write(true).mode(0o600).open(path)
}

/// Makes it last that a directory, and what it holds, are there.
fn sync_place(dir: &Path) -> std::io::Result<()> {
    let above = dir.parent().filter(|above| !above.as_os_str().is_empty());
    [Some(dir), above].into_iter().flatten().try_for_each(|place| File::open(place)?.sync_all())
}

/// Makes a directory that only its owner can enter.
fn make_private(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
