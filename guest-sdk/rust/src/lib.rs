//! Write agents for `aos-host` in Rust.
//!
//! An agent is a function from an input to an output or a failure. Everything else reaches it
//! through the modules below, each of which is one interface of `wit/`:
//!
//! ```no_run
//! use aos_guest::{agent, Failure};
//!
//! agent!(hello);
//!
//! fn hello(input: String) -> Result<String, Failure> {
//!     aos_guest::log::info(&format!("greeting {input}"))?;
//!     Ok(format!("Hello, {input}"))
//! }
//! # fn main() {}
//! ```
//!
//! Invariants:
//! - a module calls the interface and converts types; it keeps no state and never retries, but for what says so:
//!   [`infer::Prompt::ask_for`] asks again when it cannot read an answer;
//! - an agent imports only the interfaces that it calls, so the host grants it no others;
//! - a refusal is an [`Error`], never a panic;
//! - times are [`std::time::Duration`], rounded up to whole milliseconds.
//!
//! Outside a component (in a native test) the calls of the interface panic: test what is pure natively,
//! and the rest under `aos-host run`.

mod agent;
mod error;
mod time;

pub mod artifact;
pub mod bindings;
pub mod infer;
pub mod ipc;
pub mod label;
pub mod lease;
pub mod log;
pub mod mount;
pub mod process;
pub mod tool;

#[cfg(feature = "json")]
pub use agent::Json;
pub use agent::{FromInput, IntoOutput, call};
pub use error::{Error, Failure, Fault};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
