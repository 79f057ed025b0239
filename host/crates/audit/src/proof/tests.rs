use super::*;
use crate::{Tree, leaf_hash};
use proptest::prelude::*;

/// The leaves that RFC 6962's implementations share.
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

/// All tiles of a log, in memory: the leaves, and the roots of the full tiles of each level below.
pub(crate) struct Memory {
    leaves: Vec<Hash>,
    above: Vec<Vec<Hash>>,
}

impl Memory {
    pub(crate) fn new(size: u64) -> Memory {
        Memory::of((0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect())
    }

    pub(crate) fn leaf(&self, at: u64) -> Hash {
        self.leaves[at as usize]
    }

    pub(crate) fn of(leaves: Vec<Hash>) -> Memory {
        let roots = |hashes: &Vec<Hash>| -> Vec<Hash> {
            hashes.as_chunks::<TILE_WIDTH>().0.iter().map(|tile| subtree(tile)).collect()
        };
        let first = roots(&leaves);
        let above = std::iter::successors(Some(first), |level| Some(roots(level)));
        Memory { above: above.take_while(|level| !level.is_empty()).collect(), leaves }
    }
}

impl Tiles for Memory {
    type Error = std::convert::Infallible;

    fn tile(&self, level: u8, index: u64, width: usize) -> Result<Vec<Hash>, Self::Error> {
        let hashes = if level == 0 { &self.leaves } else { &self.above[usize::from(level) - 1] };
        Ok(hashes[index as usize * TILE_WIDTH..][..width].to_vec())
    }
}

/// As the standard writes it, by recursion.
fn standard(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
            node_hash(&standard(left), &standard(right))
        }
    }
}

fn included(log: &Memory, index: u64, size: u64) -> Vec<Hash> {
    inclusion(log, index, size).unwrap().unwrap()
}

fn consistent(log: &Memory, old: u64, new: u64) -> Vec<Hash> {
    consistency(log, old, new).unwrap().unwrap()
}

#[test]
fn roots_are_those_of_the_known_leaves() {
    let hex = |hash: Hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let known = [
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ];
    for (size, expected) in known {
        let mut tree = Tree::new();
        LEAVES[..size].iter().for_each(|leaf| drop(tree.push(leaf_hash(leaf))));
        assert_eq!(hex(tree.root()), expected);
        let log = Memory::of(LEAVES.iter().map(|leaf| leaf_hash(leaf)).collect());
        assert_eq!(hex(root(&log, size as u64).unwrap()), expected);
    }
}

#[test]
fn every_proof_of_every_size_to_256_holds() {
    let log = Memory::new(256);
    let roots: Vec<Hash> = (0..=256).map(|size| standard(&log.leaves[..size])).collect();
    for size in 0..=256_u64 {
        let top = &roots[size as usize];
        assert_eq!(root(&log, size).unwrap(), *top);
        for index in 0..size {
            let proof = included(&log, index, size);
            assert_eq!(verify_inclusion(&log.leaves[index as usize], index, size, &proof, top), Ok(()));
        }
        for old in 0..=size {
            let proof = consistent(&log, old, size);
            assert_eq!(verify_consistency((old, &roots[old as usize]), (size, top), &proof), Ok(()));
        }
    }
}

#[test]
fn an_independent_implementation_makes_the_same_proofs() {
    let mut oracle = ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2::Sha256, Vec<u8>>::new();
    let log = Memory::new(200);
    for size in 1..=200_u64 {
        oracle.push((size - 1).to_be_bytes().to_vec());
        let theirs = oracle.root();
        assert_eq!(theirs.as_bytes()[..], root(&log, size).unwrap()[..]);
        for index in (0..size).step_by(7) {
            let ours = included(&log, index, size).concat();
            assert_eq!(oracle.prove_inclusion(index as usize).as_bytes(), ours);
        }
        for old in (1..size).step_by(7) {
            let ours = consistent(&log, old, size).concat();
            assert_eq!(oracle.prove_consistency((size - old) as usize).as_bytes(), ours);
        }
    }
}

#[test]
fn what_is_about_no_tree_is_refused() {
    let log = Memory::new(4);
    let top = root(&log, 4).unwrap();
    assert_eq!(inclusion(&log, 4, 4).unwrap(), Err(ProofError::Range(4, 4)));
    assert_eq!(verify_inclusion(&log.leaves[0], 4, 4, &[], &top), Err(ProofError::Range(4, 4)));
    assert_eq!(consistency(&log, 5, 4).unwrap(), Err(ProofError::Range(5, 4)));
    assert_eq!(verify_consistency((5, &top), (4, &top), &[]), Err(ProofError::Range(5, 4)));
    let huge = u64::MAX;
    assert_eq!(verify_inclusion(&top, huge - 1, huge, &[], &top), Err(ProofError::Range(huge - 1, huge)));
    // Sizes at the edge of 63 bits are counted, not overflowed.
    let long = vec![top; PROOF_HASHES];
    let edge = verify_inclusion(&top, PROOF_SIZE - 1, PROOF_SIZE, &long, &top);
    assert!(matches!(edge, Err(ProofError::Length { found: PROOF_HASHES, .. })));
    let edge = verify_consistency((1 << 62, &top), (PROOF_SIZE, &top), &long);
    assert!(matches!(edge, Err(ProofError::Length { found: PROOF_HASHES, .. })));
    // From nothing, every tree follows: with an empty proof, and from the one empty root.
    assert_eq!(verify_consistency((0, &empty_root()), (4, &top), &[]), Ok(()));
    assert_eq!(verify_consistency((0, &top), (4, &top), &[]), Err(ProofError::Root));
    assert!(verify_consistency((0, &empty_root()), (4, &top), &[top]).is_err());
    assert_eq!(verify_consistency((0, &empty_root()), (0, &empty_root()), &[]), Ok(()));
    assert_eq!(verify_consistency((0, &empty_root()), (0, &top), &[]), Err(ProofError::Root));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn larger_trees_prove_their_leaves_and_prefixes(size in 257_u64..70_000, at in any::<u64>(), old in any::<u64>()) {
        let log = Memory::new(size);
        let (at, old) = (at % size, old % size + 1);
        let (top, then) = (standard(&log.leaves), standard(&log.leaves[..old as usize]));
        let proof = included(&log, at, size);
        prop_assert_eq!(verify_inclusion(&log.leaves[at as usize], at, size, &proof, &top), Ok(()));
        let proof = consistent(&log, old, size);
        prop_assert_eq!(verify_consistency((old, &then), (size, &top), &proof), Ok(()));
    }

    #[test]
    fn a_changed_proof_proves_nothing(size in 2_u64..600, at in any::<u64>(), bit in any::<usize>(), more in any::<bool>()) {
        let log = Memory::new(size);
        let (at, old) = (at % size, at % (size - 1) + 1);
        let (top, then) = (standard(&log.leaves), standard(&log.leaves[..old as usize]));
        let spoil = |mut proof: Vec<Hash>| {
            match (more, proof.len()) {
                (true, _) | (false, 0) => proof.push([7; 32]),
                (false, hashes) => proof[bit % hashes][bit / 8 % 32] ^= 1 << (bit % 8),
            }
            proof
        };
        let proof = spoil(included(&log, at, size));
        prop_assert!(verify_inclusion(&log.leaves[at as usize], at, size, &proof, &top).is_err());
        let proof = spoil(consistent(&log, old, size));
        prop_assert!(verify_consistency((old, &then), (size, &top), &proof).is_err());
        // The right proof of another leaf, or of another place.
        let proof = included(&log, at, size);
        prop_assert!(verify_inclusion(&[9; 32], at, size, &proof, &top).is_err());
        prop_assert!(verify_inclusion(&log.leaves[at as usize], (at + 1) % size, size, &proof, &top).is_err());
    }
}
