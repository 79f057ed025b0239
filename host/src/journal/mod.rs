//! The log on disk. The journal knows bytes; what they mean is the kernel's.
//!
//! - [`store`]: the SQLite database and its tables.
//! - [`writer`]: the appending end. `commit`: the one thread that appends: JSON, hashing, SQL, group commit.
//! - [`checkpoint`]: signed tree heads; `cosigned`: what witnesses said of them. `tiles`: the tree as it is stored, which proofs are made from.
//! - [`reader`]: reads durable entries, also while another process writes.
//! - [`verify`]: recomputes the tree and checks what is derived from the entries. [`part`]: the same for some entries.

pub mod checkpoint;
mod commit;
mod cosigned;
pub mod part;
pub mod reader;
pub mod store;
mod tiles;
pub mod verify;
pub mod writer;

pub use checkpoint::{Sealed, Unsealed};
pub use reader::Reader;
pub use store::{Store, StoreError};
pub use verify::{Fault, Report};
pub use writer::{Body, Item, Journal, Line, Stopped};
