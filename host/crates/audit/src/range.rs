//! A proof for neighbouring leaves: the tree's root from those leaves and the hashes of all subtrees beside them, in the
//! order in which RFC 6962's recursion meets them. For one leaf it has the hashes of an inclusion proof.

use std::ops::Range;

use crate::Hash;
use crate::hash::{empty_root, node_hash};
use crate::proof::{PROOF_SIZE, ProofError, Tiles, range_hash, split};

/// The subtrees beside the leaves `inside`, left to right.
fn beside(inside: &Range<u64>, size: u64) -> Vec<Range<u64>> {
    let mut found = Vec::new();
    let mut rest: Vec<Range<u64>> = std::iter::once(0..size).collect();
    while let Some(part) = rest.pop() {
        if part.end <= inside.start || part.start >= inside.end {
            found.push(part);
        } else if part.start < inside.start || part.end > inside.end {
            let middle = part.start + split(part.end - part.start);
            rest.push(middle..part.end);
            rest.push(part.start..middle);
        }
    }
    found
}

fn check(inside: &Range<u64>, size: u64) -> Result<(), ProofError> {
    if inside.start >= inside.end || inside.end > size || size > PROOF_SIZE {
        return Err(ProofError::Range(inside.end, size));
    }
    Ok(())
}

/// The hashes beside the leaves `inside`, counted from 0, in the tree of `size` leaves: at most 126.
///
/// # Errors
/// [`ProofError::Range`] in the inner result, or why a tile cannot be had.
pub fn surroundings<T: Tiles>(
    tiles: &T,
    inside: &Range<u64>,
    size: u64,
) -> Result<Result<Vec<Hash>, ProofError>, T::Error> {
    if let Err(error) = check(inside, size) {
        return Ok(Err(error));
    }
    beside(inside, size)
        .into_iter()
        .map(|part| range_hash(tiles, size, part))
        .collect::<Result<_, _>>()
        .map(Ok)
}

/// Takes leaves one by one and answers the root at the end. Memory grows with the tree's height, not with the leaves.
#[derive(Debug)]
pub struct RangeRoot {
    inside: Range<u64>,
    next: u64,
    /// Subtrees that are done, with their leaves, left to right: no two of them are siblings.
    done: Vec<(Range<u64>, Hash)>,
    /// Subtrees to the right, right to left.
    after: Vec<(Range<u64>, Hash)>,
}

impl RangeRoot {
    /// For the leaves `inside` of a tree of `size` leaves, with the hashes beside them.
    ///
    /// # Errors
    /// When there is no such tree, or it has another number of hashes beside.
    pub fn new(inside: Range<u64>, size: u64, hashes: &[Hash]) -> Result<RangeRoot, ProofError> {
        check(&inside, size)?;
        let parts = beside(&inside, size);
        if parts.len() != hashes.len() {
            return Err(ProofError::Length { expected: parts.len(), found: hashes.len() });
        }
        let (mut done, mut after) = (Vec::new(), Vec::new());
        for (part, hash) in parts.into_iter().zip(hashes) {
            let side = if part.end <= inside.start { &mut done } else { &mut after };
            side.push((part, *hash));
        }
        after.reverse();
        Ok(RangeRoot { next: inside.start, inside, done, after })
    }

    /// Takes the next leaf's hash. Further ones than were announced change the root.
    pub fn push(&mut self, leaf: Hash) {
        self.add(self.next..self.next + 1, leaf);
        self.next += 1;
    }

    /// Adds a full or rightmost subtree, and joins it with its left siblings while both are full and as large.
    fn add(&mut self, mut part: Range<u64>, mut hash: Hash) {
        while let Some((left, _)) = self.done.last() {
            let (leaves, beside) = (part.end - part.start, left.end - left.start);
            let siblings = leaves == beside && left.start % (2 * leaves) == 0;
            if !siblings {
                break;
            }
            if let Some((left, then)) = self.done.pop() {
                (part, hash) = (left.start..part.end, node_hash(&then, &hash));
            }
        }
        self.done.push((part, hash));
    }

    /// The root.
    ///
    /// # Errors
    /// When leaves are missing.
    pub fn finish(mut self) -> Result<Hash, ProofError> {
        if self.next != self.inside.end {
            return Err(ProofError::Range(self.next, self.inside.end));
        }
        while let Some((part, hash)) = self.after.pop() {
            self.add(part, hash);
        }
        let mut peaks = self.done.into_iter().rev().map(|(_, hash)| hash);
        let last = peaks.next().unwrap_or_else(empty_root);
        Ok(peaks.fold(last, |right, left| node_hash(&left, &right)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{self, tests::Memory};
    use proptest::prelude::*;

    fn root_of(log: &Memory, inside: Range<u64>, size: u64, hashes: &[Hash]) -> Result<Hash, ProofError> {
        let mut root = RangeRoot::new(inside.clone(), size, hashes)?;
        inside.for_each(|at| root.push(log.leaf(at)));
        root.finish()
    }

    #[test]
    fn every_range_of_every_size_to_70_gives_the_root() {
        let log = Memory::new(70);
        for size in 1..=70 {
            let top = proof::root(&log, size).unwrap();
            for start in 0..size {
                for end in start + 1..=size {
                    let hashes = surroundings(&log, &(start..end), size).unwrap().unwrap();
                    assert_eq!(root_of(&log, start..end, size, &hashes), Ok(top), "{start}..{end} of {size}");
                }
            }
        }
    }

    #[test]
    fn what_is_about_no_tree_is_refused() {
        let log = Memory::new(8);
        for (inside, size) in [(0..0, 8), (3..9, 8), (0..1, u64::MAX)] {
            assert!(surroundings(&log, &inside, size).unwrap().is_err());
            assert!(RangeRoot::new(inside, size, &[]).is_err());
        }
        assert!(matches!(RangeRoot::new(0..1, 8, &[]), Err(ProofError::Length { expected: 3, found: 0 })));
        let short = RangeRoot::new(0..8, 8, &[]).unwrap();
        assert_eq!(short.finish(), Err(ProofError::Range(0, 8)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn larger_ranges_give_the_root_and_changed_ones_do_not(size in 1_u64..20_000, a in any::<u64>(), b in any::<u64>()) {
            let log = Memory::new(size);
            let start = a % size;
            let end = start + 1 + b % (size - start);
            let top = proof::root(&log, size).unwrap();
            let mut hashes = surroundings(&log, &(start..end), size).unwrap().unwrap();
            prop_assert_eq!(root_of(&log, start..end, size, &hashes), Ok(top));
            if let Some(first) = hashes.first_mut() {
                first[0] ^= 1;
                prop_assert_ne!(root_of(&log, start..end, size, &hashes), Ok(top));
            }
        }
    }
}
