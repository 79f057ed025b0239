//! Checks some neighbouring entries: against the tiles that they are in, and against a root, by the hashes beside them. It
//! costs as much as they are many, however long the log is.

use audit::range::{RangeRoot, surroundings};
use audit::{Hash, TILE_WIDTH, leaf_hash};

use super::reader::Reader;
use super::verify::{DIFFERS, Fault};

/// A tree that the entries have to be in.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Its leaves.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

impl Reader {
    /// Checks the entries `from` to `to`; `check` sees each line.
    ///
    /// # Errors
    /// The first thing that is wrong, or why the log cannot be read.
    pub fn verify_part(
        &self,
        (from, to): (u64, u64),
        head: &Head,
        mut check: impl FnMut(u64, &[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let store = self.store();
        let inside = from.saturating_sub(1)..to;
        let wrong = |error: audit::proof::ProofError| Fault::Log(error.to_string());
        let beside = surroundings(store, &inside, head.size)?.map_err(wrong)?;
        let mut root = RangeRoot::new(inside, head.size, &beside).map_err(wrong)?;
        let mut tile = Vec::new();
        self.lines(from, to, |seq, line| {
            let (index, at) = ((seq - 1) / TILE_WIDTH as u64, ((seq - 1) % TILE_WIDTH as u64) as usize);
            if at == 0 || seq == from {
                tile = match store.full(0, index)? {
                    Some(tile) => super::tiles::hashes(&tile).unwrap_or_default(),
                    None => store.edge(0, index)?,
                };
            }
            let leaf = leaf_hash(line);
            if tile.get(at).is_some_and(|stored| *stored != leaf) {
                return Err(Fault::Entry { seq, what: DIFFERS.into() });
            }
            root.push(leaf);
            check(seq, line)
        })?;
        if root.finish() != Ok(head.root) {
            let what = format!("the entries do not give the root of #1 to #{}", head.size);
            return Err(Fault::Between { from, to, what });
        }
        Ok(())
    }
}
