//! Every parser of the crate against bytes that nobody meant: changed forms of sound texts, and any bytes at all. What holds:
//! no input makes one panic; what is accepted is written again byte for byte, so that a thing has one form; a signed text
//! that was changed is not verified.
//!
//! - [`sample`]: a log with signed texts of each form. [`mutation`]: what is done to them, and how often.
//! - [`signed`], [`proofs`], [`exports`], [`static_log`]: the parsers. [`edges`]: single bad inputs, each by its name.

// In a test, what cannot be is a failure.
#![allow(clippy::unwrap_used)]

mod edges;
mod exports;
mod mutation;
mod proofs;
mod sample;
mod signed;
mod static_log;
