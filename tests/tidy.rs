//! The house rules that a compiler does not know: documented and plain ABI, layers, small files, no stray names.
//!
//! Each rule collects everything that breaks it and fails once, with `file:line: what; what to do` on a line each.

#![allow(clippy::unwrap_used)]

mod deps;
mod files;
mod layers;
mod shapes;
mod source;
pub mod tree;

use std::fmt::Display;

pub use tree::root;

/// What breaks one rule.
#[derive(Default)]
struct Complaints(Vec<String>);

impl Complaints {
    /// At a line of a file (counted from 1): what is wrong, and what to do about it.
    fn at(&mut self, file: impl Display, line: usize, what: impl Display, remedy: impl Display) {
        self.0.push(format!("{file}:{line}: {what}; {remedy}"));
    }

    /// Fails with all of them.
    fn check(self) {
        assert!(self.0.is_empty(), "{} to tidy:\n{}", self.0.len(), self.0.join("\n"));
    }
}
