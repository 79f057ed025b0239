//! Attacks: what a malicious agent tries, and what must come of it. Each test prints its rows of a table with
//! `--nocapture`: the attack, and what happened.
//!
//! - [`forge`]: components that no compiler would make. [`siege`]: a team of attackers and an innocent neighbour.
//! - [`machine`]: attacks with instructions and memory. [`border`]: with handles, lists, texts and pointers.
//! - [`gate`]: with calls that are allowed, in ways that are not. [`files`]: with paths, links and mounts.
//! - [`refused`]: components that are turned away before anything of them runs.
//!
//! - [`deputies`]: with rights that were taken back, and with those of others. [`table`]: that each attack has its test.
//!
//! Not here: what this version has no feature for, restarts (35) and tools (40); signed packages, which [`crate::authority`] attacks
//! (36); and what takes minutes, the compile bomb (16), whose limits the sandbox's own tests check.

mod border;
mod deputies;
mod files;
pub mod forge;
mod gate;
mod machine;
mod refused;
mod siege;
mod table;
