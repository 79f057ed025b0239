//! Every function of the interface, and what the kernel does behind it.
//!
//! - [`table`]: each function of `wit/*.wit`, granted, denied and failing, with exactly the entries that it must leave.
//! - [`examples`]: the examples and the commands of the documentation.
//! - The others: behaviours that take more than one call.

mod artifacts;
mod budgets;
mod case;
mod children;
mod denials;
pub mod examples;
mod grants;
mod inference;
mod labels;
mod leases;
mod mailbox;
mod mounts;
mod overlay;
mod replay;
mod table;
pub mod team;
mod teams;
mod time;
mod topics;
