//! Comparing what happens now with what was logged.

use audit::Digest;
use bytes::Bytes;
use ledger::Meter;

use super::text::{ended, summary};
use super::{Divergence, Step, Tape, TapeError, lock};
use crate::kernel::Lifted;
use crate::kernel::answer::Exit;
use crate::kernel::call::Call;
use crate::kernel::entry::Entry;

impl Tape {
    pub(super) fn diverge(&mut self, seq: Option<u64>, logged: String, now: String) {
        self.diverged = Some(Divergence { key: self.key, call: self.calls + 1, seq, logged, now });
    }

    /// What was logged, when it differs.
    pub(super) fn difference(
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
