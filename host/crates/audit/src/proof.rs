//! Proofs of inclusion and of consistency (RFC 6962 §2.1, RFC 9162 §2.1.3 and §2.1.4): made from a tree's tiles, checked from
//! hashes alone. Both are loops over at most 63 steps.

use std::ops::Range;

use crate::tile::{TILE_HEIGHT, TILE_WIDTH, partial_len};
use crate::{Hash, empty_root, node_hash};

/// The largest size that a proof can be about: what C2SP's formats carry in 63 bits.
pub const PROOF_SIZE: u64 = (1 << 63) - 1;

/// Hashes in a proof at most; a longer one proves nothing.
pub const PROOF_HASHES: usize = 64;

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It is about a leaf beyond the tree, a tree that shrinks, or one over [`PROOF_SIZE`].
    #[error("the proof is about no such tree: {0} does not go into {1}")]
    Range(u64, u64),
    /// It has too few or too many hashes.
    #[error("the proof has {found} hashes, where these trees need {expected}")]
    Length {
        /// What the sizes demand.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Where the hashes of a tree are. Only full tiles and the partial ones of one size are asked for.
pub trait Tiles {
    /// Why one cannot be had.
    type Error;

    /// The first `width` hashes of a tile, which are there.
    ///
    /// # Errors
    /// When they cannot be had; fewer than `width` are an error too.
    fn tile(&self, level: u8, index: u64, width: usize) -> Result<Vec<Hash>, Self::Error>;
}

/// The leaves under each hash of an inclusion proof, the leaf's sibling first (RFC 6962 §2.1.1).
fn inclusion_ranges(index: u64, size: u64) -> Vec<Range<u64>> {
    let (mut low, mut high) = (0, size);
    let mut ranges = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            ranges.push(middle..high);
            high = middle;
        } else {
            ranges.push(low..middle);
            low = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The leaves under each hash of a consistency proof (RFC 6962 §2.1.2); none from an empty tree, or to the same one.
fn consistency_ranges(old: u64, new: u64) -> Vec<Range<u64>> {
    if old == 0 {
        return Vec::new();
    }
    let (mut low, mut high) = (0, new);
    let mut ranges = Vec::new();
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            ranges.push(middle..high);
            high = middle;
        } else {
            ranges.push(low..middle);
            low = middle;
        }
    }
    // The whole of the old tree is known to who checks the proof.
    if low != 0 {
        ranges.push(low..high);
    }
    ranges.reverse();
    ranges
}

/// The largest power of two below `leaves`, which is over 1.
pub(crate) fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// The proof that leaf `index`, counted from 0, is in the tree of `size` leaves.
///
/// # Errors
/// [`ProofError::Range`] in the inner result, or why a tile cannot be had.
pub fn inclusion<T: Tiles>(
    tiles: &T,
    index: u64,
    size: u64,
) -> Result<Result<Vec<Hash>, ProofError>, T::Error> {
    if index >= size || size > PROOF_SIZE {
        return Ok(Err(ProofError::Range(index, size)));
    }
    collect(tiles, size, inclusion_ranges(index, size)).map(Ok)
}

/// The proof that the tree of `new` leaves begins with the tree of `old` leaves.
///
/// # Errors
/// [`ProofError::Range`] in the inner result, or why a tile cannot be had.
pub fn consistency<T: Tiles>(
    tiles: &T,
    old: u64,
    new: u64,
) -> Result<Result<Vec<Hash>, ProofError>, T::Error> {
    if old > new || new > PROOF_SIZE {
        return Ok(Err(ProofError::Range(old, new)));
    }
    collect(tiles, new, consistency_ranges(old, new)).map(Ok)
}

/// The root of the first `size` leaves.
///
/// # Errors
/// Why a tile cannot be had.
pub fn root<T: Tiles>(tiles: &T, size: u64) -> Result<Hash, T::Error> {
    if size == 0 { Ok(empty_root()) } else { range_hash(tiles, size, 0..size) }
}

fn collect<T: Tiles>(tiles: &T, size: u64, ranges: Vec<Range<u64>>) -> Result<Vec<Hash>, T::Error> {
    ranges.into_iter().map(|range| range_hash(tiles, size, range)).collect()
}

/// The hash over a range that a proof names: it begins at a multiple of every power of two in its length.
pub(crate) fn range_hash<T: Tiles>(tiles: &T, size: u64, range: Range<u64>) -> Result<Hash, T::Error> {
    let mut peaks = Vec::new();
    let mut low = range.start;
    while low < range.end {
        let height = (range.end - low).ilog2();
        peaks.push(node(tiles, size, height, low >> height)?);
        low += 1 << height;
    }
    let mut peaks = peaks.into_iter().rev();
    let last = peaks.next().unwrap_or_else(empty_root);
    Ok(peaks.fold(last, |right, left| node_hash(&left, &right)))
}

/// The root of a full subtree: `index` counts those of its height.
fn node<T: Tiles>(tiles: &T, size: u64, height: u32, index: u64) -> Result<Hash, T::Error> {
    let (level, inside) = ((height / TILE_HEIGHT) as u8, height % TILE_HEIGHT);
    let first = index << inside;
    let tile = first / TILE_WIDTH as u64;
    let full = (size >> (TILE_HEIGHT * u32::from(level))) / TILE_WIDTH as u64 > tile;
    let width = if full { TILE_WIDTH } else { partial_len(size, level) };
    let hashes = tiles.tile(level, tile, width)?;
    let at = (first % TILE_WIDTH as u64) as usize;
    Ok(subtree(&hashes[at..at + (1 << inside)]))
}

/// The root of a full subtree over `hashes`, a power of two of them.
fn subtree(hashes: &[Hash]) -> Hash {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = level.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    level[0]
}

/// Checks that a leaf hash is at `index` in the tree of `size` leaves with this root (RFC 9162 §2.1.3.2).
///
/// # Errors
/// Why it is not proved.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size || size > PROOF_SIZE {
        return Err(ProofError::Range(index, size));
    }
    let length = |expected| ProofError::Length { expected, found: proof.len() };
    let expected = inclusion_ranges(index, size).len();
    if proof.len() != expected {
        return Err(length(expected));
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if hash == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree of `new` leaves and its root begin with the tree of `old` leaves and its root (RFC 9162 §2.1.4.2).
///
/// # Errors
/// Why it is not proved.
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new || new > PROOF_SIZE {
        return Err(ProofError::Range(old, new));
    }
    let expected = consistency_ranges(old, new).len();
    if proof.len() != expected {
        return Err(ProofError::Length { expected, found: proof.len() });
    }
    // The root of nothing is known.
    if [(old, old_root), (new, new_root)].iter().any(|(size, root)| *size == 0 && **root != empty_root()) {
        return Err(ProofError::Root);
    }
    if old == new {
        return if old_root == new_root { Ok(()) } else { Err(ProofError::Root) };
    }
    if old == 0 {
        return Ok(());
    }
    // The old tree itself is the first hash where it is a full subtree of the new one.
    let mut proof = old.is_power_of_two().then_some(old_root).into_iter().chain(proof);
    let shift = (old - 1).trailing_ones();
    let (mut place, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let first = *proof.next().ok_or(ProofError::Root)?;
    let (mut then, mut now) = (first, first);
    for hash in proof {
        if place & 1 == 1 || place == last {
            then = node_hash(hash, &then);
            now = node_hash(hash, &now);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            now = node_hash(&now, hash);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if then == *old_root && now == *new_root { Ok(()) } else { Err(ProofError::Root) }
}

#[cfg(test)]
pub(crate) mod tests;
