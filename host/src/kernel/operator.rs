//! What the operator does to a run that lives: it is on record before it is acknowledged.

use audit::Digest;
use serde::{Deserialize, Serialize};

use super::answer::Exit;
use super::call::{Key, RunId, Signal};
use super::entry::{Erasure, Event, Taken};
use super::live::Live;
use super::state::{Inconsistent, Proc, Run, Stage};
use super::{Halt, Kernel};

impl Kernel {
    /// Answers a call that waits for the operator, once: the entry of the answer, which is on disk; none when no call waits
    /// there. Whoever calls this has checked that `leaf` is that of entry `of`.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn rule(&self, key: Key, of: u64, leaf: Digest, allow: bool) -> Result<Option<u64>, Halt> {
        self.journal.room().await?;
        let ruled = self.lock().rule(key, of, leaf, allow)?;
        if let Some(seq) = ruled {
            self.journal.until_durable(seq).await?;
        }
        Ok(ruled)
    }

    /// Signals a process as the operator, which is on record: to stop it asks, to kill it ends it with everything that it
    /// spawned. Answers the signal's entry, which is on disk; none when the process does not live.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn signal(&self, key: Key, signal: Signal) -> Result<Option<u64>, Halt> {
        self.journal.room().await?;
        let signalled = self.lock().signal(key, signal)?;
        if let Some(seq) = signalled {
            self.journal.until_durable(seq).await?;
        }
        Ok(signalled)
    }
}

/// What came of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Its entry, which is on disk; absent when nobody held what was to be taken.
    pub entry: Option<u64>,
    /// From how many processes something was taken.
    pub processes: usize,
}

impl Kernel {
    /// Takes rights from a process and from all that it spawned; none when it does not live. It holds for their next calls, and for
    /// those that are under way.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn revoke(
        &self,
        key: Key,
        what: Taken,
        because: Option<Digest>,
    ) -> Result<Option<Revoked>, Halt> {
        self.journal().room().await?;
        let revoked = self.lock().revoke(key, what, because)?;
        if let Some(Revoked { entry: Some(seq), .. }) = revoked {
            self.journal().until_durable(seq).await?;
        }
        Ok(revoked)
    }

    /// Erases bodies of a run that has ended. Answers the entry of that, with which they are gone from the disk; none while the
    /// run is open. Whoever calls this has read from the log that the run has ended, and which entries are its own.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn erase(&self, run: RunId, erasure: Erasure) -> Result<Option<u64>, Halt> {
        self.afterwards(run, Event::Erase(erasure)).await
    }

    /// Records what comes after a run's end; answers its entry, which is on disk; none while the run is open.
    pub(super) async fn afterwards(&self, run: RunId, event: Event) -> Result<Option<u64>, Halt> {
        self.journal().room().await?;
        let seq = {
            let mut live = self.lock();
            if live.state.runs.contains_key(&run) || run > live.state.last_run {
                return Ok(None);
            }
            let now = live.now();
            live.append(now, Key { run, pid: 0 }, 0, event, None)?
        };
        self.journal().until_durable(seq).await?;
        Ok(Some(seq))
    }
}

impl Live {
    fn signal(&mut self, key: Key, signal: Signal) -> Result<Option<u64>, Inconsistent> {
        if self.state.proc(key).is_none_or(|me| me.exit.is_some()) {
            return Ok(None);
        }
        let now = self.now();
        let event = Event::Signal { pid: key.pid, signal };
        let seq = self.append(now, Key { run: key.run, pid: 0 }, 0, event, None)?;
        if let (Signal::Kill, Some(control)) = (signal, self.controls.get(&key)) {
            control.end(Exit::Killed);
        }
        self.settle(now)?;
        Ok(Some(seq))
    }

    fn revoke(
        &mut self,
        key: Key,
        what: Taken,
        because: Option<Digest>,
    ) -> Result<Option<Revoked>, Inconsistent> {
        if self.state.proc(key).is_none_or(|me| me.exit.is_some()) {
            return Ok(None);
        }
        let now = self.now();
        Ok(Some(self.take(key, what, because, now)?))
    }

    /// Records that rights are taken back, unless nobody holds them.
    pub(super) fn take(
        &mut self,
        key: Key,
        what: Taken,
        because: Option<Digest>,
        now: u64,
    ) -> Result<Revoked, Inconsistent> {
        let held =
            |run: &Run| run.descent(key.pid).filter(|me| what.left(&me.rights, now) != *me.rights).count();
        let processes = self.state.runs.get(&key.run).map_or(0, held);
        if processes == 0 {
            return Ok(Revoked { entry: None, processes });
        }
        let event = Event::Revoke { pid: key.pid, what, because };
        let seq = self.append(now, Key { run: key.run, pid: 0 }, 0, event, None)?;
        self.settle(now)?;
        Ok(Revoked { entry: Some(seq), processes })
    }

    fn rule(&mut self, key: Key, of: u64, leaf: Digest, allow: bool) -> Result<Option<u64>, Inconsistent> {
        let asks = |me: &Proc| me.pending.as_ref().is_some_and(|p| p.seq == of && p.stage == Stage::Asks);
        if !self.state.proc(key).is_some_and(asks) {
            return Ok(None);
        }
        let now = self.now();
        let event = Event::Rule { pid: key.pid, of, leaf, allow };
        let seq = self.append(now, Key { run: key.run, pid: 0 }, 0, event, None)?;
        if let Some(waiter) = self.rulings.remove(&key) {
            // A process that was ended meanwhile is not there to hear it.
            let _gone = waiter.send(None);
        }
        Ok(Some(seq))
    }
}
