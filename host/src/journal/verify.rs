//! Checks a log: every line against the tree, every body against its line, and what is derived against the entries.
//! It needs nothing but the stored bytes; what the entries mean is checked by the kernel's fold.

use audit::{Hash, TILE_WIDTH, Tree, leaf_hash};
use std::collections::BTreeMap;

use super::reader::{Reader, Span};
use super::store::StoreError;

/// What a sound log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Entries in the log.
    pub entries: u64,
    /// The root of its tree.
    pub root: Hash,
    /// Runs in it.
    pub runs: usize,
}

/// Why a log does not verify.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry is not what was logged.
    #[error("#{seq}: {what}")]
    Entry {
        /// The entry.
        seq: u64,
        /// What is wrong.
        what: String,
    },
    /// The log as a whole is not what was logged.
    #[error("{0}")]
    Log(String),
}

impl Reader {
    /// Recomputes the tree over all entries and compares tiles, root and derived tables; `check` sees every line and
    /// answers the run it belongs to.
    ///
    /// # Errors
    /// The first thing that is wrong, or why the log cannot be read.
    pub fn verify(&self, mut check: impl FnMut(u64, &[u8]) -> Result<u32, Fault>) -> Result<Report, Fault> {
        // One snapshot: a host may be writing meanwhile.
        let _snapshot = self.store().db.unchecked_transaction().map_err(|e| self.store().sql(e))?;
        let (size, root) = self.head()?;
        let mut tree = Tree::new();
        let mut spans: BTreeMap<u32, Span> = BTreeMap::new();
        let mut tile_leaves: Vec<Hash> = Vec::with_capacity(TILE_WIDTH);
        self.lines(1, size, |seq, line| {
            let leaf = leaf_hash(line);
            tile_leaves.push(leaf);
            for tile in tree.push(leaf) {
                let stored = self.store().tile(i64::from(tile.level), tile.index)?;
                compare(seq, &tile, stored.as_deref())?;
            }
            let run = check(seq, line)?;
            let span = spans.entry(run).or_insert(Span { run, first: seq, last: seq, entries: 0 });
            (span.last, span.entries) = (seq, span.entries + 1);
            Ok::<(), Fault>(())
        })?;
        if tree.root() != root {
            let from = size - size % TILE_WIDTH as u64 + 1;
            return Err(Fault::Log(format!(
                "the entries do not give the stored root; #{from} to #{size} have no tile to tell which"
            )));
        }
        if !self.spans()?.iter().eq(spans.values()) {
            return Err(Fault::Log("the table of runs does not follow from the entries".into()));
        }
        self.surplus(size)?;
        Ok(Report { entries: size, root, runs: spans.len() })
    }

    /// Nothing may lie beyond the head: the head is written with every entry.
    fn surplus(&self, size: u64) -> Result<(), Fault> {
        let count = |sql: &str| {
            self.store()
                .db
                .query_row(sql, [size as i64], |row| row.get::<_, i64>(0))
                .map_err(|e| self.store().sql(e))
        };
        if count("SELECT count(*) FROM chunk WHERE first > ?1")? > 0 {
            return Err(Fault::Log(format!("there are entries beyond #{size}, the last one committed to")));
        }
        if count("SELECT count(*) FROM body WHERE seq > ?1 OR seq < 1")? > 0 {
            return Err(Fault::Log("there are bodies that belong to no entry".into()));
        }
        let tiles = size / TILE_WIDTH as u64;
        let beyond = self.store().db.query_row(
            "SELECT count(*) FROM tile WHERE level = 0 AND idx >= ?1",
            [tiles as i64],
            |row| row.get::<_, i64>(0),
        );
        if beyond.map_err(|e| self.store().sql(e))? > 0 {
            return Err(Fault::Log(format!("there are tiles beyond #{size}")));
        }
        Ok(())
    }
}

/// Compares a recomputed tile with the stored one, and names the entry that differs where the tile tells.
fn compare(seq: u64, tile: &audit::Tile, stored: Option<&[u8]>) -> Result<(), Fault> {
    let Some(stored) = stored else {
        return Err(Fault::Entry { seq, what: format!("tile {}/{} is missing", tile.level, tile.index) });
    };
    let (hashes, rest) = stored.as_chunks::<32>();
    if hashes.len() != TILE_WIDTH || !rest.is_empty() {
        return Err(Fault::Entry { seq, what: format!("tile {}/{} is not full", tile.level, tile.index) });
    }
    match tile.hashes.iter().zip(hashes).position(|(now, then)| now != then) {
        None => Ok(()),
        Some(at) if tile.level == 0 => {
            let seq = tile.index * TILE_WIDTH as u64 + at as u64 + 1;
            Err(Fault::Entry { seq, what: "leaf differs from its tile".into() })
        }
        Some(_) => Err(Fault::Log(format!(
            "tile {}/{} does not follow from the tiles below it",
            tile.level, tile.index
        ))),
    }
}
