//! The end-to-end tests, one binary: they run the host's program with real components, as a user would.
//!
//! - [`support`]: a place of its own for each test, and what every run is checked for afterwards.
//! - [`syscalls`]: every function of `wit/`, granted and denied, with the entries that it must leave; and the examples.
//! - [`cases`], [`cli`], [`redteam`], [`crash`]: bad input, the command line, attacks, and a host that is killed.
//! - [`authority`]: who signed a package, and whether that counts.
//! - [`audit`]: what the log proves, to whom; and what is done to a log that is found out.
//! - [`consent`]: what the operator consents to before anything runs: prompts, standing grants.
//! - [`budgets`]: budgets beyond one run.
//! - [`revoke`]: rights that are taken back, and rights that end.
//! - [`remote`]: models behind HTTP, good ones and bad ones. [`remote_teams`]: the examples with one of them.
//! - [`terminal`]: the host that runs, asked from a second terminal.
//! - [`slots`]: who waits for a model, and who comes first.
//! - [`tidy`]: the rules of the house.
//!
//! `cargo xtask test` builds what they need and runs them.

#![allow(clippy::unwrap_used)]

mod audit;
mod authority;
mod budgets;
mod cases;
mod cli;
mod consent;
mod crash;
mod redteam;
mod remote;
mod remote_teams;
mod revoke;
mod slots;
mod support;
mod syscalls;
mod terminal;
mod tidy;
