//! Budgets that come back: so much an hour, or a day.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AmountError, Kind, MAX, Meter, parse_amount};

/// How long a window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// A second: a rate, rather than a budget.
    Second,
    /// 60 seconds.
    Minute,
    /// 3,600 seconds.
    Hour,
    /// 24 hours.
    Day,
}

impl Period {
    /// Its length in milliseconds.
    pub fn ms(self) -> u64 {
        match self {
            Period::Second => 1_000,
            Period::Minute => 60_000,
            Period::Hour => 3_600_000,
            Period::Day => 86_400_000,
        }
    }

    /// The first end of a window after `at`, when the windows follow each other from `since` on: milliseconds since 1970.
    pub fn next(self, since: u64, at: u64) -> u64 {
        let whole = at.saturating_sub(since) / self.ms() + 1;
        since.saturating_add(whole.saturating_mul(self.ms())).min(MAX)
    }

    /// As it is written behind a `/`.
    pub fn as_str(self) -> &'static str {
        match self {
            Period::Second => "s",
            Period::Minute => "min",
            Period::Hour => "h",
            Period::Day => "d",
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is no amount with a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// The amount is wrong.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// What stands behind the `/`.
    #[error("{0:?} is no period; write /s, /min, /h or /d: 40k/h")]
    Period(String),
    /// It is no meter that comes back.
    #[error("{0} cannot come back with time: only tokens, money, bytes, calls and children can")]
    Meter(Meter),
    /// No amount, or no limit, each hour.
    #[error(
        "nothing comes back of none, and nothing is limited without a limit: write an amount before the /"
    )]
    Empty,
}

/// Whether a meter's budget can come back with time: what is used up, one by one. Fuel is not, because a guest is held to it
/// between its calls too.
pub fn comes_back(meter: Meter) -> bool {
    meter.kind() == Kind::Consumable && meter != Meter::Fuel
}

/// Reads `40k` or `40k/h`.
///
/// # Errors
/// What is wrong with it.
pub fn parse_rate(meter: Meter, text: &str) -> Result<(u64, Option<Period>), RateError> {
    let Some((amount, period)) = text.split_once('/') else {
        return Ok((parse_amount(meter, text)?, None));
    };
    let period = match period {
        "s" => Period::Second,
        "min" => Period::Minute,
        "h" => Period::Hour,
        "d" => Period::Day,
        other => return Err(RateError::Period(other.chars().take(crate::meter::QUOTED).collect())),
    };
    let amount = parse_amount(meter, amount)?;
    if !comes_back(meter) {
        return Err(RateError::Meter(meter));
    }
    if amount == 0 || amount >= MAX {
        return Err(RateError::Empty);
    }
    Ok((amount, Some(period)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_each_other() {
        let hour = Period::Hour.ms();
        assert_eq!(Period::Hour.next(5, 5), 5 + hour);
        assert_eq!(Period::Hour.next(5, 4 + hour), 5 + hour);
        assert_eq!(Period::Hour.next(5, 5 + hour), 5 + 2 * hour);
        assert_eq!(Period::Day.next(0, 100 * hour), 120 * hour);
        // A clock that was put back begins no window again; one that is far ahead does not overflow.
        assert_eq!(Period::Hour.next(10, 3), 10 + hour);
        assert_eq!(Period::Day.next(0, u64::MAX), MAX);
    }

    #[test]
    fn rates_are_read() {
        assert_eq!(parse_rate(Meter::TokensIn, "40k/h"), Ok((40_000, Some(Period::Hour))));
        assert_eq!(parse_rate(Meter::MicroUsd, "$1.50/d"), Ok((1_500_000, Some(Period::Day))));
        assert_eq!(parse_rate(Meter::Fuel, "2G"), Ok((2_000_000_000, None)));
        assert_eq!(parse_rate(Meter::Fuel, "2G/h"), Err(RateError::Meter(Meter::Fuel)));
        assert_eq!(parse_rate(Meter::Memory, "1MiB/h"), Err(RateError::Meter(Meter::Memory)));
        assert_eq!(parse_rate(Meter::Calls, "0/h"), Err(RateError::Empty));
        assert_eq!(parse_rate(Meter::Calls, "unlimited/h"), Err(RateError::Empty));
        for bad in ["40k/week", "40k/", "/h", "-1/h", "1.5.2/h", "40k/h/h", "99999999999999999999/h"] {
            assert!(parse_rate(Meter::Calls, bad).is_err(), "{bad}");
        }
    }
}
