//! The appending end of the log: a queue into the thread that appends. The kernel never waits here, but for room in the
//! queue, and for durability where an effect outside depends on it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use audit::{Digest, SignerKey};
use bytes::Bytes;
use tokio::sync::watch;

use super::commit::Writer;
use super::store::{Store, StoreError};
use crate::limits::{QUEUE_BYTES, QUEUE_ENTRIES};

/// A record that becomes a line.
pub trait Line: Send + 'static {
    /// The run it belongs to.
    fn run(&self) -> u32;
    /// Whether it ends its run: then the tree is signed.
    fn closes(&self) -> bool;
    /// Entries whose bodies are erased with it: from one to another, each.
    fn erases(&self) -> &[(u64, u64)] {
        &[]
    }
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
pub(super) struct Progress {
    pub(super) durable: u64,
    /// Entries of the newest checkpoint.
    pub(super) sealed: u64,
    pub(super) failed: Option<Arc<StoreError>>,
}

/// The appending end.
#[derive(Debug)]
pub struct Journal<L> {
    shared: Arc<Shared<L>>,
    progress: watch::Receiver<Progress>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the appending end and the thread have between them.
#[derive(Debug)]
pub(super) struct Shared<L> {
    queue: Mutex<Queue<L>>,
    pub(super) arrived: Condvar,
    pub(super) room: tokio::sync::Notify,
    pub(super) entries: AtomicUsize,
    pub(super) bytes: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) failed: AtomicBool,
}

#[derive(Debug)]
pub(super) struct Queue<L> {
    pub(super) items: Vec<Item<L>>,
    pub(super) waiting: bool,
    pub(super) closed: bool,
}

impl<L: Line> Journal<L> {
    /// Starts the writer of an open state directory. It signs tree heads with this key, which is named as the log is.
    ///
    /// # Errors
    /// When the stored tree is damaged, or is not that of the newest checkpoint; when that is by another key; when no thread
    /// can be had.
    pub fn start(store: Store, key: SignerKey) -> Result<Journal<L>, StoreError> {
        let tree = store.tree()?;
        let sealed = store.sealed(key.public())?;
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
        let (tell, progress) = watch::channel(Progress { durable: tree.size(), sealed, failed: None });
        let writer = Writer::new(store, key, tree, sealed, shared.clone(), tell);
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
        let bytes = size(&item);
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
        self.until(seq, |progress| progress.durable).await
    }

    /// Waits until the whole prefix through `seq`, which ends a run, is on disk and signed.
    ///
    /// # Errors
    /// When it will never be.
    pub async fn until_sealed(&self, seq: u64) -> Result<(), Stopped> {
        self.until(seq, |progress| progress.sealed).await
    }

    async fn until(&self, seq: u64, how_far: impl Fn(&Progress) -> u64) -> Result<(), Stopped> {
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|p| how_far(p) >= seq || p.failed.is_some()).await;
        match reached.map(|p| if how_far(&p) >= seq { None } else { p.failed.clone() }) {
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
    pub(super) fn lock(&self) -> MutexGuard<'_, Queue<L>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of an item's body.
pub(super) fn size<L>(item: &Item<L>) -> u64 {
    match &item.body {
        Some(Body::Salted(bytes) | Body::Plain(bytes)) => bytes.len() as u64,
        None => 0,
    }
}
