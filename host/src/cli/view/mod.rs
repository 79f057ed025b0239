//! Views of entries: what happened, for people. They are made from durable entries alone, by the kernel's own fold.
//!
//! - [`fold`]: a run's entries, one by one, to a [`run::RunView`]; [`process`]: what one process did.
//! - [`fact`]: what it did, one by one, by [`collect`]; [`phase`], [`timeline`]: what its processes were at; [`list`].
//! - [`flags`]: a grant as flags of `run`. [`flow`]: data categories that were taken on, passed on or shed.
//! - [`chain`]: from the operator to a right. [`wanted`]: what a package asks for.
//! - [`refusal`]: a call that was refused, and what would have allowed it.
//! - [`banner`], [`tree`], [`sections`], [`ending`]: the lines that `run` and `inspect` print; [`table`], [`paint`];
//!   [`amount`]: parts of budgets.
//! - [`watch`]: a run while it goes on. [`question`], [`living`]: what `ps` and a prompt show. [`html`]: the page that `report`
//!   writes. [`change`]: what an overlay would change.
//! - [`entry`]: one entry in words. [`escape`], [`time`]: foreign text and times. [`report`]: errors in manifests.

pub mod amount;
pub mod banner;
pub mod chain;
pub mod change;
pub mod collect;
pub mod ending;
pub mod entry;
pub mod escape;
pub mod fact;
#[cfg(test)]
pub mod fixture;
pub mod flags;
pub mod flow;
pub mod fold;
pub mod html;
pub mod list;
pub mod living;
pub mod paint;
pub mod phase;
pub mod process;
pub mod question;
pub mod refusal;
pub mod remedy;
pub mod report;
pub mod run;
pub mod sections;
pub mod table;
pub mod time;
pub mod timeline;
pub mod tree;
pub mod wanted;
pub mod watch;
