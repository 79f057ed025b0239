//! What all runs of a host together may spend in a window: the host is the root of their budgets. At its beginning a run's budget
//! is moved out of the cap; what it did not use comes back at its end, which says what it used. So nothing is counted call by
//! call, and no run can spend what another was promised.
//!
//! A window is an hour or a day of UTC. A run that goes on into the next one counts there with its whole budget: never too
//! little.

use std::collections::BTreeMap;

use ledger::{Amounts, MAX, Meter, Period, show};
use serde::{Deserialize, Serialize};

use super::call::RunId;

/// What may be spent of a meter, and in which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// How much.
    pub amount: u64,
    /// In each.
    pub period: Period,
}

/// A cap at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capped {
    /// Of what.
    pub meter: Meter,
    /// What is taken: spent, or promised to runs that go on.
    pub taken: u64,
    /// Of how much.
    pub cap: u64,
    /// When the window ends: milliseconds since 1970.
    pub until: u64,
}

/// The caps of a host, and who took what.
#[derive(Clone, Debug, Default)]
pub struct Caps {
    caps: BTreeMap<Meter, Cap>,
    /// The budgets of runs that go on, and what came back to them and counts as spent already.
    open: BTreeMap<RunId, (Amounts, Amounts)>,
    /// What runs used that ended, and when.
    ended: Vec<(u64, Amounts)>,
}

/// A run that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "all runs together may spend {} {meter} each {period}, and {} are left until the window ends", show(*.meter, *.cap), show(*.meter, *.left)
)]
pub struct Over {
    /// Of what.
    pub meter: Meter,
    /// What is left in this window.
    pub left: u64,
    /// Of how much.
    pub cap: u64,
    /// Of which.
    pub period: Period,
    /// When it ends: milliseconds since 1970.
    pub until: u64,
}

impl Caps {
    /// Caps of which nothing is taken yet.
    pub fn new(caps: BTreeMap<Meter, Cap>) -> Caps {
        Caps { caps, ..Caps::default() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.caps.is_empty()
    }

    /// From when on ends of runs count: milliseconds since 1970.
    pub fn since(&self, now: u64) -> u64 {
        let longest = self.caps.values().map(|cap| cap.period).max();
        longest.map_or(now, |period| period.next(0, now).saturating_sub(period.ms()))
    }

    /// Notes a run that went on, or ended, before this host began.
    pub fn note(&mut self, run: RunId, budget: Amounts, ended: Option<u64>) {
        match ended {
            Some(at) => self.ended.push((at, budget)),
            None => {
                self.open.insert(run, (budget, Amounts::zero()));
            }
        }
    }

    /// Moves a run's budget out of all caps, or out of none.
    ///
    /// # Errors
    /// The first cap that it does not fit into.
    pub fn take(&mut self, run: RunId, budget: &Amounts, now: u64) -> Result<(), Over> {
        for (meter, cap) in &self.caps {
            let left = cap.amount.saturating_sub(self.taken(*meter, *cap, now));
            if budget.get(*meter) > left {
                let until = cap.period.next(0, now);
                return Err(Over { meter: *meter, left, cap: cap.amount, period: cap.period, until });
            }
        }
        if !self.caps.is_empty() {
            self.open.insert(run, (*budget, Amounts::zero()));
        }
        Ok(())
    }

    /// Moves more out of the caps for a run that goes on: what it spent, and may spend again.
    ///
    /// # Errors
    /// The first cap that it does not fit into; then nothing was moved.
    pub fn more(&mut self, run: RunId, add: &[(Meter, u64)], now: u64) -> Result<(), Over> {
        for (meter, more) in add {
            let Some(cap) = self.caps.get(meter).copied() else { continue };
            let left = cap.amount.saturating_sub(self.taken(*meter, cap, now));
            if *more > left {
                let until = cap.period.next(0, now);
                return Err(Over { meter: *meter, left, cap: cap.amount, period: cap.period, until });
            }
        }
        if let Some((_, spent)) = self.open.get_mut(&run) {
            let sum = |of: Amounts, (meter, more): &(Meter, u64)| {
                of.with(*meter, of.get(*meter).saturating_add(*more).min(MAX))
            };
            *spent = add.iter().fold(*spent, sum);
            self.ended.push((now, add.iter().fold(Amounts::zero(), sum)));
        }
        Ok(())
    }

    /// Gives back what a run did not use.
    pub fn give_back(&mut self, run: RunId, used: Amounts, now: u64) {
        let Some((_, spent)) = self.open.remove(&run) else { return };
        let since = self.since(now);
        self.ended.retain(|(at, _)| *at >= since);
        let rest =
            used.iter().fold(used, |rest, (meter, n)| rest.with(meter, n.saturating_sub(spent.get(meter))));
        self.ended.push((now, rest));
    }

    fn taken(&self, meter: Meter, cap: Cap, now: u64) -> u64 {
        let begun = cap.period.next(0, now).saturating_sub(cap.period.ms());
        let ended = self.ended.iter().filter(|(at, _)| *at >= begun).map(|(_, used)| used);
        self.open
            .values()
            .map(|(budget, _)| budget)
            .chain(ended)
            .fold(0, |sum: u64, of| sum.saturating_add(of.get(meter)).min(MAX))
    }

    /// How they stand.
    pub fn glance(&self, now: u64) -> Vec<Capped> {
        let capped = |(meter, cap): (&Meter, &Cap)| Capped {
            meter: *meter,
            taken: self.taken(*meter, *cap, now),
            cap: cap.amount,
            until: cap.period.next(0, now),
        };
        self.caps.iter().map(capped).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps() -> Caps {
        Caps::new(BTreeMap::from([
            (Meter::TokensIn, Cap { amount: 100, period: Period::Hour }),
            (Meter::Calls, Cap { amount: 1_000, period: Period::Day }),
        ]))
    }

    fn budget(tokens: u64, calls: u64) -> Amounts {
        Amounts::zero().with(Meter::TokensIn, tokens).with(Meter::Calls, calls)
    }

    const HOUR: u64 = 3_600_000;

    #[test]
    fn what_is_promised_cannot_be_promised_again_and_what_is_left_comes_back() {
        let mut caps = caps();
        caps.take(1, &budget(60, 10), 5).unwrap();
        let over = caps.take(2, &budget(41, 10), 6).unwrap_err();
        assert_eq!((over.meter, over.left, over.until), (Meter::TokensIn, 40, HOUR));
        caps.take(2, &budget(40, 10), 6).unwrap();
        caps.give_back(1, budget(10, 1), 7);
        assert_eq!(caps.take(3, &budget(51, 0), 8).unwrap_err().left, 50);
        caps.give_back(2, budget(0, 0), 8);
        // In the next hour, what was used in this one is over; the day's calls are not.
        assert_eq!(caps.take(3, &budget(100, 1_000), HOUR).unwrap_err().meter, Meter::Calls);
        caps.take(3, &budget(100, 999), HOUR).unwrap();
    }

    #[test]
    fn no_limit_fits_into_no_cap() {
        assert!(caps().take(1, &Amounts::unlimited(), 0).is_err());
        assert!(Caps::default().take(1, &Amounts::unlimited(), 0).is_ok());
    }

    #[test]
    fn what_comes_back_to_a_run_is_spent_once() {
        let mut caps = caps();
        caps.take(1, &budget(40, 0), 0).unwrap();
        caps.more(1, &[(Meter::TokensIn, 40)], 5).unwrap();
        assert_eq!(caps.more(1, &[(Meter::TokensIn, 40)], 6).unwrap_err().left, 20);
        caps.give_back(1, budget(50, 0), 7);
        assert_eq!(caps.take(2, &budget(51, 0), 8).unwrap_err().left, 50, "50 were used, not 90");
        // In the next window it may come back again.
        caps.take(3, &budget(40, 0), HOUR).unwrap();
        caps.more(3, &[(Meter::TokensIn, 40), (Meter::TokensOut, 9)], HOUR + 1).unwrap();
    }

    #[test]
    fn a_run_that_goes_on_counts_in_each_window() {
        let mut caps = caps();
        caps.take(1, &budget(60, 0), 0).unwrap();
        assert_eq!(caps.take(2, &budget(41, 0), 5 * HOUR).unwrap_err().left, 40);
        assert_eq!(caps.since(25 * HOUR), 24 * HOUR);
        caps.note(7, budget(30, 0), Some(5 * HOUR));
        caps.note(8, budget(5, 0), None);
        assert_eq!(caps.take(2, &budget(6, 0), 5 * HOUR + 1).unwrap_err().left, 5);
        assert_eq!(
            caps.glance(5 * HOUR + 1)[0],
            Capped { meter: Meter::TokensIn, taken: 95, cap: 100, until: 6 * HOUR }
        );
    }
}
