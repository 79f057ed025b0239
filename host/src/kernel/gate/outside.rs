//! The gate's way out: looks and acts, by permit.

use std::sync::Arc;

use ledger::Meter;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::{Begun, Passing};
use crate::kernel::answer::{Answer, Error};
use crate::kernel::call::{Call, Condition, Key};
use crate::kernel::decide::Decided;
use crate::kernel::effect::{Asker, Performed, Permit, Seen};
use crate::kernel::entry::Event;
use crate::kernel::live::{Carried, Live, Reply};
use crate::kernel::ports::Caller;
use crate::kernel::state::Inconsistent;
use crate::kernel::{Halt, Kernel, lease};

/// Looks at one time, in all runs: each may bring a file of the largest size into memory.
static LOOKS: Semaphore = Semaphore::const_new(8);
/// Looks for one call, when others change what it is about each time.
const ROUNDS: u32 = 16;

impl Kernel {
    /// Looks at something outside: authorised before, and decided again after, with what was seen and the state as it is then:
    /// rights may have gone meanwhile, and an overlay's path may have been covered.
    pub(super) async fn look(
        self: &Arc<Self>,
        mut passing: Passing,
        mut permit: Permit,
    ) -> Result<Reply, Halt> {
        for round in 1.. {
            let turn = LOOKS.acquire().await;
            passing.seen = Some(permit.look().await);
            self.journal.room().await?;
            let mut live = self.lock();
            if live.gone(passing.key) {
                return Err(Halt::Ended);
            }
            let now = live.now();
            live.lapse(passing.key, now)?;
            drop(turn);
            match live.looked(passing, round == ROUNDS)? {
                Begun::Looks(again, next) => (passing, permit) = (*again, next),
                Begun::Done(reply) => return Ok(reply),
                _ => break,
            }
        }
        Err(Halt::Ended)
    }

    /// Does something outside. The rest of it goes on when the process is ended meanwhile: what was begun is recorded. Only a
    /// model is not waited for then: what was reserved stays spent, and its place and its slot are free at once.
    pub(super) async fn act(
        self: &Arc<Self>,
        passing: Passing,
        permit: Permit,
        reserve: Vec<(Meter, u64)>,
    ) -> Result<Reply, Halt> {
        let kernel = self.clone();
        let asks = matches!(passing.call, Call::Generate(_) | Call::Stream(_));
        let task = tokio::spawn(async move { kernel.carry_out(passing, permit, reserve).await });
        let _end = asks.then(|| End(task.abort_handle()));
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
        let (of, asker) = {
            let mut live = self.lock();
            if live.gone(key) {
                return Err(Halt::Ended);
            }
            let now = live.now();
            live.lapse(key, now)?;
            let previous = match (previous, live.decide(&passing, now)) {
                (_, Decided::Now(Err(error), _)) | (Err(error), _) => {
                    return Ok(live.complete(passing, now, Performed::refused(error))?);
                }
                (Ok(previous), _) => previous,
            };
            let asker = live.asker(&passing).ok_or(Halt::Ended)?;
            let body = passing.body.clone().map(|bytes| Carried::of(bytes, passing.digest));
            let event = Event::Intent { call: passing.call.clone(), previous, reserve };
            (live.append(now, key, passing.fuel, event, body)?, asker)
        };
        self.journal.until_durable(of).await?;
        let lost = {
            let mut live = self.lock();
            let now = live.now();
            live.lapse(key, now)?;
            if !live.waits_in(key, of) {
                return Err(Halt::Ended);
            }
            if live.revoked(key) { Some(Error::Denied) } else { live.fence_lost(&passing) }
        };
        let mut done = match lost {
            Some(error) => Performed::refused(error),
            None => permit.perform(passing.body.clone(), asker).await,
        };
        let mut live = self.lock();
        if !live.waits_in(key, of) {
            // Ended while a model answered: what was reserved stays spent.
            return Err(Halt::Ended);
        }
        let now = live.now();
        live.lapse(key, now)?;
        if matches!(passing.call, Call::Generate(_) | Call::Stream(_)) && live.revoked(key) {
            // What a model said is not for a process that may not ask it any more.
            done = Performed::refused(Error::Denied);
        }
        if let (Some(chunks), Ok(answer)) = (done.chunks.take(), &mut done.out) {
            *answer = Answer::Id(of);
            live.chunks.insert((key, of), chunks);
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

/// Ends a task when its process is not there any more to be answered.
struct End(AbortHandle);

impl Drop for End {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Live {
    /// Who asks, for a driver.
    fn asker(&self, passing: &Passing) -> Option<Asker> {
        let Key { run, pid } = passing.key;
        let team = self.state.runs.get(&run)?;
        let me = team.proc(pid)?;
        let bound = match &passing.call {
            Call::Generate(asked) | Call::Stream(asked) => {
                asked.bound.saturating_add(asked.max_tokens.into())
            }
            _ => 0,
        };
        let caller = Caller { run, pid, weight: team.grant.weight(&me.member), bound };
        Some(Asker { name: me.name.clone(), turn: me.turns, caller })
    }

    /// Decides with what was seen; completes the call unless that is not enough to decide, and it is not the last look.
    fn looked(&mut self, mut passing: Passing, last: bool) -> Result<Begun, Inconsistent> {
        let now = self.now();
        let decided = self.decide(&passing, now);
        let done = match (decided, passing.seen.take()) {
            (Decided::Now(out, body), _) => Performed { body, ..Performed::of(out) },
            (Decided::Cover(change), _) => change.into(),
            (Decided::Look(effect), Some(Seen::Base(_)) | None) if !last => {
                return self.permitted(passing, now, effect, None);
            }
            (Decided::Look(_), Some(Seen::Base(_)) | None) => Performed::refused(Error::Busy),
            (_, Some(Seen::Answer(seen))) => {
                let size = seen.body.as_ref().map_or(0, |body| body.len() as u64);
                self.unpaid(passing.key, size).map_or(*seen, Performed::refused)
            }
            (_, Some(Seen::Base(_)) | None) => Performed::refused(Error::Denied),
        };
        Ok(Begun::Done(self.complete(passing, now, done)?))
    }

    /// Whether the right was taken back by which a process made the call that it is in.
    fn revoked(&self, key: Key) -> bool {
        self.state.proc(key).and_then(|me| me.pending.as_ref()).is_some_and(|pending| pending.revoked)
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
