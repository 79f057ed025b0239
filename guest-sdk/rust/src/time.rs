//! Durations as the interface counts them.

use std::time::Duration;

/// The largest number that the interface carries: 2^53 - 1.
const LARGEST: u128 = (1 << 53) - 1;

/// Whole milliseconds, rounded up so that a short wait stays a wait, at most [`LARGEST`].
pub(crate) fn millis(duration: Duration) -> u64 {
    duration.as_nanos().div_ceil(1_000_000).min(LARGEST) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_up_and_stays_within_the_interface() {
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_millis(20)), 20);
        assert_eq!(millis(Duration::from_micros(20_001)), 21);
        assert_eq!(millis(Duration::MAX), (1 << 53) - 1);
    }
}
