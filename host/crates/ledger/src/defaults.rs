//! The budgets of processes for which nobody named one.
//!
//! | meter        | root of a run | child   |
//! |--------------|---------------|---------|
//! | fuel         | 10 G          | 1 G     |
//! | memory       | 64 MiB        | 16 MiB  |
//! | wall-time    | 5 min         | 5 min   |
//! | tokens-in    | 200k          | 20k     |
//! | tokens-out   | 50k           | 5k      |
//! | micro-usd    | no limit      | no limit |
//! | bytes-stored | 64 MiB        | 8 MiB   |
//! | bytes-sent   | 64 MiB        | 8 MiB   |
//! | calls        | 1M            | 100k    |
//! | children     | 16            | 0       |
//!
//! A meter that the manifest or the operator names takes what they say instead. Money is not
//! metered until an operator sets a money budget. "No limit" for a child means all that its parent
//! has left, so under a money budget a parent of several children names each one's share.

use crate::{Amounts, Meter};

const MIB: u64 = 1 << 20;
const MINUTE_MS: u64 = 60_000;

/// What the root of a run gets when neither manifest nor operator names a budget.
pub fn default_root() -> Amounts {
    Amounts::unlimited()
        .with(Meter::Fuel, 10_000_000_000)
        .with(Meter::Memory, 64 * MIB)
        .with(Meter::WallTime, 5 * MINUTE_MS)
        .with(Meter::TokensIn, 200_000)
        .with(Meter::TokensOut, 50_000)
        .with(Meter::BytesStored, 64 * MIB)
        .with(Meter::BytesSent, 64 * MIB)
        .with(Meter::Calls, 1_000_000)
        .with(Meter::Children, 16)
}

/// What a child asks its parent for when neither manifest nor parent names a budget.
pub fn default_child() -> Amounts {
    Amounts::unlimited()
        .with(Meter::Fuel, 1_000_000_000)
        .with(Meter::Memory, 16 * MIB)
        .with(Meter::WallTime, 5 * MINUTE_MS)
        .with(Meter::TokensIn, 20_000)
        .with(Meter::TokensOut, 5_000)
        .with(Meter::BytesStored, 8 * MIB)
        .with(Meter::BytesSent, 8 * MIB)
        .with(Meter::Calls, 100_000)
        .with(Meter::Children, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Account, parse_amount, show};

    /// The table above is what the functions answer.
    #[test]
    fn the_table_is_true() {
        let rows = include_str!("defaults.rs").lines().filter_map(|line| line.strip_prefix("//! | "));
        let rows: Vec<Vec<&str>> = rows.skip(1).map(|row| row.split('|').map(str::trim).collect()).collect();
        assert_eq!(rows.len(), Meter::COUNT);
        for row in rows {
            let meter: Meter = row[0].parse().unwrap();
            let n = |text: &str| parse_amount(meter, &text.replace("no limit", "unlimited")).unwrap();
            assert_eq!(n(row[1]), default_root()[meter], "{meter}");
            assert_eq!(n(row[2]), default_child()[meter], "{meter}");
            assert_eq!(show(meter, default_root()[meter]), row[1].replace("no limit", "unlimited"));
        }
    }

    #[test]
    fn a_default_root_can_pay_for_default_children() {
        let mut root = Account::new(default_root());
        for _ in 0..3 {
            root.open_child(&default_child()).unwrap();
        }
    }
}
