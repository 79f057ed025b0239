//! Replay: the answers to a process's calls, from its entries. The process is executed again; each call that it makes
//! is compared with the one that was logged, and answered as it was then. Nothing outside is touched.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ledger::Meter;

use super::Lifted;
use super::answer::{Answer, Error, Exit};
use super::call::{Call, Key, Pid, Spec};
use super::cost::{FUEL_BYTE, FUEL_CALL};
use super::entry::{Birth, Blob, Entry, EntryError, Repeat};
use super::live::Reply;
use super::state::{Inconsistent, Limits};
use crate::journal::{Reader, StoreError};

mod compare;
mod recording;
mod text;

pub use recording::{Recording, record};
use text::describe;

/// Why a run cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry cannot be read.
    #[error("#{seq}: {source}")]
    Entry {
        /// The entry.
        seq: u64,
        /// Why.
        source: EntryError,
    },
    /// An entry does not follow from those before it.
    #[error(transparent)]
    Inconsistent(#[from] Inconsistent),
    /// A body that replay needs was pruned.
    #[error(
        "the body of #{0} is not stored any more; a run whose bodies were pruned cannot be replayed or resumed"
    )]
    Pruned(u64),
}

/// The first difference between what was logged and what happens now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// The process.
    pub key: Key,
    /// The call, counted from 1; one more than it made when it is its end that differs.
    pub call: u64,
    /// The entry, if there is one.
    pub seq: Option<u64>,
    /// What was logged.
    pub logged: String,
    /// What happened now.
    pub now: String,
}

/// A process's entries.
pub struct Tape {
    key: Key,
    /// Its first entry.
    pub birth: Birth,
    /// When it was born.
    pub born: u64,
    /// What it was held to at first.
    pub limits: Limits,
    steps: VecDeque<Step>,
    end: Option<(Entry, Exit)>,
    calls: u64,
    diverged: Option<Divergence>,
    cut: bool,
    /// While it is read: the newest step waits for the operator.
    asked: bool,
    /// Why it could not be read to its end.
    failed: Option<TapeError>,
    bodies: Arc<Mutex<Reader>>,
}

/// What a tape says to a call.
pub(super) enum Next {
    /// It was answered so.
    Answered(Box<Reply>),
    /// It had begun, and was not answered.
    Began,
    /// It is beyond the last entry.
    Over,
    /// Another call was logged; the tape knows which.
    Differs,
}

/// A logged call and its answer.
struct Step {
    seq: u64,
    fuel: u64,
    call: Call,
    blob: Option<Blob>,
    repeat: Option<Repeat>,
    done: u64,
    /// Absent when the process ended while it waited.
    answer: Option<Played>,
}

struct Played {
    seq: u64,
    out: Result<Answer, Error>,
    notice: Option<Bytes>,
    now: u64,
    /// Absent: as before.
    limits: Option<Limits>,
}

pub(super) fn lock(reader: &Arc<Mutex<Reader>>) -> std::sync::MutexGuard<'_, Reader> {
    reader.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn fetch(bodies: &Arc<Mutex<Reader>>, seq: u64) -> Result<Bytes, TapeError> {
    let body = lock(bodies).body(seq)?;
    body.map(|body| body.data.into()).ok_or(TapeError::Pruned(seq))
}

impl Tape {
    /// Drops the newest step if it asked the operator: the call itself follows, and the guest made it once.
    fn went_on(&mut self) {
        if std::mem::take(&mut self.asked) {
            self.steps.pop_back();
        }
    }

    /// Notes the end. A process that was ended from outside stopped where its fuel says, not where it ran out.
    fn close(&mut self, entry: Entry, exit: Exit) {
        if matches!(exit, Exit::Killed | Exit::Exhausted(Meter::WallTime)) {
            let mut told = self.steps.iter().rev().filter_map(|step| step.answer.as_ref()?.limits);
            let limits = Limits { fuel: entry.fuel, ..told.next().unwrap_or(self.limits) };
            match self.steps.iter_mut().rev().find_map(|step| step.answer.as_mut()) {
                Some(last) => last.limits = Some(limits),
                None => self.limits = limits,
            }
        }
        self.end = Some((entry, exit));
    }

    /// The newest answer, if the newest step has one.
    fn last(&mut self) -> Option<&mut Played> {
        self.steps.back_mut()?.answer.as_mut()
    }

    /// Whose it is.
    pub fn key(&self) -> Key {
        self.key
    }

    /// Calls compared so far.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Whether the process was never run: then there is nothing to replay.
    pub fn unstarted(&self) -> bool {
        matches!(self.end, Some((_, Exit::Unstarted(_))))
    }

    /// Its input.
    ///
    /// # Errors
    /// When it was pruned.
    pub fn input(&self) -> Result<Bytes, TapeError> {
        fetch(&self.bodies, self.birth.input)
    }

    /// Compares a call with the next logged one and answers it; `None` when the process is to go no further.
    pub fn call(&mut self, fuel: u64, call: &Call, body: Option<&Lifted>) -> Option<Reply> {
        self.play(fuel, call, body).unwrap_or_else(|failed| {
            self.failed = Some(failed);
            None
        })
    }

    fn play(&mut self, fuel: u64, call: &Call, body: Option<&Lifted>) -> Result<Option<Reply>, TapeError> {
        match self.next(fuel, call, body)? {
            Next::Answered(reply) => return Ok(Some(*reply)),
            Next::Began => self.cut = true,
            Next::Over if self.stopped_here(fuel, body) => self.cut = true,
            Next::Over => self.diverge(None, "its end: no further call".into(), describe(call, fuel, body)),
            Next::Differs => {}
        }
        Ok(None)
    }

    /// Compares a call with the next logged one.
    pub(super) fn next(&mut self, fuel: u64, call: &Call, body: Option<&Lifted>) -> Result<Next, TapeError> {
        let Some(step) = self.steps.front() else { return Ok(Next::Over) };
        if let Some(logged) = self.difference(step, fuel, call, body)? {
            self.diverge(Some(step.seq), logged, describe(call, fuel, body));
            return Ok(Next::Differs);
        }
        self.calls += 1;
        let Some(step) = self.steps.front_mut() else { return Ok(Next::Over) };
        step.done += 1;
        let Some(played) = &step.answer else {
            self.steps.pop_front();
            return Ok(Next::Began);
        };
        let body =
            match (&played.notice, played.out.as_ref().ok().and_then(|answer| answer.body_at(played.seq))) {
                (Some(notice), _) => Some(notice.clone()),
                (None, Some(at)) => Some(fetch(&self.bodies, at)?),
                (None, None) => None,
            };
        let reply = Reply { out: played.out.clone(), body, now: played.now, limits: played.limits };
        if step.repeat.is_none_or(|repeat| step.done >= repeat.times) {
            self.steps.pop_front();
        }
        Ok(Next::Answered(Box::new(reply)))
    }

    /// Whether all that was logged has been compared.
    pub(super) fn is_over(&self) -> bool {
        self.steps.is_empty()
    }

    /// The newest step, when it is a spawn that was answered: what was spawned, and as which child.
    pub(super) fn spawned(&self) -> Option<(&Spec, Pid, u64)> {
        let step = self.steps.back()?;
        match (&step.call, step.answer.as_ref()?) {
            (Call::Spawn(spec), Played { out: Ok(Answer::Id(pid)), seq, .. }) => {
                Some((spec, Pid::try_from(*pid).ok()?, *seq))
            }
            _ => None,
        }
    }

    /// What the process is held to after its newest answer.
    pub(super) fn told(&mut self, limits: Option<Limits>) {
        if let Some(played) = self.last() {
            played.limits = limits;
        }
    }

    /// Whether each body that it needs is still stored.
    ///
    /// # Errors
    /// When one is not.
    pub(super) fn stored(&self) -> Result<(), TapeError> {
        let answers = self.steps.iter().filter_map(|step| {
            let played = step.answer.as_ref().filter(|played| played.notice.is_none())?;
            played.out.as_ref().ok()?.body_at(played.seq)
        });
        let carried = self.steps.iter().filter(|step| step.blob.is_some_and(|blob| blob.digest.is_some()));
        let reader = lock(&self.bodies);
        for seq in answers.chain(carried.map(|step| step.seq)).chain([self.birth.input]) {
            if !reader.has_body(seq)? {
                return Err(TapeError::Pruned(seq));
            }
        }
        Ok(())
    }

    /// Whether the process was ended from outside in this call before it had an entry, or the log stops here with the
    /// host that wrote it.
    fn stopped_here(&self, fuel: u64, body: Option<&Lifted>) -> bool {
        let charged = FUEL_CALL + FUEL_BYTE * body.map_or(0, |b| b.size);
        match &self.end {
            Some((entry, Exit::Killed | Exit::Exhausted(Meter::WallTime))) => entry.fuel == fuel + charged,
            Some(_) => false,
            None => true,
        }
    }
}
