//! The files of a static log: paths, bundles of entries, tiles.

use std::collections::BTreeSet;

use audit::bundle::{add_entry, entries, entries_path, tile_path};
use audit::{TILE_WIDTH, Tree, partial_len};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::mutation::{arbitrary, cases};

/// A path's parts as tlog-tiles has them: groups of three digits, all but the last behind an `x`.
fn index_of(path: &str) -> Option<u64> {
    let mut groups = path.split('/').collect::<Vec<_>>();
    let last = groups.pop()?;
    let digits = groups.iter().map(|group| group.strip_prefix('x')).chain([Some(last)]);
    let digits: String = digits.collect::<Option<Vec<_>>>()?.concat();
    digits.len().is_multiple_of(3).then(|| digits.parse().ok())?
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_path_is_of_one_tile(index in any::<u64>(), level in 0_u8..64, width in 1_usize..=TILE_WIDTH) {
        let path = tile_path(level, index, width);
        let rest = path.strip_prefix(&format!("tile/{level}/")).unwrap();
        let (place, partial) = rest.split_once(".p/").map_or((rest, TILE_WIDTH), |(place, width)| (place, width.parse().unwrap()));
        prop_assert_eq!((index_of(place), partial), (Some(index), width));
        prop_assert!(path.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/' || b == b'.'));
        prop_assert_eq!(entries_path(index, width), format!("tile/entries/{rest}"));
    }

    #[test]
    fn bundles_come_back(given in vec(vec(any::<u8>(), 0..300), 0..20)) {
        let mut bundle = Vec::new();
        given.iter().for_each(|entry| add_entry(&mut bundle, entry).unwrap());
        let read: Option<Vec<Vec<u8>>> = entries(&bundle).map(|entry| entry.map(<[u8]>::to_vec)).collect();
        prop_assert_eq!(read, Some(given));
    }

    #[test]
    fn any_bytes_as_a_bundle(bytes in arbitrary()) {
        let read: Vec<Option<&[u8]>> = entries(&bytes).collect();
        let whole: Vec<&[u8]> = read.iter().copied().flatten().collect();
        prop_assert!(read.len() - whole.len() <= 1, "after a cut there is nothing");
        if read.len() == whole.len() {
            let mut again = Vec::new();
            whole.iter().for_each(|entry| add_entry(&mut again, entry).unwrap());
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn any_edge_as_a_tree(size in any::<u64>(), lengths in vec(0_usize..300, 0..12), own in any::<bool>()) {
        let fitting = (0_u8..8).map(|level| partial_len(size, level));
        let lengths: Vec<usize> = if own { fitting.collect() } else { lengths };
        let levels = lengths.iter().map(|length| vec![[7; 32]; *length]).collect();
        if let Ok(mut tree) = Tree::resume(size, levels) {
            prop_assert_eq!(tree.size(), size);
            let before = tree.root();
            let _full = tree.push([8; 32]);
            prop_assert_ne!(tree.root(), before);
        }
    }
}

#[test]
fn partial_tiles_have_paths_of_their_own() {
    let widths = 1..=TILE_WIDTH;
    let paths: BTreeSet<String> = widths.clone().map(|width| tile_path(0, 1_234_067, width)).collect();
    assert_eq!(paths.len(), widths.count());
}
