//! Inference drivers behind the kernel's port.
//!
//! - [`scripted`]: answers from a TOML file, deterministically: tests and the demo.

mod answer;
pub mod script;
pub mod scripted;
