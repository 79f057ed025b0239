//! What the operator does to a run that lives: it is on record before it is acknowledged.

use audit::Digest;

use super::answer::Exit;
use super::call::{Key, RunId, Signal};
use super::entry::{Erasure, Event};
use super::live::Live;
use super::state::{Inconsistent, Proc, Stage};
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

impl Kernel {
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
