//! What the processes were at over time, in as much detail as a drawing can show: a fixed number of buckets, which
//! double their width whenever the run outgrows them.

use super::phase::Phase;
use crate::kernel::call::Pid;

/// Processes that have a lane; later ones have none.
pub const LANES: usize = 48;
/// Buckets of a lane at most.
pub const BUCKETS: usize = 480;
/// Shares that a millisecond counts for, so that being somewhere for less than one counts too.
const SHARES: u64 = 16;

/// The lanes of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// Kernel time of the first bucket's beginning.
    began: u64,
    /// Milliseconds of a bucket.
    width: u64,
    /// Of process `n` at `n - 1`; empty for one that was at nothing yet.
    lanes: Vec<Lane>,
}

/// Buckets, each with the shares of each phase, by its number.
type Lane = Vec<[u64; Phase::ALL.len()]>;

/// A stretch of a lane that was mostly at one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its first bucket.
    pub from: usize,
    /// The bucket after its last.
    pub to: usize,
    /// What it was at.
    pub phase: Phase,
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline { began: 0, width: 1, lanes: Vec::new() }
    }
}

impl Timeline {
    /// One that begins at a kernel time.
    pub fn new(began: u64) -> Timeline {
        Timeline { began, ..Timeline::default() }
    }

    /// Adds that a process was at something from one kernel time to another.
    pub fn add(&mut self, pid: Pid, phase: Phase, from: u64, to: u64) {
        let (from, to) = (from.saturating_sub(self.began), to.saturating_sub(self.began));
        while to / self.width >= BUCKETS as u64 {
            self.widen();
        }
        let width = self.width;
        let Some(lane) = self.lane(pid) else { return };
        let (first, last) = ((from / width) as usize, (to / width) as usize);
        if lane.len() <= last {
            lane.resize(last + 1, Default::default());
        }
        for (at, bucket) in lane.iter_mut().enumerate().take(last + 1).skip(first) {
            let start = at as u64 * width;
            let inside = to.min(start + width).saturating_sub(from.max(start));
            // The end of a stretch is no part of the bucket that it touches, unless it began there.
            let touched = u64::from(inside > 0 || from >= start);
            bucket[phase as usize] = bucket[phase as usize].saturating_add(inside * SHARES + touched);
        }
    }

    fn lane(&mut self, pid: Pid) -> Option<&mut Lane> {
        let at = (pid as usize).checked_sub(1).filter(|at| *at < LANES)?;
        if self.lanes.len() <= at {
            self.lanes.resize(at + 1, Lane::new());
        }
        self.lanes.get_mut(at)
    }

    fn widen(&mut self) {
        self.width = self.width.saturating_mul(2);
        for lane in &mut self.lanes {
            let merged = lane.chunks(2).map(|pair| {
                let mut sum = pair[0];
                for other in &pair[1..] {
                    sum.iter_mut().zip(other).for_each(|(sum, n)| *sum = sum.saturating_add(*n));
                }
                sum
            });
            *lane = merged.collect();
        }
    }

    /// The processes that have a lane.
    pub fn pids(&self) -> impl Iterator<Item = Pid> + '_ {
        (1..).zip(&self.lanes).filter(|(_, lane)| !lane.is_empty()).map(|(pid, _)| pid)
    }

    /// Buckets up to a kernel time, at least one.
    pub fn buckets(&self, until: u64) -> usize {
        (until.saturating_sub(self.began) / self.width + 1).min(BUCKETS as u64) as usize
    }

    /// Where a kernel time is, as a part of so many buckets.
    pub fn place(&self, time: u64, buckets: usize) -> f64 {
        let ms = time.saturating_sub(self.began) as f64;
        (ms / (self.width as f64 * buckets.max(1) as f64)).min(1.0)
    }

    /// Milliseconds of so many buckets.
    pub fn length(&self, buckets: usize) -> u64 {
        self.width.saturating_mul(buckets as u64)
    }

    /// A process's lane.
    pub fn stretches(&self, pid: Pid) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let lane = (pid as usize).checked_sub(1).and_then(|at| self.lanes.get(at));
        for (at, bucket) in lane.into_iter().flatten().enumerate() {
            let most = Phase::ALL.into_iter().max_by_key(|phase| bucket[*phase as usize]);
            let Some(phase) = most.filter(|phase| bucket[*phase as usize] > 0) else { continue };
            match stretches.last_mut() {
                Some(last) if last.phase == phase && last.to == at => last.to = at + 1,
                _ => stretches.push(Stretch { from: at, to: at + 1, phase }),
            }
        }
        stretches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(from: usize, to: usize, phase: Phase) -> Stretch {
        Stretch { from, to, phase }
    }

    #[test]
    fn stretches_follow_each_other() {
        let mut line = Timeline::new(1_000);
        line.add(1, Phase::Running, 1_000, 1_004);
        line.add(1, Phase::Waiting, 1_004, 1_010);
        line.add(2, Phase::Running, 1_003, 1_003);
        assert_eq!(line.stretches(1), [stretch(0, 4, Phase::Running), stretch(4, 10, Phase::Waiting)]);
        assert_eq!(line.stretches(2), [stretch(3, 4, Phase::Running)]);
        assert_eq!((line.buckets(1_010), line.length(11)), (11, 11));
    }

    #[test]
    fn a_long_run_keeps_its_shape_in_the_same_room() {
        let mut line = Timeline::new(0);
        let hour = 3_600_000;
        for n in 0..100 {
            line.add(1, Phase::Running, n * hour, n * hour + hour / 2);
            line.add(1, Phase::Inferring, n * hour + hour / 2, (n + 1) * hour);
        }
        let buckets = line.buckets(100 * hour);
        assert!((BUCKETS / 2..=BUCKETS).contains(&buckets), "{buckets}");
        let inferring: usize =
            line.stretches(1).iter().filter(|s| s.phase == Phase::Inferring).map(|s| s.to - s.from).sum();
        assert!((buckets * 2 / 5..=buckets * 3 / 5).contains(&inferring), "{inferring} of {buckets}");
    }

    #[test]
    fn late_processes_have_no_lane() {
        let mut line = Timeline::new(0);
        (1..=LANES as Pid + 5).for_each(|pid| line.add(pid, Phase::Running, 0, 1));
        assert_eq!(line.pids().count(), LANES);
        assert!(line.stretches(LANES as Pid + 1).is_empty());
    }

    #[test]
    fn no_time_is_too_far() {
        let mut line = Timeline::new(0);
        line.add(1, Phase::Waiting, 0, ledger::MAX);
        assert_eq!(line.stretches(1).len(), 1);
    }
}
