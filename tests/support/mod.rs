//! What every test stands on.
//!
//! - [`program`]: where the host's program and the guests are; a process with a time limit.
//! - [`place`]: a directory with a state, a configuration and files of its own, and commands that are run in it.
//! - [`log`]: the entries of a run, as `audit export` writes them.
//! - [`load`]: a busy machine. [`server`]: an HTTP server that answers as a test says.

pub mod load;
pub mod log;
pub mod place;
pub mod program;
pub mod server;

pub use log::{Entry, Run};
pub use place::Place;
pub use program::{PATIENCE, Ran, Started, guest};
