//! A second terminal: the host that runs is asked over its socket.
//!
//! - [`owner`]: a host that is kept running for a test, and its socket.
//! - [`view`]: `ps`, `inspect`, `logs -f`, `signal`, `stop`, `kill`.
//! - [`handed`]: a second `run`, which behaves as if it were the first.
//! - [`asks`]: rights that ask; [`forged`]: answers that are none. [`screen`]: the question on a terminal, of which [`emulator`]
//!   makes what a person sees.
//! - [`cut`]: hosts that are killed.
//! - [`abuse`]: what a client may not do to a host; [`strangers`]: other users, other sockets.

mod abuse;
mod asks;
mod cut;
pub mod emulator;
mod forged;
mod handed;
pub mod owner;
pub mod screen;
mod strangers;
mod view;
