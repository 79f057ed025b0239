//! The tree against known answers, and against RFC 6962's definition written down naively.
use proptest::prelude::*;

use super::*;
use crate::leaf_hash;

/// RFC 6962 §2.1, literally.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let split = 1 << (leaves.len() - 1).ilog2();
            node_hash(&naive_root(&leaves[..split]), &naive_root(&leaves[split..]))
        }
    }
}

/// A full tile by its definition: each hash is the root of 256^level leaves.
fn naive_tile(leaves: &[Hash], level: u8, index: u64) -> Tile {
    let span = TILE_WIDTH.pow(u32::from(level));
    let first = usize::try_from(index).unwrap() * TILE_WIDTH * span;
    let hashes = leaves[first..first + TILE_WIDTH * span].chunks(span).map(naive_root).collect();
    Tile { level, index, hashes }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn grown(leaves: &[Hash]) -> Tree {
    let mut tree = Tree::new();
    for leaf in leaves {
        tree.push(*leaf);
    }
    tree
}

fn hex(hash: Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn known_answers() {
    let lines: [&[u8]; 8] = [
        b"",
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
    ];
    let mut tree = Tree::new();
    let mut roots = vec![hex(tree.root())];
    for line in lines {
        tree.push(leaf_hash(line));
        roots.push(hex(tree.root()));
    }
    assert_eq!(roots[0], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(roots[1], "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert_eq!(roots[2], "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    assert_eq!(roots[3], "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
    assert_eq!(roots[8], "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

#[test]
fn every_size_to_600_has_its_root_and_resumes() {
    let leaves = leaves(600);
    let mut tree = Tree::new();
    for size in 0..=600 {
        assert_eq!(tree.root(), naive_root(&leaves[..size]), "size {size}");
        let resumed = Tree::resume(tree.size(), tree.levels().to_vec()).unwrap();
        assert_eq!(resumed, tree, "size {size}");
        if let Some(leaf) = leaves.get(size) {
            let full = tree.push(*leaf);
            assert_eq!(full.len(), usize::from(size % 256 == 255), "size {size}");
        }
    }
    assert_eq!(tree.size(), 600);
}

#[test]
fn tiles_are_right_across_the_boundaries() {
    let leaves = leaves(65_536 + 300);
    let mut tree = Tree::new();
    let mut seen = Vec::new();
    for (n, leaf) in leaves.iter().enumerate() {
        let full = tree.push(*leaf);
        if [255, 256, 257, 65_535, 65_536, 65_537].contains(&(n + 1)) {
            assert_eq!(tree.root(), naive_root(&leaves[..n + 1]), "size {}", n + 1);
        }
        for tile in full {
            assert_eq!(tile, naive_tile(&leaves, tile.level, tile.index));
            assert_eq!(tile.bytes().len(), 8_192);
            seen.push((n + 1, tile.level, tile.index));
        }
    }
    let mut expected: Vec<_> = (0..257).map(|i| (256 * (i + 1), 0, i as u64)).collect();
    expected.insert(256, (65_536, 1, 0));
    assert_eq!(seen, expected);
}

#[test]
fn refuses_an_edge_that_does_not_fit() {
    let tree = grown(&leaves(300));
    let levels = tree.levels().to_vec();
    let wrong = |size, levels| Tree::resume(size, levels).unwrap_err();
    assert_eq!(
        wrong(301, levels.clone()),
        ResumeError::Level { size: 301, level: 0, expected: 45, found: 44 }
    );
    assert_eq!(
        wrong(300, levels[..1].to_vec()),
        ResumeError::Level { size: 300, level: 1, expected: 1, found: 0 }
    );
    let mut above = levels.clone();
    above.resize(300, Vec::new());
    assert_eq!(Tree::resume(300, above.clone()).unwrap(), tree, "empty levels above do no harm");
    above[299].push([0; 32]);
    assert_eq!(wrong(300, above), ResumeError::Level { size: 300, level: 299, expected: 0, found: 1 });
    assert_eq!(wrong(MAX_SIZE + 1, Vec::new()), ResumeError::Size(MAX_SIZE + 1));
}

#[test]
fn the_largest_tree_neither_panics_nor_overflows() {
    let levels = (0..7).map(|level| vec![[level; 32]; partial_len(MAX_SIZE, level)]).collect();
    let mut tree = Tree::resume(MAX_SIZE, levels).unwrap();
    let root = tree.root();
    let full = tree.push([9; 32]);
    assert_eq!(full.iter().map(|tile| tile.level).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert!(full.iter().all(|tile| tile.hashes.len() == TILE_WIDTH));
    assert_ne!(tree.root(), root);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Resumed anywhere, a tree goes on exactly as the one that was never interrupted.
    #[test]
    fn resumed_trees_continue_identically(start in 0u64..66_500, more in 1u64..600) {
        let leaves = leaves(start + more);
        let (before, after) = leaves.split_at(usize::try_from(start).unwrap());
        let mut whole = grown(before);
        let mut resumed = Tree::resume(start, whole.levels().to_vec()).unwrap();
        for leaf in after {
            prop_assert_eq!(whole.push(*leaf), resumed.push(*leaf));
        }
        prop_assert_eq!(&whole, &resumed);
        prop_assert_eq!(whole.root(), naive_root(&leaves));
    }

    #[test]
    fn digests_keep_their_value_in_text(bytes: [u8; 32]) {
        let digest = crate::Digest(bytes);
        prop_assert_eq!(digest.to_string().parse(), Ok(digest));
    }
}
