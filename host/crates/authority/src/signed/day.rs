//! Days for people: UTC, without a time zone's data.

/// Milliseconds of a day.
pub const DAY_MS: u64 = 86_400_000;

/// The civil date of a day since 1970-01-01, in the proleptic Gregorian calendar: Howard Hinnant's `civil_from_days`.
pub fn date(days: u64) -> (u64, u64, u64) {
    // Days since 0000-03-01, in eras of 400 years.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// A time (milliseconds since 1970) as people write it: a whole day as `2027-01-31`, another time as `2027-01-31T12:00:00Z`.
pub fn written(ms: u64) -> String {
    let (year, month, day) = date(ms / DAY_MS);
    let day = format!("{year:04}-{month:02}-{day:02}");
    match ms % DAY_MS / 1_000 {
        0 => day,
        rest => format!("{day}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times() {
        assert_eq!(written(0), "1970-01-01");
        assert_eq!(written(951_782_400_000), "2000-02-29");
        assert_eq!(written(1_772_366_400_250), "2026-03-01T12:00:00Z");
        assert!(written(u64::MAX).contains('T'));
    }
}
