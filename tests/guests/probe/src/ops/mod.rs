//! The ops: one for each function of the interface, and those that need none.
//!
//! The outer result is the script's (a slip in the step), the inner one the interface's.

pub mod artifact;
pub mod infer;
pub mod ipc;
pub mod lease;
pub mod mount;
pub mod plain;
pub mod process;
pub mod prompt;
pub mod world;
