//! The one thread that appends. It encodes, hashes and stores what the kernel has already applied, in that order, and
//! commits in groups: whatever has arrived while the last commit was on its way to the disk is the next one.
//!
//! The kernel never waits here, but for room in the queue, and for durability where an effect outside depends on it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use audit::{Digest, TILE_WIDTH, Tree, leaf_hash};
use bytes::Bytes;
use rand::RngCore;
use rusqlite::params;
use tokio::sync::watch;

use super::store::{Store, StoreError};
use crate::limits::{ENTRY_BYTES, QUEUE_BYTES, QUEUE_ENTRIES};

/// Entries in one commit.
const COMMIT_ENTRIES: usize = 16_384;
/// Bytes of salt before a body.
const SALT_BYTES: usize = 16;

/// A record that becomes a line.
pub trait Line: Send + 'static {
    /// The run it belongs to.
    fn run(&self) -> u32;
    /// Takes note of the digest of its body.
    fn commit(&mut self, digest: Digest);
    /// Writes the line, without a newline.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error>;
}

/// What a line commits to.
#[derive(Debug, Clone)]
pub enum Body {
    /// The writer salts it and tells the line its digest.
    Salted(Bytes),
    /// The line has its digest already.
    Plain(Bytes),
}

/// One append.
#[derive(Debug)]
pub struct Item<L> {
    /// The line.
    pub line: L,
    /// What it commits to.
    pub body: Option<Body>,
}

/// The journal has stopped: no further effect may happen.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the log cannot be written: {0}")]
pub struct Stopped(pub Arc<StoreError>);

/// How far the log is on disk.
#[derive(Debug, Clone, Default)]
struct Progress {
    durable: u64,
    failed: Option<Arc<StoreError>>,
}

/// The appending end.
#[derive(Debug)]
pub struct Journal<L> {
    shared: Arc<Shared<L>>,
    progress: watch::Receiver<Progress>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared<L> {
    queue: Mutex<Queue<L>>,
    arrived: Condvar,
    room: tokio::sync::Notify,
    entries: AtomicUsize,
    bytes: AtomicU64,
    commits: AtomicU64,
    failed: AtomicBool,
}

#[derive(Debug)]
struct Queue<L> {
    items: Vec<Item<L>>,
    waiting: bool,
    closed: bool,
}

impl<L: Line> Journal<L> {
    /// Starts the writer of an open state directory.
    ///
    /// # Errors
    /// When the stored tree is damaged, or no thread can be had.
    pub fn start(store: Store) -> Result<Journal<L>, StoreError> {
        let tree = store.tree()?;
        let queue = Mutex::new(Queue { items: Vec::new(), waiting: false, closed: false });
        let shared = Arc::new(Shared {
            queue,
            arrived: Condvar::new(),
            room: tokio::sync::Notify::new(),
            entries: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            failed: AtomicBool::new(false),
        });
        let (tell, progress) = watch::channel(Progress { durable: tree.size(), failed: None });
        let writer = Writer { store, tree, shared: shared.clone(), tell, runs: BTreeMap::new() };
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.work())
            .map_err(|source| StoreError::Io { path: "the journal's thread".into(), source })?;
        Ok(Journal { shared, progress, thread: Mutex::new(Some(thread)) })
    }

    /// Entries that are on disk.
    pub fn durable(&self) -> u64 {
        self.progress.borrow().durable
    }

    /// Commits so far, each with its fsync.
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// Whether something can be appended at once.
    pub fn has_room(&self) -> bool {
        let shared = &self.shared;
        !shared.failed.load(Ordering::Acquire)
            && shared.entries.load(Ordering::Acquire) < QUEUE_ENTRIES
            && shared.bytes.load(Ordering::Acquire) < QUEUE_BYTES
    }

    /// Waits until the queue has room.
    ///
    /// # Errors
    /// When the log cannot be written any more.
    pub async fn room(&self) -> Result<(), Stopped> {
        while !self.has_room() {
            let freed = self.shared.room.notified();
            self.alive()?;
            if self.has_room() {
                break;
            }
            freed.await;
        }
        Ok(())
    }

    /// Whether it can still be written.
    ///
    /// # Errors
    /// When it cannot.
    pub fn alive(&self) -> Result<(), Stopped> {
        match &self.progress.borrow().failed {
            Some(error) => Err(Stopped(error.clone())),
            None => Ok(()),
        }
    }

    /// Appends, in the order of the calls. The caller holds the kernel's lock.
    pub fn append(&self, item: Item<L>) {
        let bytes = match &item.body {
            Some(Body::Salted(bytes) | Body::Plain(bytes)) => bytes.len() as u64,
            None => 0,
        };
        self.shared.entries.fetch_add(1, Ordering::AcqRel);
        self.shared.bytes.fetch_add(bytes, Ordering::AcqRel);
        let mut queue = self.shared.lock();
        queue.items.push(item);
        if std::mem::take(&mut queue.waiting) {
            drop(queue);
            self.shared.arrived.notify_one();
        }
    }

    /// Waits until the whole prefix through `seq` is on disk.
    ///
    /// # Errors
    /// When it will never be.
    pub async fn until_durable(&self, seq: u64) -> Result<(), Stopped> {
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|p| p.durable >= seq || p.failed.is_some()).await;
        match reached.map(|p| if p.durable >= seq { None } else { p.failed.clone() }) {
            Ok(None) => Ok(()),
            Ok(Some(error)) => Err(Stopped(error)),
            Err(_) => Err(Stopped(Arc::new(StoreError::Absent("the journal's thread".into())))),
        }
    }

    /// Waits for something to become durable after `seen`; answers what is durable then.
    ///
    /// # Errors
    /// When nothing will.
    pub async fn after(&self, seen: u64) -> Result<u64, Stopped> {
        self.until_durable(seen + 1).await?;
        Ok(self.durable())
    }

    /// Writes what is queued and ends the writer.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.arrived.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ended = thread.join();
        }
    }
}

impl<L> Shared<L> {
    fn lock(&self) -> MutexGuard<'_, Queue<L>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Writer<L> {
    store: Store,
    tree: Tree,
    shared: Arc<Shared<L>>,
    tell: watch::Sender<Progress>,
    /// Of the runs in this commit: first, last, count.
    runs: BTreeMap<u32, (u64, u64, u64)>,
}

impl<L: Line> Writer<L> {
    /// Appends until it is closed or fails.
    fn work(mut self) {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.append_all()));
        let panicked = || std::io::Error::other("it panicked");
        let error = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => StoreError::Io { path: "the journal's thread".into(), source: panicked() },
        };
        self.fail(error);
    }

    fn append_all(&mut self) -> Result<(), StoreError> {
        let mut items = Vec::new();
        let mut full = None;
        loop {
            {
                let mut queue = self.shared.lock();
                while queue.items.is_empty() && !queue.closed && full.is_none() {
                    queue.waiting = true;
                    queue = self.shared.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
                if queue.items.is_empty() {
                    return full.map_or(Ok(()), Err);
                }
                std::mem::swap(&mut queue.items, &mut items);
            }
            let mut rest = items.drain(..).peekable();
            while rest.peek().is_some() {
                let batch: Vec<Item<L>> = rest.by_ref().take(COMMIT_ENTRIES).collect();
                // Once the disk is full, nothing new is taken, and what is on its way goes into the reserve.
                full = self.commit(batch, full)?;
            }
        }
    }

    /// An error of the disk is not tried again: after a failed fsync nobody knows what is on it
    /// (Rebello et al., "Can Applications Recover from fsync Failures?").
    fn fail(&self, error: StoreError) {
        self.shared.failed.store(true, Ordering::Release);
        self.tell.send_modify(|progress| progress.failed = Some(Arc::new(error)));
        self.shared.room.notify_waiters();
    }

    /// Commits a batch. When the disk is full it goes into the reserve; the answer is that error, to stop with.
    fn commit(
        &mut self,
        mut batch: Vec<Item<L>>,
        mut full: Option<StoreError>,
    ) -> Result<Option<StoreError>, StoreError> {
        let (count, bytes) = (batch.len(), batch.iter().map(size).sum::<u64>());
        let before = (self.tree.clone(), self.runs.clone());
        match self.write(&mut batch) {
            Ok(()) => {}
            Err(error)
                if full.is_none() && error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) =>
            {
                self.shared.failed.store(true, Ordering::Release);
                (self.tree, self.runs) = before;
                self.store.open_reserve()?;
                self.write(&mut batch).map_err(|source| self.store.sql(source))?;
                full = Some(self.store.sql(error));
            }
            Err(error) => return Err(self.store.sql(error)),
        }
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        let durable = self.tree.size();
        self.tell.send_modify(|progress| progress.durable = durable);
        self.shared.entries.fetch_sub(count, Ordering::AcqRel);
        self.shared.bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.shared.room.notify_waiters();
        Ok(full)
    }

    fn write(&mut self, batch: &mut [Item<L>]) -> rusqlite::Result<()> {
        let tx = self.store.db.unchecked_transaction()?;
        let mut add_body = tx.prepare_cached("INSERT INTO body (seq, salt, data) VALUES (?1, ?2, ?3)")?;
        let mut add_chunk = tx.prepare_cached("INSERT INTO chunk (first, lines) VALUES (?1, ?2)")?;
        let mut add_tile = tx.prepare_cached("INSERT INTO tile (level, idx, hashes) VALUES (?1, ?2, ?3)")?;
        let mut rng = rand::rng();
        let mut lines = Vec::with_capacity(64 << 10);
        let mut first = self.tree.size() + 1;
        for item in batch {
            let seq = self.tree.size() + 1;
            match &item.body {
                Some(Body::Salted(data)) => {
                    let mut salt = [0; SALT_BYTES];
                    rng.fill_bytes(&mut salt);
                    item.line.commit(Digest::salted(&salt, data));
                    add_body.execute(params![seq as i64, &salt[..], &data[..]])?;
                }
                Some(Body::Plain(data)) => {
                    add_body.execute(params![seq as i64, None::<&[u8]>, &data[..]])?;
                }
                None => {}
            }
            if !lines.is_empty() {
                lines.push(b'\n');
            }
            let start = lines.len();
            item.line.write(&mut lines).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
            if lines.len() - start > ENTRY_BYTES {
                let what =
                    format!("entry #{seq} is {} bytes; the limit is {ENTRY_BYTES}", lines.len() - start);
                return Err(rusqlite::Error::ToSqlConversionFailure(what.into()));
            }
            let run = self.runs.entry(item.line.run()).or_insert((seq, seq, 0));
            (run.1, run.2) = (seq, run.2 + 1);
            for tile in self.tree.push(leaf_hash(&lines[start..])) {
                add_tile.execute(params![tile.level, tile.index as i64, tile.bytes()])?;
            }
            if seq.is_multiple_of(TILE_WIDTH as u64) {
                add_chunk.execute(params![first as i64, &lines])?;
                lines.clear();
                first = seq + 1;
            }
        }
        if !lines.is_empty() {
            add_chunk.execute(params![first as i64, &lines])?;
        }
        self.derive(&tx)?;
        drop((add_body, add_chunk, add_tile));
        tx.commit()?;
        self.runs.clear();
        Ok(())
    }

    /// Writes what follows from the entries: the tree's head and the runs' spans.
    fn derive(&self, tx: &rusqlite::Transaction<'_>) -> rusqlite::Result<()> {
        let mut set_head =
            tx.prepare_cached("INSERT OR REPLACE INTO head (id, size, root) VALUES (1, ?1, ?2)")?;
        set_head.execute(params![self.tree.size() as i64, &self.tree.root()[..]])?;
        let mut set_run = tx.prepare_cached(
            "INSERT INTO run (id, first, last, entries) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET last = excluded.last, entries = entries + excluded.entries",
        )?;
        for (run, (first, last, entries)) in &self.runs {
            set_run.execute(params![run, *first as i64, *last as i64, *entries as i64])?;
        }
        Ok(())
    }
}

fn size<L>(item: &Item<L>) -> u64 {
    match &item.body {
        Some(Body::Salted(bytes) | Body::Plain(bytes)) => bytes.len() as u64,
        None => 0,
    }
}
