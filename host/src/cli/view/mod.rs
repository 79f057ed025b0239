//! Views of entries: what happened, for people. They are made from durable entries alone, by the kernel's own fold.
//!
//! - [`fold`]: a run's entries, one by one, to a [`run::RunView`]; [`process`]: what one process did.
//! - [`flags`]: a grant as flags of `run`.
//! - [`flow`]: data categories that were taken on, passed on or shed.
//! - [`refusal`]: a call that was refused, and what would have allowed it.
//! - [`banner`], [`tree`], [`ending`]: the lines that `run` and `inspect` print. [`amount`]: parts of budgets.
//! - [`question`], [`living`]: what `ps` and a prompt show. [`change`]: what an overlay would change.
//! - [`escape`], [`time`]: foreign text and times. [`report`]: errors in manifests.

pub mod amount;
pub mod banner;
pub mod change;
pub mod ending;
pub mod escape;
#[cfg(test)]
pub mod fixture;
pub mod flags;
pub mod flow;
pub mod fold;
pub mod living;
pub mod process;
pub mod question;
pub mod refusal;
pub mod remedy;
pub mod report;
pub mod run;
pub mod time;
pub mod tree;
