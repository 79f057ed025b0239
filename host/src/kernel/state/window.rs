//! Meters of a run's budget that come back.

use ledger::{Meter, Period};

use super::Run;

/// A meter that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How often.
    pub period: Period,
    /// When what was used came back last, or when the root started.
    pub since: u64,
    /// What was used by then.
    pub used: u64,
}

impl Run {
    /// When a meter of the root's budget comes back next.
    pub fn resets(&self, meter: Meter, now: u64) -> Option<u64> {
        let window = self.windows.get(&meter)?;
        Some(window.period.next(self.proc(1)?.started, now))
    }

    /// What has been used of a window that is over by now.
    pub(in crate::kernel) fn comes_back(&self, meter: Meter, now: u64) -> u64 {
        let (Some(window), Some(root)) = (self.windows.get(&meter), self.proc(1)) else { return 0 };
        match window.period.next(root.started, window.since) <= now {
            true => root.account.used(meter).saturating_sub(window.used),
            false => 0,
        }
    }
}
