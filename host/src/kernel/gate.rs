//! The gate: every system call of every guest, and nothing else, comes through [`Kernel::call`].
//!
//! charge → authorise → record → effect → record the outcome → settle. The kernel's lock is held for the first three; an
//! effect outside happens without it, after its intent is durable, and by a permit that only the gate can make.

use std::sync::Arc;

use audit::Digest;
use bytes::Bytes;
use ledger::Meter;
use tokio::sync::{SemaphorePermit, oneshot};

mod outside;
mod refusal;
mod spawn;

use super::answer::{Error, Exit};
use super::call::{Call, Key, Pid, Signal};
use super::decide::{Asked, Decided, Effect, decide};
use super::effect::{Performed, Permit, Seen, permit};
use super::entry::{Event, Taken};
use super::live::{Carried, Live, Reply};
use super::overlay::change::Change;
use super::state::Inconsistent;
use super::{Halt, Kernel, Launch, Lifted, draw};
use crate::limits::FILE_BYTES;

/// A call on its way through the gate.
pub(super) struct Passing {
    pub key: Key,
    pub fuel: u64,
    pub call: Call,
    pub body: Option<Bytes>,
    /// Of the body that was handed over, which may have been too large to keep.
    pub size: Option<u64>,
    pub digest: Option<Digest>,
    /// What a look gave for it.
    pub seen: Option<Seen>,
}

/// What the lock's part of the gate came to.
enum Begun {
    Done(Reply),
    Waits(oneshot::Receiver<Reply>),
    Looks(Box<Passing>, Permit),
    Acts(Box<Passing>, Permit, Vec<(Meter, u64)>),
    Draws(Box<Passing>, u64),
    Spawned(Reply, Box<Launch>),
    Asks(Box<Passing>, oneshot::Receiver<Option<Reply>>),
}

impl Kernel {
    /// Makes a system call for a process that has consumed so much fuel. A refusal is an answer.
    ///
    /// # Errors
    /// When the log cannot be written any more: then nothing was done, and nothing will be.
    pub async fn call(
        self: &Arc<Self>,
        key: Key,
        fuel: u64,
        call: Call,
        carried: Option<Lifted>,
    ) -> Result<Reply, Halt> {
        // What waits is boxed, so that a call that does not is a small future: most are.
        if !self.journal.has_room() {
            Box::pin(self.journal.room()).await?;
        }
        let (passing, in_flight) = Passing::new(key, fuel, call, carried);
        let begun = self.lock().begin(passing)?;
        // From here the body is bounded by the queue and by the caller's budget, however long the call waits.
        drop(in_flight);
        match begun {
            Begun::Done(reply) => Ok(reply),
            Begun::Asks(passing, answer) => Box::pin(self.asked(*passing, answer)).await,
            begun => self.go_on(begun).await,
        }
    }

    /// What remains of a call once the lock's part of the gate is passed.
    async fn go_on(self: &Arc<Self>, begun: Begun) -> Result<Reply, Halt> {
        match begun {
            Begun::Done(reply) => Ok(reply),
            Begun::Waits(reply) => reply.await.map_err(|_| Halt::Ended),
            Begun::Looks(passing, permit) => Box::pin(self.look(*passing, permit)).await,
            Begun::Acts(passing, permit, reserve) => Box::pin(self.act(*passing, permit, reserve)).await,
            Begun::Draws(passing, generation) => Box::pin(draw::draw(self, *passing, generation)).await,
            Begun::Spawned(reply, launch) => {
                launch.by.clone().start(self.clone(), *launch);
                Ok(reply)
            }
            // Ruled on once, it is not asked again.
            Begun::Asks(..) => Err(Halt::Ended),
        }
    }

    /// Waits for the operator, then goes on with the call where it stopped. It is decided again: much may have changed.
    pub(super) async fn asked(
        self: &Arc<Self>,
        passing: Passing,
        answer: oneshot::Receiver<Option<Reply>>,
    ) -> Result<Reply, Halt> {
        if let Some(interrupted) = answer.await.map_err(|_| Halt::Ended)? {
            return Ok(interrupted);
        }
        self.journal.room().await?;
        let begun = self.lock().begin(passing)?;
        self.go_on(begun).await
    }
}

impl Passing {
    /// A call of a process that has consumed so much fuel, and its body's share of what may be in flight.
    pub(super) fn new(
        key: Key,
        fuel: u64,
        call: Call,
        carried: Option<Lifted>,
    ) -> (Passing, Option<SemaphorePermit<'static>>) {
        let size = carried.as_ref().map(|lifted| lifted.size);
        let (body, in_flight) = carried.map_or((None, None), |lifted| (lifted.bytes, lifted.in_flight));
        let digest = body
            .as_ref()
            .filter(|_| matches!(call, Call::Write { .. } | Call::Put(_)))
            .map(|b| Digest::of(b));
        (Passing { key, fuel, call, body, size, digest, seen: None }, in_flight)
    }
}

impl Live {
    /// Whether a process has ended, or was never there.
    fn gone(&self, key: Key) -> bool {
        self.state.proc(key).is_none_or(|me| me.exit.is_some())
    }

    /// Takes from a process the rights that have ended by now. The kernel's timer does so too; but no call passes before it.
    pub(super) fn lapse(&mut self, key: Key, now: u64) -> Result<(), Inconsistent> {
        if self.state.proc(key).and_then(|me| me.ends).is_some_and(|ends| ends <= now) {
            self.take(key, Taken::Ended, None, now)?;
        }
        Ok(())
    }

    /// Whether a process is in the call that entry `of` began.
    pub(super) fn waits_in(&self, key: Key, of: u64) -> bool {
        self.state.proc(key).and_then(|me| me.pending.as_ref()).is_some_and(|pending| pending.seq == of)
    }

    fn begin(&mut self, passing: Passing) -> Result<Begun, Inconsistent> {
        let now = self.now();
        let key = passing.key;
        self.lapse(key, now)?;
        if let Some(reply) = self.refuse_again(&passing, now)? {
            return Ok(Begun::Done(reply));
        }
        Ok(match self.decide(&passing, now) {
            Decided::Now(Err(error @ (Error::Denied | Error::Exhausted(_))), _) => {
                Begun::Done(self.refuse(passing, error))
            }
            Decided::Ask => {
                let body = passing.body.clone().map(|bytes| Carried::of(bytes, passing.digest));
                self.append(now, key, passing.fuel, Event::Ask { call: passing.call.clone() }, body)?;
                let (tell, answer) = oneshot::channel();
                self.rulings.insert(key, tell);
                Begun::Asks(Box::new(passing), answer)
            }
            Decided::Now(Ok(_), _) if matches!(passing.call, Call::Spawn(_)) => self.spawn(passing, now)?,
            Decided::Now(out, body) => {
                let answered = Performed { body, ..Performed::of(out) };
                Begun::Done(self.complete(passing, now, answered)?)
            }
            Decided::Wait(until) => {
                let body = passing.body.map(Carried::Salted);
                self.append(now, key, passing.fuel, Event::Wait { call: passing.call, until }, body)?;
                let (tell, reply) = oneshot::channel();
                self.waits.insert(key, tell);
                Begun::Waits(reply)
            }
            Decided::Cover(change) => Begun::Done(self.complete(passing, now, change.into())?),
            Decided::Look(effect) => self.permitted(passing, now, effect, None)?,
            Decided::Act { effect, reserve } => self.permitted(passing, now, effect, Some(reserve))?,
            Decided::Draw(generation) => Begun::Draws(Box::new(passing), generation),
        })
    }

    fn permitted(
        &mut self,
        passing: Passing,
        now: u64,
        effect: Effect,
        act: Option<Vec<(Meter, u64)>>,
    ) -> Result<Begun, Inconsistent> {
        let key = passing.key;
        let found = match (self.outside.get(&key.run), self.state.runs.get(&key.run)) {
            (Some(outside), Some(run)) => permit(effect, outside, run, key.pid),
            _ => Err(Error::Closed),
        };
        Ok(match (found, act) {
            (Ok(permit), Some(reserve)) => Begun::Acts(Box::new(passing), permit, reserve),
            (Ok(permit), None) => Begun::Looks(Box::new(passing), permit),
            (Err(error), _) => Begun::Done(self.complete(passing, now, Performed::refused(error))?),
        })
    }

    pub(super) fn decide(&self, passing: &Passing, now: u64) -> Decided {
        let traits = match &passing.call {
            Call::Generate(question) | Call::Stream(question) => self
                .outside
                .get(&passing.key.run)
                .and_then(|o| o.models.get(&question.model))
                .map(|m| m.traits),
            _ => None,
        };
        let size = passing.size.unwrap_or(0);
        let seen = match &passing.seen {
            Some(Seen::Base(found)) => Some(found),
            Some(Seen::Answer(_)) | None => None,
        };
        let asked =
            Asked { call: &passing.call, fuel: passing.fuel, size, digest: passing.digest, traits, seen };
        let decided = decide(&self.state, passing.key, &asked, now, self.state.seq + 1);
        match &decided {
            Decided::Now(Err(_), _) => decided,
            _ if passing.size.is_some() && passing.body.is_none() => {
                Decided::Now(Err(Error::TooLarge(FILE_BYTES)), None)
            }
            Decided::Now(Ok(_), Some(body)) | Decided::Cover(Change { content: Some((body, _)), .. }) => {
                match self.unpaid(passing.key, body.len() as u64) {
                    Some(error) => Decided::Now(Err(error), None),
                    None => decided,
                }
            }
            _ => decided,
        }
    }

    /// Why an answer of so many bytes cannot be given.
    pub(super) fn unpaid(&self, key: Key, bytes: u64) -> Option<Error> {
        let short = self.state.proc(key)?.account.can(&[(Meter::BytesStored, bytes)]).err()?;
        Some(Error::Exhausted(short.meter))
    }

    /// Records a call that completed at once, with its answer's bytes or else with the body that it carried.
    pub(super) fn complete(
        &mut self,
        passing: Passing,
        now: u64,
        done: Performed,
    ) -> Result<Reply, Inconsistent> {
        let Passing { key, fuel, call, body: argument, size, digest, .. } = passing;
        let from_state = done.out.as_ref().ok().and_then(|answer| self.payload(key, answer));
        if done.out.is_ok() {
            self.raise(key, &call);
        }
        let body = match (&done.body, argument) {
            (Some(answer), _) => Some(Carried::of(answer.clone(), done.digest)),
            // The argument of a call that failed is not kept: its size is.
            (None, _) if done.out.is_err() => size.map(Carried::Dropped),
            (None, argument) => argument.map(|bytes| Carried::of(bytes, digest)),
        };
        let event = Event::Call { call, out: done.out.clone(), repeat: None, base: done.base };
        self.append(now, key, fuel, event, body)?;
        let reply = self.reply(key, done.out, done.body.or(from_state));
        self.settle(now)?;
        Ok(reply)
    }

    /// What a signal or a cancel does beside the state.
    fn raise(&mut self, key: Key, call: &Call) {
        match call {
            Call::Signal { child, signal: Signal::Kill } => {
                let child = Pid::try_from(*child).ok().map(|pid| Key { run: key.run, pid });
                if let Some(control) = child.and_then(|key| self.controls.get(&key)) {
                    control.end(Exit::Killed);
                }
            }
            Call::Cancel { generation } => {
                self.chunks.remove(&(key, *generation));
            }
            _ => {}
        }
    }
}
