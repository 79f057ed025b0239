//! Parts of budgets, in few characters.

use ledger::{MAX, Meter, show};

/// What was used of what was granted: `1.1/10 G`, `1,912/20k`; without a limit, what was used.
pub fn part(meter: Meter, used: u64, granted: u64) -> String {
    let shown = show(meter, used);
    if granted >= MAX {
        return shown;
    }
    let whole = show(meter, granted);
    // One unit for both.
    match (shown.rsplit_once(' '), whole.rsplit_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number}/{whole}"),
        _ => format!("{shown}/{whole}"),
    }
}

/// Several amounts of one name: `×3`.
pub fn times(n: u64) -> String {
    format!("×{}", ledger::grouped(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_stands_for_both() {
        assert_eq!(part(Meter::Fuel, 1_100_000_000, 10_000_000_000), "1.1/10 G");
        assert_eq!(part(Meter::TokensIn, 1_912, 20_000), "1,912/20k");
        assert_eq!(part(Meter::Fuel, 812_004, 10_000_000_000), "812 k/10 G");
        assert_eq!(part(Meter::MicroUsd, 1_500_000, MAX), "$1.50");
        assert_eq!(times(1_200), "×1,200");
    }
}
