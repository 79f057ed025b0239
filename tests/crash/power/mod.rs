//! The power fails while the log is written: at every write and every sync of a short run, with everything or nothing or some
//! torn part of what was not synced on the disk. The log that is found opens and verifies, and nothing that was said to be on
//! disk is missing. A disk that fails a sync or a write stops the log, and nothing of it is said to be there.
//!
//! The log is written by the host's own journal, over a VFS that notes what SQLite does ([`vfs`]); [`disk`] makes of it what a
//! disk may hold.

mod disk;
mod vfs;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use aos_host::journal::{Body, Item, Journal, Line, Reader, Store, StoreError};
use audit::{Kind, SignerKey};
use rusqlite::Connection;
use tempfile::TempDir;

use disk::{Disk, Left, Op};
use vfs::Tape;

/// What a disk may hold, of each moment: nothing and all of what was not synced, and so many mixtures; AOS_SOAK=1 tries more
/// where nothing else fails.
const MIXTURES: u64 = 2;
const MANY_MIXTURES: u64 = 40;
/// Entries of the short run, appended in groups that are waited for; they cross the end of a tile.
const GROUPS: [u64; 9] = [1, 1, 40, 90, 3, 120, 1, 40, 1];
/// After so many groups the host ends, and the next one begins.
const HOSTS: [usize; 3] = [3, 5, GROUPS.len()];
/// After this group the WAL is copied into the database and begun anew.
const CHECKPOINT: usize = 6;

/// Operations before a loss of power that are told when something is wrong.
const LAST: usize = 60;

/// An entry of the test, by its number.
struct Word(u64);

impl Line for Word {
    fn run(&self) -> u32 {
        1
    }

    /// Some end a run, so that the log is signed there.
    fn closes(&self) -> bool {
        self.0.is_multiple_of(5)
    }

    fn commit(&mut self, _: audit::Digest) {}

    fn write(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        out.extend(format!("{{\"seq\":{},\"said\":\"a word\"}}", self.0).as_bytes());
        Ok(())
    }
}

/// What an entry carries: every third something, of some more than a page.
fn carried(seq: u64) -> Option<Vec<u8>> {
    let size = if seq.is_multiple_of(7) { 5_000 } else { 60 };
    seq.is_multiple_of(3).then(|| vec![seq as u8; size])
}

/// A folder in memory, where there is one: many logs are made in it.
fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// All entries of the short run.
fn all() -> u64 {
    GROUPS.iter().sum()
}

/// Writes the short run, or as much of it as the disk lets; answers what was done to the disk.
fn recorded(tape: Tape) -> Vec<Op> {
    let folder = scratch();
    let tape = vfs::watch(folder.path(), tape);
    let mut groups = GROUPS.iter().enumerate().peekable();
    let mut seq = 0;
    for until in HOSTS {
        let Ok(journal) = opened(folder.path()).and_then(started) else { break };
        while let Some((at, count)) = groups.next_if(|(at, _)| *at < until) {
            for _ in 0..*count {
                seq += 1;
                let body = carried(seq).map(|bytes| Body::Plain(bytes.into()));
                journal.append(Item { line: Word(seq), body });
            }
            if !told(&journal, seq) {
                break;
            }
            tape.lock().unwrap().ops.push(Op::Told(seq));
            if at == CHECKPOINT {
                checkpoint(folder.path());
            }
        }
        journal.close();
        if journal.alive().is_err() {
            break;
        }
    }
    vfs::unwatch(folder.path());
    std::mem::take(&mut tape.lock().unwrap().ops)
}

/// Opens a log. What another test starts at the same moment holds our lock on it until it is another program: then once more.
fn opened(folder: &Path) -> Result<Store, StoreError> {
    loop {
        match Store::open(folder) {
            Err(StoreError::Busy(_)) => std::thread::yield_now(),
            other => return other,
        }
    }
}

/// The key of a log.
fn key(store: &Store) -> Result<SignerKey, StoreError> {
    let origin = store.origin()?.expect("a log that was opened for writing has an origin");
    Ok(SignerKey::new(&origin, Kind::Author, &[7; 32]).expect("an origin is a name"))
}

fn started(store: Store) -> Result<Journal<Word>, StoreError> {
    let key = key(&store)?;
    Journal::start(store, key)
}

/// Waits until the journal says that all through an entry is on disk, or that it cannot be.
fn told(journal: &Journal<Word>, seq: u64) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(journal.until_durable(seq)).is_ok()
}

/// What SQLite does by itself after a thousand pages: the WAL goes into the database, and begins anew.
fn checkpoint(folder: &Path) {
    let other = Connection::open(folder.join("log.db")).unwrap();
    // It may fail when the disk does: then the WAL stays.
    let _done = other.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, i64>(0));
}

/// How many entries a log has, which must be those that were written; no checkpoint is of more, or of others.
fn entries(folder: &Path) -> Result<u64, String> {
    // As the next host does: it recovers what is there, and the tree must have the root that was stored.
    let store = opened(folder).map_err(|error| error.to_string())?;
    let tree = store.tree().map_err(|error| error.to_string())?;
    let key = key(&store).map_err(|error| error.to_string())?;
    if let Some(sealed) = store.newest_checkpoint().map_err(|error| error.to_string())? {
        let (_, checkpoint) =
            sealed.open(key.public().name(), [key.public()]).map_err(|error| error.to_string())?;
        if checkpoint.size > tree.size() {
            return Err(format!("the checkpoint of #{} is ahead of #{}", checkpoint.size, tree.size()));
        }
        if store.root_at(checkpoint.size).map_err(|error| error.to_string())? != checkpoint.root {
            return Err(format!("the checkpoint of #{} is of another log", checkpoint.size));
        }
    }
    drop(store);
    let reader = Reader::open(folder).map_err(|error| error.to_string())?;
    let mut wrong = None;
    let report = reader.verify(|seq, line, _| {
        let mut written = Vec::new();
        Word(seq).write(&mut written).unwrap();
        if line != written {
            wrong.get_or_insert(seq);
        }
        Ok(1)
    });
    let size = report.map_err(|error| error.to_string())?.entries;
    for seq in 1..=size {
        let found = reader.body(seq).map_err(|error| error.to_string())?;
        if found.map(|body| body.data) != carried(seq) {
            wrong.get_or_insert(seq);
        }
    }
    wrong.map_or(Ok(size), |seq| Err(format!("#{seq} is not what was written")))
}

/// Logs as they may be after a loss of power, looked at in one folder.
struct Aftermath {
    folder: TempDir,
    mixtures: u64,
    tried: u64,
}

impl Aftermath {
    fn new(mixtures: u64) -> Aftermath {
        Aftermath { folder: scratch(), mixtures, tried: 0 }
    }

    /// Does these operations, and looks after each but the first ones.
    fn follow(&mut self, ops: &[Op], from: usize) {
        let (mut disk, mut told) = (Disk::default(), 0);
        for (at, op) in ops.iter().enumerate() {
            disk.take(op);
            if let Op::Told(seq) = op {
                told = *seq;
            }
            if at >= from {
                let last: Vec<String> = ops[at.saturating_sub(LAST)..=at].iter().map(Op::to_string).collect();
                self.look(
                    &disk,
                    told,
                    &format!("after operation {at} of {}, {}", ops.len(), last.join(", ")),
                );
            }
        }
    }

    /// Fails if a log that a disk may hold lacks what was told, or is none.
    fn look(&mut self, disk: &Disk, told: u64, at: &str) {
        let mixtures = if disk.loose() > 0 { self.mixtures } else { 0 };
        let seeds = (0..mixtures).map(|mixture| Left::Some(self.tried ^ (mixture << 32)));
        let ways: Vec<Left> = [Left::Nothing, Left::All].into_iter().chain(seeds).collect();
        for left in ways {
            let files = disk.after(left);
            self.lay(&files);
            self.tried += 1;
            let sizes: Vec<_> = files.iter().map(|(name, bytes)| (name, bytes.len())).collect();
            let at = format!("{at}, with {left:?} of what was not synced left: {sizes:?}");
            let found = entries(self.folder.path()).unwrap_or_else(|error| panic!("{at}: {error}"));
            assert!((told..=all()).contains(&found), "{at}: #{told} was told, and {found} are there");
        }
    }

    /// Makes these files the log.
    fn lay(&self, files: &BTreeMap<String, Vec<u8>>) {
        for name in ["log.db", "log.db-wal", "log.db-shm", "log.db-journal"] {
            match fs::remove_file(self.folder.path().join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => panic!("{name}: {error}"),
                Ok(()) | Err(_) => {}
            }
        }
        for (name, bytes) in files {
            fs::write(self.folder.path().join(name), bytes).unwrap();
        }
    }
}

#[test]
fn nothing_that_was_told_is_lost_when_the_power_fails() {
    let ops = recorded(Tape::default());
    let syncs = ops.iter().filter(|op| matches!(op, Op::Sync { .. })).count();
    assert!(matches!(ops.iter().rfind(|op| matches!(op, Op::Told(_))), Some(Op::Told(seq)) if *seq == all()));
    let mixtures = if std::env::var_os("AOS_SOAK").is_some() { MANY_MIXTURES } else { MIXTURES };
    let mut aftermath = Aftermath::new(mixtures);
    aftermath.follow(&ops, 0);
    println!(
        "{} operations on disk, {syncs} of them syncs: {} logs after a loss of power",
        ops.len(),
        aftermath.tried
    );
    assert!(syncs > 2 * GROUPS.len(), "only {syncs} syncs");
}

/// Each sync fails once, in a run of its own: nothing is told that is not there, whatever the disk kept of what it did not sync.
#[test]
fn a_sync_that_fails_stops_the_log() {
    let fails = |nth| Tape { fails_sync: Some(nth), ..Tape::default() };
    let (stopped, tried) = failing(fails, 1);
    println!("{stopped} syncs that failed stopped the log: {tried} logs after a loss of power");
    assert!(stopped > GROUPS.len());
}

/// Likewise the writes.
#[test]
fn a_write_that_fails_stops_the_log() {
    let fails = |nth| Tape { fails_write: Some(nth), ..Tape::default() };
    let step = if std::env::var_os("AOS_SOAK").is_some() { 1 } else { 9 };
    let (stopped, tried) = failing(fails, step);
    println!("{stopped} writes that failed stopped the log: {tried} logs after a loss of power");
    assert!(stopped > GROUPS.len());
}

/// Lets every `step`th operation of a kind fail, each in a run of its own; answers how often that stopped the log, and how many
/// logs were looked at.
fn failing(fails: impl Fn(usize) -> Tape, step: usize) -> (usize, u64) {
    let mut aftermath = Aftermath::new(MIXTURES);
    let mut stopped = 0;
    for nth in (0..).step_by(step) {
        let ops = recorded(fails(nth));
        let Some(failed) = ops.iter().position(|op| matches!(op, Op::Failed)) else { break };
        aftermath.follow(&ops, failed);
        stopped += usize::from(!ops.iter().any(|op| matches!(op, Op::Told(seq) if *seq == all())));
    }
    (stopped, aftermath.tried)
}
