//! Digests and the Merkle tree of a log: what a verifier needs, with no I/O and no clock, for any
//! target that Rust compiles for.
//!
//! - [`digest`]: SHA-256 digests and their written form;
//! - [`hash`]: the hashes of leaves and nodes (RFC 6962);
//! - [`tile`]: how a tree is cut into files that never change (C2SP tlog-tiles); [`bundle`]: where those files are, and how
//!   entries lie in them;
//! - [`tree`]: the append-only tree, kept as its right edge;
//! - [`proof`]: that a leaf is in a tree, that a tree continues another (RFC 9162);
//! - [`range`]: the same for neighbouring leaves, as a run's export has them;
//! - [`key`], [`note`]: who signed a text, and when who saw it (C2SP signed-note, tlog-cosignature);
//! - [`checkpoint`]: the text that says a log's size and root (C2SP tlog-checkpoint);
//! - [`export`]: entries with what proves them, checked line by line;
//! - [`proof_file`], [`submission`]: what is handed to a verifier (C2SP tlog-proof) and to a witness (C2SP tlog-witness).
//!
//! What holds: a tree of one sequence of leaves has one root, however often it was stopped and
//! resumed; a full tile never changes.

pub mod bundle;
pub mod checkpoint;
pub mod digest;
pub mod export;
pub mod hash;
pub mod key;
pub mod note;
pub mod proof;
pub mod proof_file;
pub mod range;
pub mod submission;
pub mod tile;
pub mod tree;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use digest::{Digest, DigestError};
pub use hash::{Hash, empty_root, leaf_hash, node_hash};
pub use key::{KeyError, Kind, SignerKey, VerifierKey};
pub use note::{Note, NoteError, Verified};
pub use proof_file::{ProofFile, ProofFileError};
pub use submission::{Submission, SubmissionError};
pub use tile::{TILE_HEIGHT, TILE_WIDTH, Tile, partial_len};
pub use tree::{MAX_SIZE, ResumeError, Tree};
