//! Slots: how many may ask one backend at a time, and who comes first. The kernel knows nothing of it. A driver that asks one
//! backend has another one around it; `remote`, which asks several in turn, waits in the line of each.
//!
//! - [`share`]: what an operator says of a backend: slots, tokens and requests a minute, and the policy.
//! - [`policy`]: who comes first. `fifo` and `priority`, and [`fair`], which gives each process its part by tokens.
//! - [`queue`]: who waits and who is served, without a clock and without tasks; [`rate`] is its part that counts by the minute.
//! - [`line`]: the queue with a clock, and places in it that are given back when whoever holds them is gone.
//! - [`driver`]: asks when its turn has come. [`lines`]: one line for each backend, for all runs of a host.

pub mod driver;
pub mod fair;
pub mod line;
pub mod lines;
pub mod policy;
pub mod queue;
pub mod rate;
pub mod share;

pub use driver::Slots;
pub use line::Line;
pub use lines::{Differs, Lines};
pub use share::{Kind, Share};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
