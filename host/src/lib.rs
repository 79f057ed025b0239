//! aos-host runs each AI agent as a WebAssembly component whose only way out is a system call interface.

pub mod cli;
pub mod host;
pub mod infer;
pub mod journal;
pub mod kernel;
pub mod limits;
pub mod mounts;
pub mod sandbox;
pub mod syscall;
