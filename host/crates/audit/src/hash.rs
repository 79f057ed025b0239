//! The hashes of a Merkle tree (RFC 6962 §2.1). The first byte tells leaves from nodes, so that no
//! line of the log can pass for an inner node.

use sha2::{Digest as _, Sha256};

/// A hash in a Merkle tree: 32 bytes of SHA-256.
pub type Hash = [u8; 32];

/// The hash of one line of the log, without its newline: SHA-256(`0x00` ‖ `line`).
pub fn leaf_hash(line: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(line).finalize().into()
}

/// The hash of two subtrees: SHA-256(`0x01` ‖ `left` ‖ `right`).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut node = [1u8; 65];
    node[1..33].copy_from_slice(left);
    node[33..].copy_from_slice(right);
    Sha256::digest(node).into()
}

/// The root of a tree without leaves: the SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}
