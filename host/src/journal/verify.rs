//! Checks a log: every line against the tree, and what is derived against the entries. It needs nothing but the stored
//! bytes: bodies and checkpoints are compared by who looks on, what the entries mean is checked by the kernel's fold.

use audit::{Hash, TILE_HEIGHT, TILE_WIDTH, Tree, leaf_hash};
use rusqlite::OptionalExtension;
use std::collections::BTreeMap;

use super::reader::{Reader, Span};
use super::store::StoreError;
use super::tiles::hashes;

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
    /// One of these entries is not what was logged, and no stored hash tells which.
    #[error("#{from} to #{to}: {what}")]
    Between {
        /// The first of them.
        from: u64,
        /// The last of them.
        to: u64,
        /// What is wrong.
        what: String,
    },
    /// The log as a whole is not what was logged.
    #[error("{0}")]
    Log(String),
}

/// What is said of an entry whose hash is another than the stored one.
pub const DIFFERS: &str = "leaf differs from its tile";

impl Reader {
    /// Recomputes the tree over all entries and compares tiles, root and derived tables; `check` sees every line with the
    /// tree up to it, and answers the run that it belongs to.
    ///
    /// # Errors
    /// The first thing that is wrong, or why the log cannot be read.
    pub fn verify(
        &self,
        mut check: impl FnMut(u64, &[u8], &Tree) -> Result<u32, Fault>,
    ) -> Result<Report, Fault> {
        // One snapshot, the caller's if it has one.
        let _snapshot = self.store().db.is_autocommit().then(|| self.snapshot()).transpose()?;
        let (size, root) = self.head()?;
        let mut tree = Tree::new();
        let mut spans: BTreeMap<u32, Span> = BTreeMap::new();
        self.lines(1, size, |seq, line| {
            for tile in tree.push(leaf_hash(line)) {
                let stored = self.store().full(tile.level, tile.index)?;
                compare(seq, &tile, stored.as_deref())?;
            }
            let run = check(seq, line, &tree)?;
            let span = spans.entry(run).or_insert(Span { run, first: seq, last: seq, entries: 0 });
            (span.last, span.entries) = (seq, span.entries + 1);
            Ok::<(), Fault>(())
        })?;
        self.edge(&tree)?;
        if tree.root() != root {
            let (from, what) =
                (size - size % TILE_WIDTH as u64 + 1, "the entries do not give the stored root".into());
            return Err(match from <= size {
                true => Fault::Between { from, to: size, what },
                false => Fault::Log("the stored root does not follow from the tiles".into()),
            });
        }
        if !self.spans()?.iter().eq(spans.values()) {
            return Err(Fault::Log("the table of runs does not follow from the entries".into()));
        }
        self.surplus(size)?;
        Ok(Report { entries: size, root, runs: spans.len() })
    }

    /// Compares the partial tiles of the newest checkpoint. The log may have grown since.
    fn edge(&self, tree: &Tree) -> Result<(), Fault> {
        let store = self.store();
        let sql = "SELECT level, idx, hashes FROM edge ORDER BY level";
        let mut query = store.db.prepare_cached(sql).map_err(|e| store.sql(e))?;
        let mut rows = query.query([]).map_err(|e| store.sql(e))?;
        while let Some(row) = rows.next().map_err(|e| store.sql(e))? {
            let read = || Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?));
            let (level, index, stored) = read().map_err(|e| store.sql(e))?;
            let place = format!("the partial tile {level}/{index}");
            let damaged = || Fault::Log(format!("{place} is damaged"));
            let level = u8::try_from(level).map_err(|_| damaged())?;
            let index = u64::try_from(index).map_err(|_| damaged())?;
            let now = match store.full(level, index)? {
                Some(full) => hashes(&full),
                None if index == full_tiles(tree.size(), level) => {
                    tree.levels().get(usize::from(level)).cloned()
                }
                None => None,
            };
            let (now, then) = (now.unwrap_or_default(), hashes(&stored).ok_or_else(damaged)?);
            match then.iter().enumerate().find(|(at, hash)| now.get(*at) != Some(hash)) {
                None => {}
                Some((at, _)) if level == 0 && at < now.len() => {
                    let seq = index.saturating_mul(TILE_WIDTH as u64) + at as u64 + 1;
                    return Err(Fault::Entry { seq, what: DIFFERS.into() });
                }
                Some(_) => return Err(Fault::Log(format!("{place} does not follow from the entries"))),
            }
        }
        Ok(())
    }

    /// Nothing may lie beyond the head: the head is written with every entry.
    fn surplus(&self, size: u64) -> Result<(), Fault> {
        let count = |sql: &str| {
            let count = self.store().db.query_row(sql, [size as i64], |row| row.get::<_, i64>(0));
            count.map_err(|e| self.store().sql(e))
        };
        let last = self.store().db.query_row(
            "SELECT first, lines FROM chunk ORDER BY first DESC LIMIT 1",
            [],
            |row| {
                let lines = row.get_ref(1)?.as_blob()?.split(|byte| *byte == b'\n').count();
                Ok(row.get::<_, i64>(0)?.saturating_add(lines as i64) - 1)
            },
        );
        let last = last.optional().map_err(|e| self.store().sql(e))?.unwrap_or(0);
        if last > size as i64 || count("SELECT count(*) FROM chunk WHERE first > ?1 OR first < 1")? > 0 {
            return Err(Fault::Log(format!("there are entries beyond #{size}, the last one committed to")));
        }
        if count("SELECT count(*) FROM body WHERE seq > ?1 OR seq < 1")? > 0 {
            return Err(Fault::Log("there are bodies that belong to no entry".into()));
        }
        // Those of the tree were all looked at.
        let tiles: u64 = (0..(u64::BITS / TILE_HEIGHT) as u8).map(|level| full_tiles(size, level)).sum();
        if count("SELECT count(*) FROM tile WHERE ?1 >= 0")?.unsigned_abs() != tiles {
            return Err(Fault::Log(format!("there are tiles beyond #{size}")));
        }
        Ok(())
    }
}

/// How many tiles of a level are full.
fn full_tiles(size: u64, level: u8) -> u64 {
    size.checked_shr(TILE_HEIGHT * (u32::from(level) + 1)).unwrap_or(0)
}

/// Compares a recomputed tile with the stored one, and names the entry that differs where the tile tells.
fn compare(seq: u64, tile: &audit::Tile, stored: Option<&[u8]>) -> Result<(), Fault> {
    let Some(stored) = stored else {
        return Err(Fault::Entry { seq, what: format!("tile {}/{} is missing", tile.level, tile.index) });
    };
    let Some(hashes) = hashes(stored).filter(|hashes| hashes.len() == TILE_WIDTH) else {
        return Err(Fault::Entry { seq, what: format!("tile {}/{} is not full", tile.level, tile.index) });
    };
    match tile.hashes.iter().zip(&hashes).position(|(now, then)| now != then) {
        None => Ok(()),
        Some(at) if tile.level == 0 => {
            let seq = tile.index * TILE_WIDTH as u64 + at as u64 + 1;
            Err(Fault::Entry { seq, what: DIFFERS.into() })
        }
        Some(_) => Err(Fault::Log(format!(
            "tile {}/{} does not follow from the tiles below it",
            tile.level, tile.index
        ))),
    }
}
