//! A run's entries, one by one, to what it did. The kernel's own fold keeps the accounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use authority::Grant;
use bytes::Bytes;

use super::collect::{Before, Collector, Ended};
use super::flow;
use super::process::ProcessView;
use super::refusal::{self, Refusal};
use super::run::{REFUSALS, RunView};
use super::timeline::Timeline;
use crate::kernel::answer::Error;
use crate::kernel::call::{Call, Key, Pid, RunId};
use crate::kernel::entry::{Entry, Event};
use crate::kernel::state::{Inconsistent, Pending, State};

/// A run that is being read. Its memory is bounded by its processes, and what they hold, not by its entries.
pub struct Fold {
    state: State,
    grant: Option<Arc<Grant>>,
    view: RunView,
    collector: Collector,
}

impl Fold {
    /// Before a run's first entry.
    pub fn new(run: RunId) -> Fold {
        let state = State { last_run: run.saturating_sub(1), ..State::default() };
        Fold {
            state,
            grant: None,
            view: RunView { run, ..RunView::default() },
            collector: Collector::default(),
        }
    }

    /// What it did so far.
    pub fn view(&self) -> &RunView {
        &self.view
    }

    /// As [`Fold::view`], with what living processes have been at until the last entry.
    pub fn settled(&mut self) -> &RunView {
        self.view.settle();
        &self.view
    }

    /// The kernel's own state, as of the last entry.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Its grant, once its first entry was read.
    pub fn grant(&self) -> Option<&Grant> {
        self.grant.as_deref()
    }

    /// Takes the run's next entry, with its grant when it is the first; answers the refusal that it is, if it is one.
    ///
    /// # Errors
    /// When it does not follow from those before it.
    pub fn take(&mut self, entry: &Entry, grant: Option<&Bytes>) -> Result<Option<Refusal>, Inconsistent> {
        let run = self.state.runs.get(&entry.run);
        let pending = run.and_then(|run| run.proc(subject(entry))?.pending.clone());
        let before = match (&entry.event, &pending) {
            (Event::Call { call, base, .. }, _) => Some(Before::of(run, entry.pid, call, base)),
            (Event::Outcome { .. }, Some(pending)) => {
                Some(Before::of(run, entry.pid, &pending.call, &BTreeMap::new()))
            }
            _ => None,
        };
        let key = Key { run: entry.run, pid: entry.pid };
        let carried = self.state.proc(key).map(|me| me.labels.clone()).unwrap_or_default();
        // Entries of other runs may lie between two of this one.
        self.state.seq = entry.seq.saturating_sub(1);
        self.state.apply(entry, grant, &mut Vec::new())?;
        self.count(entry);
        let after = self.state.proc(key).map(|me| me.labels.clone()).unwrap_or_default();
        let call = pending.as_ref().map(|pending| &pending.call);
        flow::note(&mut self.view, entry, call, &carried, &after);
        let ended = match (&entry.event, &pending) {
            (Event::Call { call, out, .. }, _) => {
                let size = entry.body.map_or(0, |body| body.size);
                Some(Ended { call, out, began: entry.seq, size })
            }
            (Event::Outcome { out, .. }, Some(pending)) => {
                Some(Ended { call: &pending.call, out, began: pending.seq, size: pending.size })
            }
            _ => None,
        };
        let refusal = ended.as_ref().and_then(|ended| self.call(entry, ended));
        if let Some(run) = self.state.runs.get(&entry.run) {
            self.collector.take(&mut self.view.facts, run, entry, ended.zip(before));
        }
        self.at(entry, pending.as_deref());
        Ok(refusal)
    }

    /// Counts a call that ended; answers the refusal that it is, if it is one.
    fn call(&mut self, entry: &Entry, ended: &Ended<'_>) -> Option<Refusal> {
        let times = match &entry.event {
            Event::Call { repeat, .. } => repeat.map_or(1, |repeat| repeat.times),
            _ => 1,
        };
        let process = self.view.process_mut(entry.pid)?;
        if matches!(entry.event, Event::Call { .. }) {
            process.calls += times;
        }
        match ended.out {
            Ok(answer) => {
                process.did(ended.call, answer, ended.size);
                None
            }
            Err(error @ (Error::Denied | Error::Exhausted(_))) => {
                self.refused(entry, ended.call, error, ended.size, times)
            }
            Err(_) => None,
        }
    }

    /// Notes what an entry's process is at after it. `pending` is what it waited in before.
    fn at(&mut self, entry: &Entry, pending: Option<&Pending>) {
        let subject = subject(entry);
        let key = Key { run: entry.run, pid: subject };
        let RunView { timeline, processes, .. } = &mut self.view;
        let Some(process) = (subject as usize).checked_sub(1).and_then(|at| processes.get_mut(at)) else {
            return;
        };
        let Some(me) = self.state.proc(key) else { return };
        if let Some(pending) = pending.filter(|_| me.pending.is_none()) {
            process.waited(pending.call.verb(), process.since, entry.t);
        }
        process.last = entry.seq;
        if let Some((phase, since)) = process.state(me, entry.t) {
            timeline.add(subject, phase, since, entry.t);
        }
    }

    fn count(&mut self, entry: &Entry) {
        let view = &mut self.view;
        if view.entries == 0 {
            (view.first, view.began) = (entry.seq, entry.t);
            view.timeline = Timeline::new(entry.t);
        }
        (view.last, view.latest) = (entry.seq, entry.t);
        view.entries += 1;
        match &entry.event {
            Event::Run(opening) => {
                self.grant = self.state.runs.get(&entry.run).map(|run| run.grant.clone());
                view.label = opening.label.clone();
                view.host = opening.host.clone();
                view.signed = self.grant.as_ref().is_some_and(|grant| grant.signed);
            }
            Event::Start(birth) => view.processes.push(ProcessView::new(entry.pid, birth, entry.t)),
            Event::Exit(exit) => {
                if let Some(process) = view.process_mut(entry.pid) {
                    process.exit = Some((**exit).clone());
                    process.exit_entry = Some(entry.seq);
                    process.output = entry.body;
                }
            }
            Event::Wait { .. } | Event::Intent { .. } => {
                if let Some(process) = view.process_mut(entry.pid) {
                    process.calls += 1;
                }
            }
            Event::End => view.ended = true,
            Event::Resume(_) => view.resumed += 1,
            Event::Call { .. }
            | Event::Outcome { .. }
            | Event::Ask { .. }
            | Event::Rule { .. }
            | Event::Signal { .. }
            | Event::Revoke { .. }
            | Event::Fund { .. }
            | Event::Warn { .. }
            | Event::Bill { .. }
            | Event::Expire { .. } => {}
            Event::Overlay { mount, step } => {
                view.overlays.insert(mount.clone(), *step);
            }
            Event::Erase(erasure) => view.erased += erasure.bodies,
        }
        // A child's end gives its parent back what it did not use.
        let parent = view.process(entry.pid).and_then(|process| process.parent);
        if let (Event::Exit(_), Some(pid)) = (&entry.event, parent)
            && let Some(parent) = self.state.proc(Key { run: entry.run, pid })
            && let Some(process) = view.process_mut(pid)
        {
            process.account(&parent.account);
        }
    }

    fn refused(
        &mut self,
        entry: &Entry,
        call: &Call,
        error: &Error,
        size: u64,
        times: u64,
    ) -> Option<Refusal> {
        let run = self.state.runs.get(&entry.run)?;
        let me = run.proc(entry.pid)?;
        let process = self.view.process_mut(entry.pid)?;
        let refusal = match error {
            Error::Exhausted(meter) => {
                process.unpaid += times;
                self.view.unpaid += times;
                let process = self.view.process(entry.pid)?;
                refusal::unpaid(
                    entry,
                    call,
                    (*meter, run.resets(*meter, entry.t)),
                    size,
                    (me, process, times),
                )
            }
            _ => {
                process.denied += times;
                self.view.denied += times;
                let process = self.view.process(entry.pid)?;
                refusal::denied(entry, call, run, (me, process, times))
            }
        };
        if self.view.refusals.len() < REFUSALS {
            self.view.refusals.push(refusal.clone());
        }
        Some(refusal)
    }
}

/// Whom an entry is about: the operator's are of the kernel.
fn subject(entry: &Entry) -> Pid {
    match &entry.event {
        Event::Rule { pid, .. }
        | Event::Signal { pid, .. }
        | Event::Revoke { pid, .. }
        | Event::Fund { pid, .. } => *pid,
        _ => entry.pid,
    }
}
