//! Digests and the Merkle tree of a log: what a verifier needs, with no I/O and no clock, for any
//! target that Rust compiles for.
//!
//! - [`digest`]: SHA-256 digests and their written form;
//! - [`hash`]: the hashes of leaves and nodes (RFC 6962);
//! - [`tile`]: how a tree is cut into files that never change (C2SP tlog-tiles);
//! - [`tree`]: the append-only tree, kept as its right edge.
//!
//! What holds: a tree of one sequence of leaves has one root, however often it was stopped and
//! resumed; a full tile never changes.

pub mod digest;
pub mod hash;
pub mod tile;
pub mod tree;

pub use digest::{Digest, DigestError};
pub use hash::{Hash, empty_root, leaf_hash, node_hash};
pub use tile::{TILE_HEIGHT, TILE_WIDTH, Tile, partial_len};
pub use tree::{MAX_SIZE, ResumeError, Tree};
