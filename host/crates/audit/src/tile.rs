//! Tiles: how a Merkle tree is cut into files that never change (C2SP tlog-tiles, height 8).
//!
//! The tile `index` of level 0 holds the leaf hashes from 256 × `index`. A hash of level `k` + 1 is the
//! root of one full tile of level `k`, which is a subtree of 256^(`k` + 1) leaves.

use crate::Hash;

/// Levels of the tree in one tile.
pub const TILE_HEIGHT: u32 = 8;

/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 1 << TILE_HEIGHT;

/// A full tile: it is final, and the same in every larger tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// 0 for leaf hashes.
    pub level: u8,
    /// Its place in its level, counted from 0.
    pub index: u64,
    /// Its hashes, left to right: [`TILE_WIDTH`] of them.
    pub hashes: Vec<Hash>,
}

impl Tile {
    /// The contents of the tile's file: the hashes, one after the other (tlog-tiles, "Merkle Tree").
    pub fn bytes(&self) -> Vec<u8> {
        self.hashes.concat()
    }
}

/// Hashes in the rightmost tile of `level` while it is not full: ⌊`size` / 256^`level`⌋ mod 256.
/// It is 0 where every tile of the level is full, or the tree does not reach the level.
pub fn partial_len(size: u64, level: u8) -> usize {
    let above = size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0);
    // The mask leaves at most 255.
    (above & (TILE_WIDTH as u64 - 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_lengths_are_the_digits_of_the_size() {
        assert_eq!(partial_len(0, 0), 0);
        assert_eq!(partial_len(255, 0), 255);
        assert_eq!((partial_len(256, 0), partial_len(256, 1)), (0, 1));
        // The example of tlog-tiles: a tree of 70,000 leaves.
        assert_eq!([0, 1, 2, 3].map(|level| partial_len(70_000, level)), [112, 17, 1, 0]);
        assert_eq!((partial_len(u64::MAX, 7), partial_len(u64::MAX, 8)), (255, 0));
        assert_eq!(partial_len(u64::MAX, u8::MAX), 0);
    }
}
