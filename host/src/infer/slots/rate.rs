//! So much a minute: a token bucket that holds one minute's worth, full at first.

/// Milliseconds of a minute: what one unit weighs, so that a millisecond brings a whole number.
const MINUTE: i128 = 60_000;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    per_minute: u64,
    /// In units of a [`MINUTE`]th; below zero after a question that is larger than a minute's worth.
    level: i128,
    /// When it was filled last, in milliseconds.
    at: u64,
}

impl Rate {
    /// A full one, at time zero.
    pub fn new(per_minute: u64) -> Rate {
        Rate { per_minute, level: i128::from(per_minute) * MINUTE, at: 0 }
    }

    fn fill(&mut self, now: u64) {
        let passed = i128::from(now.saturating_sub(self.at));
        self.at = self.at.max(now);
        self.give(passed.saturating_mul(i128::from(self.per_minute)));
    }

    fn give(&mut self, parts: i128) {
        self.level = self.level.saturating_add(parts).min(i128::from(self.per_minute) * MINUTE);
    }

    /// Milliseconds from `now` until so many are there; 0: they are. More than a minute's worth is waited for as a minute's
    /// worth is: else it would never come.
    pub fn wait(&mut self, now: u64, units: u64) -> u64 {
        self.fill(now);
        let short = i128::from(units.min(self.per_minute)) * MINUTE - self.level;
        let rate = i128::from(self.per_minute.max(1));
        u64::try_from((short.max(0) + rate - 1) / rate).unwrap_or(u64::MAX)
    }

    /// Takes so many.
    pub fn take(&mut self, units: u64) {
        self.level = self.level.saturating_sub(i128::from(units) * MINUTE);
    }

    /// Corrects what was taken once it is known what was used.
    pub fn settle(&mut self, taken: u64, used: u64) {
        self.give((i128::from(taken) - i128::from(used)) * MINUTE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_s_worth_at_once_then_by_the_minute() {
        let mut rate = Rate::new(60);
        assert_eq!(rate.wait(0, 60), 0);
        rate.take(60);
        assert_eq!(rate.wait(0, 1), 1_000);
        assert_eq!(rate.wait(400, 1), 600);
        assert_eq!(rate.wait(1_000, 1), 0);
        assert_eq!(rate.wait(3_600_000, 61), 0, "never more than a minute's worth, and that is enough");
        rate.take(120);
        assert_eq!(rate.wait(3_600_000, 1), 61_000, "what was too large is made good");
    }

    #[test]
    fn what_was_not_used_comes_back() {
        let mut rate = Rate::new(1_000);
        rate.take(1_000);
        rate.settle(1_000, 400);
        assert_eq!(rate.wait(0, 600), 0);
        assert_eq!(rate.wait(0, 601), 60);
        rate.settle(0, 600);
        assert_eq!(rate.wait(0, 1), 60, "and what was used beyond it is missing");
    }
}
