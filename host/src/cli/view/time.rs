//! Times for people: UTC, without a time zone's data.

use authority::signed::day::{DAY_MS, date};

/// Kernel time (milliseconds since 1970) as RFC 3339 with milliseconds: `2026-03-01T12:00:00.250Z`.
pub fn rfc3339(ms: u64) -> String {
    let (year, month, day) = date(ms / DAY_MS);
    let rest = ms % DAY_MS;
    let (hours, minutes, seconds) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", rest % 1_000)
}

/// A day or a time of RFC 3339, in UTC: `2026-03-01`, `2026-03-01T12:00:00Z`. As kernel time; none before 1970, and none of
/// what is no such day or time.
pub fn parse(text: &str) -> Option<u64> {
    let (day, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    let [hours, minutes, seconds] = numbers(time.strip_suffix('Z')?, ':', [2, 2, 2])?;
    if hours > 23 || minutes > 59 || seconds > 59 || year < 1970 {
        return None;
    }
    let days = days(year, month, day).filter(|days| date(*days) == (year, month, day))?;
    Some(days * DAY_MS + hours * 3_600_000 + minutes * 60_000 + seconds * 1_000)
}

/// Days since 1970-01-01 of a civil date: Howard Hinnant's `days_from_civil`. Of what is no date they are those of another one.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + day.checked_sub(1)?;
    let of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + of_year;
    (era * 146_097 + of_era).checked_sub(719_468)
}

/// Three numbers of so many digits, and nothing else.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        *number = Some(part)
            .filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))?
            .parse()
            .ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(rfc3339(951_868_799_999), "2000-02-29T23:59:59.999Z");
        assert_eq!(rfc3339(1_772_366_400_250), "2026-03-01T12:00:00.250Z");
        assert_eq!(rfc3339(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn what_is_written_is_read() {
        for day in (0..60_000).step_by(13) {
            let ms = day * DAY_MS + day * 977 % DAY_MS / 1_000 * 1_000;
            assert_eq!(parse(&rfc3339(ms).replace(".000Z", "Z")), Some(ms));
        }
        for last in ["2026-12-31", "2024-02-29", "9999-12-31"] {
            assert!(parse(last).is_some(), "{last}");
        }
        for bad in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-1-1",
            "1969-12-31",
            "2026-01-01T24:00:00Z",
            "2026-01-01T1:00:00Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn no_time_is_too_late() {
        assert!(rfc3339(ledger::MAX).ends_with('Z'));
        assert!(rfc3339(u64::MAX).ends_with('Z'));
    }
}
