//! An append-only Merkle tree (RFC 6962 §2.1) that keeps its right edge only.

use crate::tile::{TILE_HEIGHT, TILE_WIDTH, Tile, partial_len};
use crate::{Hash, empty_root, node_hash};

/// Leaves that a tree may have, 2⁵³ − 1: sizes are written to JSON.
pub const MAX_SIZE: u64 = (1 << 53) - 1;

/// The right edge of a tree: its partial tiles, and its peaks. Memory is at most 8 KiB a level,
/// and a level holds 256 times the leaves of the one below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// By level, the hashes of the rightmost tile while it is not full; no empty level on top.
    levels: Vec<Vec<Hash>>,
    /// The roots of the largest full subtrees, left to right: one for each 1 in `size`.
    peaks: Vec<Hash>,
}

/// Why the right edge of a tree was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// The size is over [`MAX_SIZE`].
    #[error("a tree of {0} leaves is over the limit of {MAX_SIZE}; the stored size is damaged")]
    Size(u64),
    /// A level has another number of hashes than the size demands.
    #[error(
        "the partial tile of level {level} has {found} hashes where a tree of {size} leaves has {expected}; \
         rebuild it from the entries"
    )]
    Level {
        /// Leaves of the tree.
        size: u64,
        /// The level, 0 for leaves.
        level: usize,
        /// Hashes that the size demands.
        expected: usize,
        /// Hashes that were given.
        found: usize,
    },
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new()
    }
}

impl Tree {
    /// A tree without leaves.
    pub fn new() -> Tree {
        Tree { size: 0, levels: Vec::new(), peaks: Vec::new() }
    }

    /// The tree of `size` leaves whose partial tiles hold `levels`, as [`Tree::levels`] answered them.
    /// Only their lengths can be checked here: compare [`Tree::root`] with a signed checkpoint.
    ///
    /// # Errors
    /// [`ResumeError`] when the size is over [`MAX_SIZE`], or a level's length is not [`partial_len`].
    pub fn resume(size: u64, mut levels: Vec<Vec<Hash>>) -> Result<Tree, ResumeError> {
        if size > MAX_SIZE {
            return Err(ResumeError::Size(size));
        }
        for level in 0..levels.len().max(u64::BITS as usize / TILE_HEIGHT as usize) {
            let expected = u8::try_from(level).map_or(0, |level| partial_len(size, level));
            let found = levels.get(level).map_or(0, Vec::len);
            if found != expected {
                return Err(ResumeError::Level { size, level, expected, found });
            }
        }
        while levels.last().is_some_and(Vec::is_empty) {
            levels.pop();
        }
        let peaks = levels.iter().rev().flat_map(|hashes| peaks(hashes)).collect();
        Ok(Tree { size, levels, peaks })
    }

    /// Leaves in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the partial tiles, by level: what [`Tree::resume`] takes.
    pub fn levels(&self) -> &[Vec<Hash>] {
        &self.levels
    }

    /// Appends a leaf's hash. Answers the tiles that it made full, lowest level first: none for 255
    /// leaves of 256, and then nothing is allocated for the answer. One node hash on average.
    ///
    /// The caller ends a log before [`MAX_SIZE`]: [`Tree::resume`] does not take a larger tree.
    pub fn push(&mut self, leaf: Hash) -> Vec<Tile> {
        let mut full = Vec::new();
        let mut hash = leaf;
        self.keep(0, hash);
        // Adding 1 carries through the trailing ones of the size: each carry merges two subtrees.
        for height in 1..=self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
            if height % TILE_HEIGHT == 0 {
                let level = (height / TILE_HEIGHT) as usize;
                let hashes = std::mem::take(&mut self.levels[level - 1]);
                let index = self.size >> height;
                full.push(Tile { level: (level - 1) as u8, index, hashes });
                self.keep(level, hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
        full
    }

    fn keep(&mut self, level: usize, hash: Hash) {
        if level == self.levels.len() {
            self.levels.push(Vec::new());
        }
        let tile = &mut self.levels[level];
        if tile.is_empty() {
            tile.reserve_exact(TILE_WIDTH);
        }
        tile.push(hash);
    }

    /// The root of all leaves (RFC 6962's MTH): at most 52 node hashes.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else {
            return empty_root();
        };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The roots of the largest full subtrees over `hashes`, left to right.
fn peaks(mut hashes: &[Hash]) -> Vec<Hash> {
    let mut peaks = Vec::new();
    while !hashes.is_empty() {
        let (left, right) = hashes.split_at(1 << hashes.len().ilog2());
        peaks.push(subtree(left));
        hashes = right;
    }
    peaks
}

/// The root of a full subtree. `hashes` has a power of two of them, at most half a tile.
fn subtree(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&subtree(left), &subtree(right))
        }
    }
}

#[cfg(test)]
mod tests;
