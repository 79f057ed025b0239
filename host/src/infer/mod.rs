//! Inference drivers behind the kernel's port.
//!
//! - [`scripted`]: answers from a TOML file, deterministically: tests and the demo.
//! - [`request`], [`bound`]: what every request is checked for, and how many tokens it can be at most.

mod answer;
pub mod bound;
pub mod request;
pub mod script;
pub mod scripted;
