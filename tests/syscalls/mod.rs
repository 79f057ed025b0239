//! Every function of the interface, and what the kernel does behind it.
//!
//! - [`table`]: each function of `wit/*.wit`, granted, denied and failing, with exactly the entries that it must leave.
//! - The others: behaviours that take more than one call.

mod case;
mod leases;
mod mailbox;
mod table;
mod team;
mod topics;
