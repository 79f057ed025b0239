//! Replay: the answers to a process's calls, from its entries. The process is executed again; each call that it makes
//! is compared with the one that was logged, and answered as it was then. Nothing outside is touched.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use audit::Digest;
use bytes::Bytes;
use ledger::Meter;

use super::Lifted;
use super::answer::{Answer, Error, Exit};
use super::call::{Call, Key};
use super::cost::{FUEL_BYTE, FUEL_CALL};
use super::entry::{Birth, Blob, Entry, EntryError, Repeat};
use super::live::Reply;
use super::state::{Inconsistent, Limits};
use crate::journal::{Reader, StoreError};

mod recording;
mod text;

pub use recording::{Recording, record};
use text::{describe, ended, summary};

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
    #[error("the body of #{0} is not stored any more; a run whose bodies were pruned cannot be replayed")]
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

fn lock(reader: &Arc<Mutex<Reader>>) -> std::sync::MutexGuard<'_, Reader> {
    reader.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fetch(bodies: &Arc<Mutex<Reader>>, seq: u64) -> Result<Bytes, TapeError> {
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
        match lock(&self.bodies).body(self.birth.input)? {
            Some(body) => Ok(body.data.into()),
            None => Err(TapeError::Pruned(self.birth.input)),
        }
    }

    /// Compares a call with the next logged one and answers it; `None` when the process is to go no further.
    pub fn call(&mut self, fuel: u64, call: &Call, body: Option<&Lifted>) -> Option<Reply> {
        self.play(fuel, call, body).unwrap_or_else(|failed| {
            self.failed = Some(failed);
            None
        })
    }

    fn play(&mut self, fuel: u64, call: &Call, body: Option<&Lifted>) -> Result<Option<Reply>, TapeError> {
        let Some(step) = self.steps.front() else {
            if self.stopped_here(fuel, body) {
                self.cut = true;
            } else {
                self.diverge(None, "its end: no further call".into(), describe(call, fuel, body));
            }
            return Ok(None);
        };
        if let Some(logged) = self.difference(step, fuel, call, body)? {
            self.diverge(Some(step.seq), logged, describe(call, fuel, body));
            return Ok(None);
        }
        self.calls += 1;
        let Some(step) = self.steps.front_mut() else { return Ok(None) };
        step.done += 1;
        let Some(played) = &step.answer else {
            self.steps.pop_front();
            self.cut = true;
            return Ok(None);
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
        Ok(Some(reply))
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

    fn diverge(&mut self, seq: Option<u64>, logged: String, now: String) {
        self.diverged = Some(Divergence { key: self.key, call: self.calls + 1, seq, logged, now });
    }

    /// What was logged, when it differs.
    fn difference(
        &self,
        step: &Step,
        fuel: u64,
        call: &Call,
        body: Option<&Lifted>,
    ) -> Result<Option<String>, TapeError> {
        let expected = match step.repeat {
            Some(repeat) if step.done + 1 == repeat.times => Some(repeat.last),
            Some(_) if step.done > 0 => None,
            _ => Some(step.fuel),
        };
        let carried = self.same_body(step, body)?;
        if expected.is_none_or(|expected| expected == fuel) && step.call == *call && carried {
            return Ok(None);
        }
        let mut text = format!("{} fuel {}", summary(&step.call), ledger::grouped(expected.unwrap_or(fuel)));
        if let (Some(blob), false) = (step.blob, carried) {
            let digest = blob.digest.map(|d| format!(", {}", d.short())).unwrap_or_default();
            text.push_str(&format!(", body {} bytes{digest}", ledger::grouped(blob.size)));
        }
        Ok(Some(text))
    }

    /// Whether the body that the call carries is the one that the entry committed to.
    fn same_body(&self, step: &Step, body: Option<&Lifted>) -> Result<bool, TapeError> {
        let answers = step.answer.as_ref().is_some_and(|played| {
            played.seq == step.seq
                && played.out.as_ref().is_ok_and(|answer| answer.body_at(step.seq) == Some(step.seq))
        });
        let blob = if answers { None } else { step.blob };
        let (Some(blob), Some(body)) = (blob, body) else { return Ok(blob.is_none() == body.is_none()) };
        if blob.size != body.size {
            return Ok(false);
        }
        let (Some(digest), Some(body)) = (blob.digest, &body.bytes) else { return Ok(blob.digest.is_none()) };
        Ok(match lock(&self.bodies).body(step.seq)?.ok_or(TapeError::Pruned(step.seq))?.salt {
            Some(salt) => digest == Digest::salted(&salt, body),
            None => digest == Digest::of(body),
        })
    }

    /// Compares the end; answers the first difference of the whole process.
    ///
    /// # Errors
    /// When a body cannot be read.
    pub fn finish(
        &mut self,
        fuel: u64,
        exit: &Exit,
        output: Option<&Bytes>,
    ) -> Result<Option<Divergence>, TapeError> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        if let Some(found) = self.diverged.take() {
            return Ok(Some(found));
        }
        if let Some(step) = self.steps.front() {
            let (seq, logged) =
                (step.seq, format!("{} fuel {}", summary(&step.call), ledger::grouped(step.fuel)));
            self.diverge(
                Some(seq),
                logged,
                format!("its end: {} fuel {}", ended(exit), ledger::grouped(fuel)),
            );
            return Ok(self.diverged.take());
        }
        let Some((entry, logged)) = self.end.clone() else { return Ok(None) };
        if self.cut || self.same_end(&entry, &logged, fuel, exit, output)? {
            return Ok(None);
        }
        let said = format!("its end: {} fuel {}", ended(&logged), ledger::grouped(entry.fuel));
        self.diverge(
            Some(entry.seq),
            said,
            format!("its end: {} fuel {}", ended(exit), ledger::grouped(fuel)),
        );
        Ok(self.diverged.take())
    }

    fn same_end(
        &self,
        entry: &Entry,
        logged: &Exit,
        fuel: u64,
        exit: &Exit,
        output: Option<&Bytes>,
    ) -> Result<bool, TapeError> {
        // Ended from outside: replay stops it by its fuel, or it comes to an end of its own with just that much.
        let stopped = matches!(logged, Exit::Killed | Exit::Exhausted(Meter::WallTime));
        if stopped && (*exit == Exit::Exhausted(Meter::Fuel) || fuel >= entry.fuel) {
            return Ok(true);
        }
        if entry.fuel != fuel || logged != exit {
            return Ok(false);
        }
        let (Exit::Returned, Some(blob), Some(output)) = (logged, entry.body, output) else {
            return Ok(true);
        };
        let Some(stored) = lock(&self.bodies).body(entry.seq)? else {
            return Err(TapeError::Pruned(entry.seq));
        };
        let salt = stored.salt.unwrap_or_default();
        Ok(blob.digest == Some(Digest::salted(&salt, output)))
    }
}
