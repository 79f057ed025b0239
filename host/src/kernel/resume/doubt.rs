//! Calls in doubt: an effect outside had begun, or an answer was arriving, when the host was killed.

use std::sync::Arc;

use audit::Digest;
use authority::Verb;
use bytes::Bytes;

use crate::kernel::answer::Error;
use crate::kernel::call::{Call, Condition, Key};
use crate::kernel::draw::cut_off;
use crate::kernel::effect::doubt::change;
use crate::kernel::effect::{Performed, Permit, permit};
use crate::kernel::entry::Event;
use crate::kernel::live::Live;
use crate::kernel::state::{Proc, Run};
use crate::kernel::{Halt, Kernel, lease};

/// A change whose outcome is looked for.
struct Sought {
    permit: Permit,
    previous: Option<Digest>,
    body: Option<Bytes>,
    lost: Option<Error>,
}

impl Kernel {
    /// Finds out what came of the call that entry `of` began, and records it.
    pub(super) async fn clear_up(self: &Arc<Self>, key: Key, of: u64) -> Result<(), Halt> {
        let sought = self.lock().sought(key, of);
        let done = match sought {
            Ok(Sought { permit, previous, body, lost }) => permit.clear_up(previous, body, lost).await,
            Err(error) => Performed::refused(error),
        };
        self.journal().room().await?;
        let mut live = self.lock();
        if !live.waits_in(key, of) {
            return Ok(());
        }
        let now = live.now();
        let fuel = live.state.proc(key).map_or(0, |me| me.account.own(ledger::Meter::Fuel));
        live.append(now, key, fuel, Event::Outcome { of, out: done.out.clone() }, None)?;
        let reply = live.reply(key, done.out, None);
        if let Some(waiter) = live.waits.remove(&key) {
            let _told_when_it_has_caught_up = waiter.send(reply);
        }
        live.settle(now)?;
        Ok(())
    }
}

impl Live {
    /// How to look for a call's outcome; else what it is answered. Questions to a model are not asked again: nobody promises
    /// that it would be charged once.
    fn sought(&self, key: Key, of: u64) -> Result<Sought, Error> {
        let found = self.state.runs.get(&key.run).and_then(|run| Some((run, run.proc(key.pid)?)));
        let (run, me) = found.ok_or(Error::UnknownOutcome)?;
        let pending = me.pending.as_ref().filter(|pending| pending.seq == of).ok_or(Error::UnknownOutcome)?;
        if let Call::Next { .. } = pending.call {
            return Err(Error::Unavailable(cut_off()));
        }
        let body = pending.body.0.clone();
        let effect = change(&pending.call, body.as_ref().map(|body| Digest::of(body)));
        let outside = self.outside.get(&key.run);
        let (effect, outside) = effect.zip(outside).ok_or(Error::UnknownOutcome)?;
        let permit = permit(effect, outside, run, key.pid).map_err(|_| Error::UnknownOutcome)?;
        Ok(Sought { permit, previous: pending.previous, body, lost: self.lost(run, me, &pending.call) })
    }

    /// Why a change that had not happened may not happen any more.
    fn lost(&self, run: &Run, me: &Proc, call: &Call) -> Option<Error> {
        let (mount, condition) = match call {
            Call::Write { mount, condition, .. }
            | Call::Remove { mount, condition, .. }
            | Call::Rename { mount, condition, .. } => (mount, condition),
            _ => return None,
        };
        match condition {
            _ if !me.may(Verb::Write, mount) => Some(Error::Denied),
            Condition::Fence(token) => lease::holds(run, me, *token, self.now()).err(),
            _ => None,
        }
    }
}
