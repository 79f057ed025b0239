//! Budgets: what a process may use, what it used, and how that is shared with its children. Pure:
//! no I/O and no clock, for any target that Rust compiles for.
//!
//! - [`meter`]: what is counted;
//! - [`amounts`]: one amount for every meter;
//! - [`account`]: what one process was granted, used, reserved and moved to its children;
//! - [`defaults`]: the budgets of processes for which nobody named one;
//! - [`window`]: budgets that come back each hour or day;
//! - [`text`]: amounts as people write and read them.
//!
//! What holds, whatever is called in whatever order:
//! - no account uses, reserves and moves more than it was granted;
//! - a tree of accounts conserves each consumable meter: what all its living members have left,
//!   used and reserved adds up to the grant of its root;
//! - no amount exceeds [`MAX`], nothing overflows, and a charge is taken whole or not at all.

pub mod account;
pub mod amounts;
pub mod defaults;
pub mod meter;
pub mod text;
pub mod window;

pub use account::{Account, Exhausted};
pub use amounts::Amounts;
pub use defaults::{default_child, default_root};
pub use meter::{Kind, MAX, Meter, MeterError};
pub use text::{AmountError, grouped, parse_amount, show};
pub use window::{Period, RateError, comes_back, parse_rate};
