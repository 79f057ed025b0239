//! A run's entries, one by one, to what it did. The kernel's own fold keeps the accounts.

use std::sync::Arc;

use authority::Grant;
use bytes::Bytes;

use super::flow;
use super::process::ProcessView;
use super::refusal::{self, Refusal};
use super::run::{REFUSALS, RunView};
use crate::kernel::answer::{Answer, Error};
use crate::kernel::call::{Call, Key, RunId};
use crate::kernel::entry::{Entry, Event};
use crate::kernel::state::{Inconsistent, State};

/// A run that is being read. Its memory is bounded by its processes, and what they hold, not by its entries.
pub struct Fold {
    state: State,
    grant: Option<Arc<Grant>>,
    view: RunView,
}

impl Fold {
    /// Before a run's first entry.
    pub fn new(run: RunId) -> Fold {
        let state = State { last_run: run.saturating_sub(1), ..State::default() };
        Fold { state, grant: None, view: RunView { run, ..RunView::default() } }
    }

    /// What it did so far.
    pub fn view(&self) -> &RunView {
        &self.view
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
        let key = Key { run: entry.run, pid: entry.pid };
        let pending = match &entry.event {
            Event::Outcome { .. } => self.state.proc(key).and_then(|me| me.pending.clone()),
            _ => None,
        };
        let before = self.state.proc(key).map(|me| me.labels.clone()).unwrap_or_default();
        // Entries of other runs may lie between two of this one.
        self.state.seq = entry.seq.saturating_sub(1);
        self.state.apply(entry, grant, &mut Vec::new())?;
        self.count(entry);
        let after = self.state.proc(key).map(|me| me.labels.clone()).unwrap_or_default();
        let call = pending.as_ref().map(|pending| &pending.call);
        flow::note(&mut self.view, entry, call, &before, &after);
        let (call, out, size, times) = match (&entry.event, &pending) {
            (Event::Call { call, out, repeat, .. }, _) => {
                (call, out, entry.body.map_or(0, |body| body.size), repeat.map_or(1, |repeat| repeat.times))
            }
            (Event::Outcome { out, .. }, Some(pending)) => (&pending.call, out, pending.size, 1),
            _ => return Ok(None),
        };
        if matches!(entry.event, Event::Call { .. })
            && let Some(process) = self.view.process_mut(entry.pid)
        {
            process.calls += times;
        }
        Ok(match out {
            Ok(answer) => {
                self.did(key, call, answer, size);
                None
            }
            Err(error @ (Error::Denied | Error::Exhausted(_))) => {
                self.refused(entry, call, error, size, times)
            }
            Err(_) => None,
        })
    }

    fn count(&mut self, entry: &Entry) {
        let view = &mut self.view;
        if view.entries == 0 {
            (view.first, view.began) = (entry.seq, entry.t);
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
            Event::Start(birth) => view.processes.push(ProcessView::new(entry.pid, birth)),
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
            | Event::Expire { .. }
            | Event::Overlay { .. } => {}
        }
        let account = self.state.proc(Key { run: entry.run, pid: entry.pid }).map(|me| &me.account);
        if let (Some(account), Some(process)) = (account, view.process_mut(entry.pid)) {
            process.account(account);
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

    fn did(&mut self, key: Key, call: &Call, answer: &Answer, size: u64) {
        if let Some(process) = self.view.process_mut(key.pid) {
            process.did(call, answer, size);
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
                refusal::unpaid(entry, call, *meter, size, (me, process, times))
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
