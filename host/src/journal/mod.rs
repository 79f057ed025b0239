//! The log on disk. The journal knows bytes; what they mean is the kernel's.
//!
//! - [`store`]: the SQLite database and its tables.
//! - [`writer`]: the one thread that appends: JSON, hashing, SQL, group commit.
//! - [`reader`]: reads durable entries, also while another process writes.
//! - [`verify`]: recomputes the tree and checks what is derived from the entries.

pub mod reader;
pub mod store;
pub mod verify;
pub mod writer;

pub use reader::Reader;
pub use store::{Store, StoreError};
pub use verify::{Fault, Report};
pub use writer::{Body, Item, Journal, Line, Stopped};
