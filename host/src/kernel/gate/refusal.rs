//! Runs of identical refusals, which become one entry.

use super::Passing;
use crate::kernel::answer::Error;
use crate::kernel::decide::Decided;
use crate::kernel::live::{Live, Refusals, Reply};
use crate::kernel::state::Inconsistent;
use audit::Digest;
use ledger::Meter;

impl Live {
    /// Counts a refusal that is identical to the process's last one; writes the last ones if it is not.
    pub(super) fn refuse_again(
        &mut self,
        passing: &Passing,
        now: u64,
    ) -> Result<Option<Reply>, Inconsistent> {
        if self.refusals.is_empty() {
            return Ok(None);
        }
        let key = passing.key;
        let Some(run) = self.refusals.get(&key) else { return Ok(None) };
        let same =
            run.call == passing.call && run.size == passing.size && run.asked == self.asked_of(passing);
        let calls_left = self.state.proc(key).map_or(0, |me| me.account.left(Meter::Calls));
        let paid = run.times < calls_left || matches!(run.error, Error::Exhausted(_));
        let again = same
            && paid
            && matches!(self.decide(passing, now), Decided::Now(Err(error), _) if error == run.error);
        if !again {
            self.flush(key, now)?;
            return Ok(None);
        }
        let Some(run) = self.refusals.get_mut(&key) else { return Ok(None) };
        (run.times, run.last) = (run.times + 1, passing.fuel);
        let error = run.error.clone();
        Ok(Some(self.reply(key, Err(error), None)))
    }

    pub(super) fn refuse(&mut self, passing: Passing, error: Error) -> Reply {
        let asked = self.asked_of(&passing);
        let Passing { key, fuel, call, size, .. } = passing;
        self.refusals
            .insert(key, Refusals { call, error: error.clone(), size, asked, fuel, last: fuel, times: 1 });
        self.reply(key, Err(error), None)
    }

    /// The digest of what a call carries whose process has the operator's answer: none of any other, of which only the size
    /// is on record.
    fn asked_of(&self, passing: &Passing) -> Option<Digest> {
        self.state.proc(passing.key)?.ruling?;
        passing.digest.or_else(|| passing.body.as_ref().map(|body| Digest::of(body)))
    }
}
