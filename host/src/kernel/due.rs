//! What kernel time brings: waits that give up, leases that expire, wall time that is over. Derived from the entries, for
//! this process alone; each is dropped when it is due no more.

use ledger::Meter;

use super::answer::{Answer, Exit};
use super::call::{Call, Key, RunId};
use super::entry::{Entry, Event};
use super::live::Live;
use super::state::Inconsistent;

/// Something that kernel time brings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A wait gives up.
    Wait(Key),
    /// A lease expires.
    Lease(RunId, String, u64),
    /// A process's wall time is over.
    Wall(Key),
    /// Some of a process's rights end.
    Rights(Key),
    /// A window of a run's budget is over.
    Window(RunId, Meter),
}

impl Live {
    /// Drops what is due no more once this entry is applied: the end of its process's wait, a lease that was given back.
    pub(super) fn forget_due(&mut self, entry: &Entry, key: Key) {
        match &entry.event {
            Event::Outcome { .. } | Event::Exit(_) => {
                let pending = self.state.proc(key).and_then(|me| me.pending.as_ref());
                if let Some((until, seq)) = pending.and_then(|pending| Some((pending.until?, pending.seq))) {
                    self.due.remove(&(until, seq, Due::Wait(key)));
                }
            }
            Event::Call { call: Call::Release { lease }, out: Ok(_), .. } => self.forget_lease(*lease),
            Event::Expire { token, .. } => self.forget_lease(*token),
            _ => {}
        }
        if let (Event::Exit(_), Some(me)) = (&entry.event, self.state.proc(key)) {
            let tokens: Vec<u64> = me.leases.keys().copied().collect();
            let (deadline, ends) = (me.deadline, me.ends);
            tokens.into_iter().for_each(|token| self.forget_lease(token));
            deadline.into_iter().for_each(|at| {
                self.due.remove(&(at, 0, Due::Wall(key)));
            });
            ends.into_iter().for_each(|at| {
                self.due.remove(&(at, 0, Due::Rights(key)));
            });
        }
    }

    fn forget_lease(&mut self, token: u64) {
        if let Some(due) = self.expiries.remove(&token) {
            self.due.remove(&due);
        }
    }

    /// Notes what this entry makes due later.
    pub(super) fn remember_due(&mut self, entry: &Entry, key: Key) {
        let seq = entry.seq;
        match &entry.event {
            Event::Wait { until: Some(until), .. } => self.add_due(*until, seq, Due::Wait(key)),
            Event::Call { call: Call::Acquire { name, ttl, .. }, out: Ok(Answer::Id(token)), .. } => {
                let lease = Due::Lease(key.run, name.clone(), *token);
                self.add_due(entry.t.saturating_add(*ttl), seq, lease);
            }
            Event::Outcome { out: Ok(Answer::Id(token)), .. } => {
                let name = self.state.proc(key).and_then(|me| me.leases.get(token));
                let lease =
                    name.and_then(|name| Some((name, self.state.runs.get(&key.run)?.leases.get(name)?)));
                if let Some((name, (_, _, expires))) =
                    lease.and_then(|(name, lease)| Some((name, lease.holder?)))
                {
                    let lease = Due::Lease(key.run, name.clone(), *token);
                    self.add_due(expires, seq, lease);
                }
            }
            Event::Start(_) => {
                let Some(me) = self.state.proc(key) else { return };
                let (deadline, ends) = (me.deadline, me.ends);
                deadline.into_iter().for_each(|at| self.add_due(at, seq, Due::Wall(key)));
                ends.into_iter().for_each(|at| self.add_due(at, seq, Due::Rights(key)));
                if key.pid == 1 {
                    self.add_windows(key.run, entry.t);
                }
            }
            Event::Revoke { pid, .. } => {
                let run = self.state.runs.get(&key.run);
                let all = run.into_iter().flat_map(|run| run.descent(*pid));
                let ends: Vec<_> = all.filter_map(|me| Some((me.ends?, me.pid))).collect();
                for (at, pid) in ends {
                    self.add_due(at, seq, Due::Rights(Key { run: key.run, pid }));
                }
            }
            _ => {}
        }
    }

    fn add_due(&mut self, at: u64, seq: u64, due: Due) {
        // A process has one end of its wall time, which is found again without the number of its first entry. So has a right.
        let seq = if matches!(due, Due::Wall(_) | Due::Rights(_) | Due::Window(..)) { 0 } else { seq };
        let first = self.due.first().is_none_or(|(first, ..)| at < *first);
        if let Due::Lease(_, _, token) = &due {
            self.expiries.insert(*token, (at, seq, due.clone()));
        }
        self.due.insert((at, seq, due));
        if first {
            self.timer.notify_one();
        }
    }

    /// Notes all that is due in a run that is taken up: what its entries so far made due, and did not end.
    pub(super) fn derive_due(&mut self, run: RunId) {
        let Some(state) = self.state.runs.get(&run) else { return };
        let mut found = Vec::new();
        for me in state.procs.iter().filter(|me| me.exit.is_none()) {
            let key = Key { run, pid: me.pid };
            found.extend(me.deadline.map(|at| (at, 0, Due::Wall(key))));
            found.extend(me.ends.map(|at| (at, 0, Due::Rights(key))));
            let wait = me.pending.as_ref().and_then(|pending| Some((pending.until?, pending.seq)));
            found.extend(wait.map(|(at, seq)| (at, seq, Due::Wait(key))));
        }
        for (name, lease) in &state.leases {
            // A lease's token is the number of the entry that granted it.
            let held = lease.holder.map(|(_, token, at)| (at, token, Due::Lease(run, name.clone(), token)));
            found.extend(held);
        }
        let passed = state.windows.iter().filter_map(|(meter, window)| {
            // What was over while nobody was there comes back at once.
            let at = window.period.next(state.proc(1)?.started, window.since);
            Some((at, 0, Due::Window(run, *meter)))
        });
        found.extend(passed);
        found.into_iter().for_each(|(at, seq, due)| self.add_due(at, seq, due));
    }

    fn add_windows(&mut self, run: RunId, now: u64) {
        let Some(state) = self.state.runs.get(&run) else { return };
        let meters: Vec<Meter> = state.windows.keys().copied().collect();
        let next: Vec<_> =
            meters.into_iter().filter_map(|meter| Some((state.resets(meter, now)?, meter))).collect();
        next.into_iter().for_each(|(at, meter)| self.add_due(at, 0, Due::Window(run, meter)));
    }

    /// Gives back what was used of a window that is over, and waits for the end of the next one.
    fn refill(&mut self, run: RunId, meter: Meter, now: u64) -> Result<(), Inconsistent> {
        let Some(state) = self.state.runs.get(&run) else { return Ok(()) };
        if state.proc(1).is_none_or(|root| root.exit.is_some()) {
            return Ok(());
        }
        let (back, next) = (state.comes_back(meter, now), state.resets(meter, now));
        // Out of a cap that has nothing left, nothing comes back until the next time.
        if back > 0 && self.caps.more(run, &[(meter, back)], now).is_ok() {
            let event = Event::Fund { pid: 1, add: vec![(meter, back)], window: true };
            self.append(now, Key { run, pid: 0 }, 0, event, None)?;
        }
        next.into_iter().for_each(|at| self.add_due(at, 0, Due::Window(run, meter)));
        Ok(())
    }

    /// Fires what is due, in the order of its time.
    pub(super) fn fire(&mut self, now: u64) -> Result<(), Inconsistent> {
        while let Some((at, _, _)) = self.due.first() {
            if *at > now {
                break;
            }
            let Some((_, seq, due)) = self.due.pop_first() else { break };
            match due {
                Due::Wait(key) => {
                    if self.state.proc(key).and_then(|me| me.pending.as_ref()).is_some_and(|p| p.seq == seq) {
                        self.wakes.push(key);
                    }
                }
                Due::Lease(run, name, token) => self.expire(run, name, token, now)?,
                Due::Rights(key) => {
                    if self.state.proc(key).is_some_and(|me| me.exit.is_none()) {
                        self.lapse(key, now)?;
                    }
                }
                Due::Window(run, meter) => self.refill(run, meter, now)?,
                Due::Wall(key) => {
                    if let Some(control) = self.controls.get(&key) {
                        control.end(Exit::Exhausted(ledger::Meter::WallTime));
                    }
                }
            }
            self.settle(now)?;
        }
        Ok(())
    }

    fn expire(&mut self, run: RunId, name: String, token: u64, now: u64) -> Result<(), Inconsistent> {
        let holder = self.state.runs.get(&run).and_then(|run| run.leases.get(&name)?.holder);
        match holder {
            Some((_, held, expires)) if held == token && expires <= now => {
                self.append(now, Key { run, pid: 0 }, 0, Event::Expire { lease: name, token }, None)?;
            }
            Some((_, held, expires)) if held == token => {
                let due = (expires, self.state.seq, Due::Lease(run, name, token));
                self.expiries.insert(token, due.clone());
                self.due.insert(due);
            }
            _ => {}
        }
        Ok(())
    }
}
