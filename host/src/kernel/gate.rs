//! The gate: every system call of every guest, and nothing else, comes through [`Kernel::call`].
//!
//! charge → authorise → record → effect → record the outcome → settle. The kernel's lock is held for the first three; an
//! effect outside happens without it, after its intent is durable, and by a permit that only the gate can make.

use std::sync::Arc;

use audit::Digest;
use bytes::Bytes;
use ledger::Meter;
use tokio::sync::{Semaphore, oneshot};

use super::answer::{Answer, Error, Exit};
use super::call::{Call, Condition, Key, Pid, Signal, Spec};
use super::decide::{Asked, Decided, Effect, decide};
use super::draw::Chunks;
use super::effect::{Performed, Permit, permit};
use super::entry::{Birth, Event};
use super::live::{Carried, Live, Refusals, Reply};
use super::state::Inconsistent;
use super::{Halt, Kernel, Launch, Lifted, children, draw, lease};
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
}

/// Looks at one time, in all runs: each may bring a file of the largest size into memory.
static LOOKS: Semaphore = Semaphore::const_new(8);

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
        let size = carried.as_ref().map(|lifted| lifted.size);
        let (body, in_flight) = carried.map_or((None, None), |lifted| (lifted.bytes, lifted.in_flight));
        let digest = body
            .as_ref()
            .filter(|_| matches!(call, Call::Write { .. } | Call::Put(_)))
            .map(|b| Digest::of(b));
        let mut begun = self.lock().begin(Passing { key, fuel, call, body, size, digest })?;
        // From here the body is bounded by the queue and by the caller's budget, however long the call waits.
        drop(in_flight);
        if let Begun::Asks(passing, answer) = begun {
            begun = Box::pin(self.asked(*passing, answer)).await?;
        }
        match begun {
            Begun::Done(reply) => Ok(reply),
            Begun::Waits(reply) => reply.await.map_err(|_| Halt::Ended),
            Begun::Looks(passing, permit) => Box::pin(self.look(*passing, permit)).await,
            Begun::Acts(passing, permit, reserve) => Box::pin(self.act(*passing, permit, reserve)).await,
            Begun::Draws(passing, generation) => Box::pin(draw::draw(self, *passing, generation)).await,
            Begun::Spawned(reply, launch) => {
                self.start.start(self.clone(), *launch);
                Ok(reply)
            }
            // Ruled on once, it is not asked again.
            Begun::Asks(..) => Err(Halt::Ended),
        }
    }

    /// Waits for the operator, then goes on with the call where it stopped. It is decided again: much may have changed.
    async fn asked(&self, passing: Passing, answer: oneshot::Receiver<Option<Reply>>) -> Result<Begun, Halt> {
        if let Some(interrupted) = answer.await.map_err(|_| Halt::Ended)? {
            return Ok(Begun::Done(interrupted));
        }
        self.journal.room().await?;
        Ok(self.lock().begin(passing)?)
    }

    /// Looks at something outside: authorised before, and again after, since rights may have gone meanwhile.
    async fn look(self: &Arc<Self>, passing: Passing, permit: Permit) -> Result<Reply, Halt> {
        let turn = LOOKS.acquire().await;
        let mut seen = permit.perform(None, String::new(), 0).await;
        self.journal.room().await?;
        let mut live = self.lock();
        if live.gone(passing.key) {
            return Err(Halt::Ended);
        }
        drop(turn);
        let now = live.now();
        if let Decided::Now(Err(error), _) = live.decide(&passing, now) {
            seen = Performed::refused(error);
        }
        let size = seen.body.as_ref().map_or(0, |b| b.len() as u64);
        if let Some(error) = live.unpaid(passing.key, size) {
            seen = Performed::refused(error);
        }
        Ok(live.complete(passing, now, seen)?)
    }

    /// Does something outside. The rest of it goes on when the process is ended meanwhile: what was begun is recorded.
    async fn act(
        self: &Arc<Self>,
        passing: Passing,
        permit: Permit,
        reserve: Vec<(Meter, u64)>,
    ) -> Result<Reply, Halt> {
        let kernel = self.clone();
        let task = tokio::spawn(async move { kernel.carry_out(passing, permit, reserve).await });
        task.await.map_err(|_| Halt::Ended)?
    }

    async fn carry_out(
        self: Arc<Self>,
        passing: Passing,
        permit: Permit,
        reserve: Vec<(Meter, u64)>,
    ) -> Result<Reply, Halt> {
        let key = passing.key;
        let previous = permit.previous().await;
        let (of, name, turn) = {
            let mut live = self.lock();
            if live.gone(key) {
                return Err(Halt::Ended);
            }
            let now = live.now();
            let previous = match (previous, live.decide(&passing, now)) {
                (_, Decided::Now(Err(error), _)) | (Err(error), _) => {
                    return Ok(live.complete(passing, now, Performed::refused(error))?);
                }
                (Ok(previous), _) => previous,
            };
            let me = live.state.proc(key).ok_or(Halt::Ended)?;
            let (name, turn) = (me.name.clone(), me.turns);
            let body = passing.body.clone().map(|bytes| Carried::of(bytes, passing.digest));
            let event = Event::Intent { call: passing.call.clone(), previous, reserve };
            (live.append(now, key, passing.fuel, event, body)?, name, turn)
        };
        self.journal.until_durable(of).await?;
        let lost = {
            let live = self.lock();
            if !live.waits_in(key, of) {
                return Err(Halt::Ended);
            }
            live.fence_lost(&passing)
        };
        let mut done = match lost {
            Some(error) => Performed::refused(error),
            None => permit.perform(passing.body.clone(), name, turn).await,
        };
        let mut live = self.lock();
        if !live.waits_in(key, of) {
            // Ended while a model answered: what was reserved stays spent.
            return Err(Halt::Ended);
        }
        let now = live.now();
        if let (Some(chunks), Ok(answer)) = (done.chunks.take(), &mut done.out) {
            *answer = Answer::Id(of);
            live.chunks.insert((key, of), Chunks { rest: chunks, held: None });
        }
        let body = done.body.clone().map(|bytes| Carried::of(bytes, done.digest));
        live.append(now, key, passing.fuel, Event::Outcome { of, out: done.out.clone() }, body)?;
        let reply = live.reply(key, done.out, done.body);
        live.settle(now)?;
        drop(live);
        self.changed.notify_waiters();
        Ok(reply)
    }
}

impl Live {
    /// Whether a process has ended, or was never there.
    fn gone(&self, key: Key) -> bool {
        self.state.proc(key).is_none_or(|me| me.exit.is_some())
    }

    /// Whether a process is in the call that entry `of` began.
    pub(super) fn waits_in(&self, key: Key, of: u64) -> bool {
        self.state.proc(key).and_then(|me| me.pending.as_ref()).is_some_and(|pending| pending.seq == of)
    }

    fn begin(&mut self, passing: Passing) -> Result<Begun, Inconsistent> {
        let now = self.now();
        let key = passing.key;
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
                let answered = Performed { out, body, digest: None, chunks: None };
                Begun::Done(self.complete(passing, now, answered)?)
            }
            Decided::Wait(until) => {
                let body = passing.body.map(Carried::Salted);
                self.append(now, key, passing.fuel, Event::Wait { call: passing.call, until }, body)?;
                let (tell, reply) = oneshot::channel();
                self.waits.insert(key, tell);
                Begun::Waits(reply)
            }
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
        let asked = Asked { call: &passing.call, fuel: passing.fuel, size, digest: passing.digest, traits };
        let decided = decide(&self.state, passing.key, &asked, now, self.state.seq + 1);
        match &decided {
            Decided::Now(Err(_), _) => decided,
            _ if passing.size.is_some() && passing.body.is_none() => {
                Decided::Now(Err(Error::TooLarge(FILE_BYTES)), None)
            }
            Decided::Now(Ok(_), Some(body)) => match self.unpaid(passing.key, body.len() as u64) {
                Some(error) => Decided::Now(Err(error), None),
                None => decided,
            },
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
        let Passing { key, fuel, call, body: argument, size, digest } = passing;
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
        let event = Event::Call { call, out: done.out.clone(), repeat: None };
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

    /// Counts a refusal that is identical to the process's last one; writes the last ones if it is not.
    fn refuse_again(&mut self, passing: &Passing, now: u64) -> Result<Option<Reply>, Inconsistent> {
        if self.refusals.is_empty() {
            return Ok(None);
        }
        let key = passing.key;
        let Some(run) = self.refusals.get(&key) else { return Ok(None) };
        let same = run.call == passing.call && run.size == passing.size;
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

    fn refuse(&mut self, passing: Passing, error: Error) -> Reply {
        let Passing { key, fuel, call, size, .. } = passing;
        self.refusals.insert(key, Refusals { call, error: error.clone(), size, fuel, last: fuel, times: 1 });
        self.reply(key, Err(error), None)
    }

    /// Records a spawn that was decided, and the child's birth.
    fn spawn(&mut self, passing: Passing, now: u64) -> Result<Begun, Inconsistent> {
        let key = passing.key;
        let size = passing.size.unwrap_or(0);
        let plan = match &passing.call {
            Call::Spawn(spec) => self.plan(key, spec, children::Spent { fuel: passing.fuel, size }),
            _ => None,
        };
        let Some((mut birth, pid)) = plan else {
            return Ok(Begun::Done(self.complete(passing, now, Performed::refused(Error::Denied))?));
        };
        birth.input = self.state.seq + 1;
        let input = passing.body.clone().unwrap_or_default();
        let spawned =
            Performed { out: Ok(Answer::Id(u64::from(pid))), body: None, digest: None, chunks: None };
        self.complete(passing, now, spawned)?;
        let launch = self.launch(now, Key { run: key.run, pid }, birth, input, None)?;
        let reply = self.reply(key, Ok(Answer::Id(u64::from(pid))), None);
        Ok(Begun::Spawned(reply, Box::new(launch)))
    }

    /// The birth of a child that was decided; its input's entry is not known yet.
    fn plan(&self, key: Key, spec: &Spec, spent: children::Spent) -> Option<(Birth, Pid)> {
        let run = self.state.runs.get(&key.run)?;
        let me = run.proc(key.pid)?;
        let birth = Birth {
            name: spec.name.clone().unwrap_or_else(|| spec.component.clone()),
            member: spec.component.clone(),
            parent: Some(key.pid),
            component: run.grant.children.get(&spec.component)?.component,
            rights: children::rights(run, me, spec).ok()?,
            budget: children::budget(run, me, spec, spent).ok()?,
            seed: super::seed(),
            input: 0,
        };
        Some((birth, run.procs.len() as Pid + 1))
    }

    /// Whether a write's fence went stale while its intent was on its way to the disk.
    fn fence_lost(&self, passing: &Passing) -> Option<Error> {
        let condition = match &passing.call {
            Call::Write { condition, .. }
            | Call::Remove { condition, .. }
            | Call::Rename { condition, .. } => condition,
            _ => return None,
        };
        let Condition::Fence(token) = condition else { return None };
        let run = self.state.runs.get(&passing.key.run)?;
        lease::holds(run, run.proc(passing.key.pid)?, *token, self.now()).err()
    }
}
