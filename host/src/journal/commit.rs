//! The one thread that appends. It encodes, hashes and stores what the kernel has already applied, in that order, and
//! commits in groups: whatever has arrived while the last commit was on its way to the disk is the next one. What is on disk
//! it signs, when a run has ended, from time to time, and at the end.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use audit::{Digest, SignerKey, TILE_WIDTH, Tree, leaf_hash};
use rand::RngCore;
use rusqlite::params;
use tokio::sync::watch;

use super::checkpoint::{CHECKPOINT_ENTRIES, CHECKPOINT_SECONDS, seal};
use super::store::{Store, StoreError};
use super::writer::{Body, Item, Line, Progress, Shared, size};
use crate::limits::ENTRY_BYTES;

/// Entries in one commit.
const COMMIT_ENTRIES: usize = 16_384;
/// Bytes of salt before a body.
const SALT_BYTES: usize = 16;

/// See the module.
pub(super) struct Writer<L> {
    store: Store,
    key: SignerKey,
    tree: Tree,
    /// Entries that the newest checkpoint is of.
    sealed: u64,
    /// Since when there are entries on disk beyond it.
    unsealed: Option<Instant>,
    shared: Arc<Shared<L>>,
    tell: watch::Sender<Progress>,
    /// Of the runs in this commit: first, last, count.
    runs: BTreeMap<u32, (u64, u64, u64)>,
    /// Whether bodies that were erased may still be in the WAL.
    wipes: bool,
}

impl<L: Line> Writer<L> {
    pub(super) fn new(
        store: Store,
        key: SignerKey,
        tree: Tree,
        sealed: u64,
        shared: Arc<Shared<L>>,
        tell: watch::Sender<Progress>,
    ) -> Writer<L> {
        let unsealed = (tree.size() > sealed).then(Instant::now);
        Writer { store, key, tree, sealed, unsealed, shared, tell, runs: BTreeMap::new(), wipes: false }
    }

    /// Appends until it is closed or fails.
    pub(super) fn work(mut self) {
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
        let (mut items, mut full) = (Vec::new(), None);
        loop {
            let closed = self.arrived(&mut items, full.is_some());
            let last = items.is_empty() && (closed || full.is_some());
            let mut rest = items.drain(..).peekable();
            while rest.peek().is_some() {
                let batch: Vec<Item<L>> = rest.by_ref().take(COMMIT_ENTRIES).collect();
                let ends = batch.iter().any(|item| item.line.closes());
                // Once the disk is full, nothing new is taken, and what is on its way goes into the reserve.
                full = self.commit(batch, full)?;
                if ends || self.tree.size() - self.sealed >= CHECKPOINT_ENTRIES {
                    full = self.seal(full)?;
                }
            }
            if last || self.patience().is_some_and(|left| left.is_zero()) {
                full = self.seal(full)?;
            }
            if self.wipes {
                // A reader may be in the way: then after the next commit, or when the database is closed.
                self.wipes = !self.store.wipe_wal()?;
            }
            if last {
                return full.map_or(Ok(()), Err);
            }
        }
    }

    /// Waits for something to do and takes what is to be appended; `items` is empty before, and its room is used again.
    /// Answers whether nothing comes any more.
    fn arrived(&self, items: &mut Vec<Item<L>>, full: bool) -> bool {
        let mut queue = self.shared.lock();
        while queue.items.is_empty() && !queue.closed && !full {
            queue.waiting = true;
            queue = match self.patience() {
                None => self.shared.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => break,
                Some(left) => {
                    let woken = self.shared.arrived.wait_timeout(queue, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        std::mem::swap(&mut queue.items, items);
        queue.closed
    }

    /// How long the entries on disk still wait for a checkpoint; none when there is one of all.
    fn patience(&self) -> Option<Duration> {
        let whole = Duration::from_secs(CHECKPOINT_SECONDS);
        self.unsealed.map(|since| whole.saturating_sub(since.elapsed()))
    }

    /// An error of the disk is not tried again: after a failed fsync nobody knows what is on it
    /// (Rebello et al., "Can Applications Recover from fsync Failures?").
    fn fail(&self, error: StoreError) {
        self.shared.failed.store(true, Ordering::Release);
        self.tell.send_modify(|progress| progress.failed = Some(Arc::new(error)));
        self.shared.room.notify_waiters();
    }

    /// Stores something in one transaction. When the disk is full it goes into the reserve; the answer is that error, to
    /// stop with.
    fn store(
        &mut self,
        full: Option<StoreError>,
        mut what: impl FnMut(&mut Writer<L>) -> rusqlite::Result<()>,
    ) -> Result<Option<StoreError>, StoreError> {
        let stored = match what(self) {
            Err(error)
                if full.is_none() && error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) =>
            {
                self.shared.failed.store(true, Ordering::Release);
                self.store.open_reserve()?;
                what(self).map_err(|source| self.store.sql(source))?;
                Some(self.store.sql(error))
            }
            Err(error) => return Err(self.store.sql(error)),
            Ok(()) => full,
        };
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        Ok(stored)
    }

    /// Commits a batch.
    fn commit(
        &mut self,
        mut batch: Vec<Item<L>>,
        full: Option<StoreError>,
    ) -> Result<Option<StoreError>, StoreError> {
        let (count, bytes) = (batch.len(), batch.iter().map(size).sum::<u64>());
        let before = (self.tree.clone(), self.runs.clone());
        let full = self.store(full, |writer| {
            // A second time, from where it began.
            (writer.tree, writer.runs) = before.clone();
            writer.write(&mut batch)
        })?;
        let durable = self.tree.size();
        self.unsealed.get_or_insert_with(Instant::now);
        self.tell.send_modify(|progress| progress.durable = durable);
        self.shared.entries.fetch_sub(count, Ordering::AcqRel);
        self.shared.bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.shared.room.notify_waiters();
        Ok(full)
    }

    /// Signs what is on disk, unless it is signed already.
    fn seal(&mut self, full: Option<StoreError>) -> Result<Option<StoreError>, StoreError> {
        if self.tree.size() == self.sealed {
            return Ok(full);
        }
        let note = seal(&self.tree, &self.key).map_err(|error| self.store.damaged(error.to_string()))?;
        let full = self.store(full, |writer| writer.store.keep_checkpoint(&writer.tree, &note))?;
        let sealed = self.tree.size();
        (self.sealed, self.unsealed) = (sealed, None);
        self.tell.send_modify(|progress| progress.sealed = sealed);
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
            for (from, to) in item.line.erases() {
                tx.execute(
                    "DELETE FROM body WHERE seq BETWEEN ?1 AND ?2",
                    params![*from as i64, *to as i64],
                )?;
                self.wipes = true;
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
