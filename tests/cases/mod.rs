//! Bad input: each gets a clear error that names what and where, the right exit code, and leaves nothing half done.
//!
//! - [`component`]: files that are no agents. [`manifest`]: slips in `agent.toml`. [`flags`]: mounts, models, budgets.
//! - [`guests`]: agents that panic, trap, never end, or flood. [`disk`]: state directories that are busy, damaged,
//!   read-only or full.

mod component;
mod disk;
mod flags;
mod guests;
mod manifest;

use std::path::Path;

use crate::support::{Place, Ran};

/// Runs what must be refused before anything starts: this code, these words on standard error, nothing on standard
/// output, no log.
#[track_caller]
fn refused(place: &Place, target: &Path, flags: &[&str], code: i32, words: &[&str]) -> Ran {
    let ran = place.aos(&[&["run", target.to_str().unwrap()], flags].concat()).expect(code);
    for word in words {
        ran.says(word);
    }
    assert!(ran.stderr.starts_with("error: "), "an error begins with `error:`: {ran}");
    assert_eq!(ran.stdout, "", "{ran}");
    assert!(!place.path("state/log.db").exists(), "nothing was begun: {ran}");
    ran
}
