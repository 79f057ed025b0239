//! Inference drivers behind the kernel's port.
//!
//! - [`slots`]: how many may ask a backend at a time, and who comes first.
//! - [`scripted`]: answers from a TOML file, deterministically: tests and the demo.
//! - [`remote`]: models behind HTTP. [`config`] says where they are, [`price`] what they cost.

mod answer;
pub mod config;
pub mod file;
pub mod price;
pub mod remote;
pub mod script;
pub mod scripted;
pub mod slots;
