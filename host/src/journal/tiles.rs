//! The tree as it is stored: full tiles, and what follows from them and from the entries. A proof reads a tile for each
//! 256th part of the way to the root.

use audit::proof::Tiles;
use audit::{Hash, TILE_HEIGHT, TILE_WIDTH, Tree, leaf_hash, partial_len};
use rusqlite::{OptionalExtension, params};

use super::store::{Store, StoreError};

impl Tiles for Store {
    type Error = StoreError;

    /// The first hashes of a tile that is full by now, or of one on the right edge.
    fn tile(&self, level: u8, index: u64, width: usize) -> Result<Vec<Hash>, StoreError> {
        let missing = || self.damaged(format!("tile {level}/{index} is not there, or not full"));
        if let Some(tile) = self.full(level, index)? {
            let mut hashes = hashes(&tile).filter(|tile| tile.len() == TILE_WIDTH).ok_or_else(missing)?;
            hashes.truncate(width);
            return Ok(hashes);
        }
        if width >= TILE_WIDTH {
            return Err(missing());
        }
        let mut known = self.edge(level, index)?;
        known.truncate(width);
        let first = index * TILE_WIDTH as u64;
        match level.checked_sub(1) {
            None => known.extend(self.leaves(first + known.len() as u64, width - known.len())?),
            Some(below) => {
                for at in known.len()..width {
                    let tile = self.full(below, first + at as u64)?;
                    known.push(tile.as_deref().and_then(root_of).ok_or_else(missing)?);
                }
            }
        }
        Ok(known)
    }
}

impl Store {
    /// The tree as of the last commit, from full tiles and the entries after them, checked against its root.
    ///
    /// # Errors
    /// When they do not give the stored root.
    pub fn tree(&self) -> Result<Tree, StoreError> {
        let (size, root) = self.head()?;
        let mut levels = Vec::new();
        let mut above = size;
        for level in 0..(u64::BITS / TILE_HEIGHT) as u8 {
            let (index, width) = (above / TILE_WIDTH as u64, partial_len(size, level));
            levels.push(match (level, width) {
                (_, 0) => Vec::new(),
                // By the entries themselves: that they are as they were is what is asked.
                (0, _) => self.leaves(size - width as u64, width)?,
                _ => self.tile(level, index, width)?,
            });
            above = index;
        }
        let tree = Tree::resume(size, levels).map_err(|e| self.damaged(e.to_string()))?;
        if tree.root() != root {
            return Err(self.damaged("the entries do not give the root that was stored with them".into()));
        }
        Ok(tree)
    }

    /// A full tile's bytes.
    pub(super) fn full(&self, level: u8, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT hashes FROM tile WHERE level = ?1 AND idx = ?2";
        let mut query = self.db.prepare_cached(sql).map_err(|e| self.sql(e))?;
        let row = query.query_row(params![level, index as i64], |row| row.get(0));
        row.optional().map_err(|e| self.sql(e))
    }

    /// What the newest checkpoint left of a partial tile: perhaps nothing.
    pub(super) fn edge(&self, level: u8, index: u64) -> Result<Vec<Hash>, StoreError> {
        let sql = "SELECT hashes FROM edge WHERE level = ?1 AND idx = ?2";
        let mut query = self.db.prepare_cached(sql).map_err(|e| self.sql(e))?;
        let row = query.query_row(params![level, index as i64], |row| row.get::<_, Vec<u8>>(0)).optional();
        let row = row.map_err(|e| self.sql(e))?.unwrap_or_default();
        hashes(&row).ok_or_else(|| self.damaged(format!("the partial tile {level}/{index} is cut off")))
    }

    /// The leaf hashes of so many entries after the first `before`.
    fn leaves(&self, before: u64, count: usize) -> Result<Vec<Hash>, StoreError> {
        let mut leaves = Vec::with_capacity(count);
        self.lines(before + 1, before + count as u64, |_, line| {
            leaves.push(leaf_hash(line));
            Ok::<(), StoreError>(())
        })?;
        Ok(leaves)
    }
}

/// The hashes of a tile's bytes; none when there is a part of one.
pub(super) fn hashes(tile: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = tile.as_chunks::<32>();
    rest.is_empty().then(|| hashes.to_vec())
}

/// The root of a full tile.
fn root_of(tile: &[u8]) -> Option<Hash> {
    let mut tree = Tree::new();
    for hash in hashes(tile).filter(|hashes| hashes.len() == TILE_WIDTH)? {
        tree.push(hash);
    }
    Some(tree.root())
}
