//! `aos-host audit`: what the log proves, to whom, and how it is taken elsewhere.
//!
//! - [`verify`]: what is to be checked. [`state`]: a whole log, with [`entries`] for what the lines mean and [`marks`] for
//!   the checkpoints on the way; [`part`]: some of it; [`file`]: an export or a proof, without a log.
//! - [`trust`]: the keys that a verifier brings. [`verdict`]: what is found, in words and as JSON.
//! - [`prune`] erases bodies, which proofs do without.
//! - [`key`], [`checkpoint`], [`prove`], [`consistency`]: what the log hands out. [`export`] takes it elsewhere: as lines, as
//!   a [`bundle`] that proves itself, or as [`tiles`]. [`restore`] makes a log of a backup.
//! - [`witness`]: has others see it. [`show`], [`tail`], [`stats`]: what is in it, for people.

pub mod args;
mod bundle;
mod checkpoint;
mod consistency;
mod entries;
mod export;
mod file;
mod key;
mod marks;
mod part;
mod prove;
mod prune;
mod restore;
pub mod show;
mod state;
pub mod stats;
pub mod tail;
mod tiles;
mod trust;
mod verdict;
mod verify;
pub mod witness;

use super::failure::{Code, Failure};
use super::out::Out;
use crate::host::Dirs;
use args::Audit;

/// Does what was typed.
///
/// # Errors
/// When the log or a file cannot be read or written, or is not what it should be.
pub fn audit(dirs: &Dirs, verb: Audit, out: &mut Out) -> Result<Code, Failure> {
    match verb {
        Audit::Verify(args) => verify::verify(dirs, &args, out),
        Audit::Key(args) => key::key(dirs, &args, out),
        Audit::Checkpoint(args) => checkpoint::checkpoint(dirs, &args, out),
        Audit::Prove(args) => prove::prove(dirs, &args, out),
        Audit::Consistency(args) => consistency::consistency(dirs, &args, out),
        Audit::Export(args) => export::export(dirs, &args, out),
        Audit::Restore(args) => restore::restore(dirs, &args, out),
        Audit::Prune(args) => prune::prune(dirs, &args, out),
        Audit::Witness(args) => witness::witness(dirs, &args, out),
        Audit::Show(args) => show::show(dirs, &args, out),
        Audit::Tail(args) => tail::tail(dirs, &args, out),
        Audit::Stats(format) => stats::stats(dirs, format, out),
    }
}
