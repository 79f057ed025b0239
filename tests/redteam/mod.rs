//! Attacks: what a malicious agent tries, and what must come of it. Each test prints its rows of a table with
//! `--nocapture`: the attack, and what happened.
//!
//! - [`forge`]: components that no compiler would make. [`siege`]: a team of attackers and an innocent neighbour.
//! - [`machine`]: attacks with instructions and memory. [`border`]: with handles, lists, texts and pointers.
//! - [`gate`]: with calls that are allowed, in ways that are not. [`files`]: with paths, links and mounts.
//! - [`refused`]: components that are turned away before anything of them runs.
//!
//! Not here: what this version has no feature for, revocation (25), deputies' approvals (26), restarts (35), signed manifests
//! (36), tools (40); and what takes minutes, the compile bomb (16), whose limits the sandbox's own tests check.

mod border;
mod files;
pub mod forge;
mod gate;
mod machine;
mod refused;
mod siege;
