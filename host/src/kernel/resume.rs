//! Taking up a run that was cut off with its host. Its entries give the state; each living process is executed again on its
//! own entries ([`process`]), and goes on live where they end. A call that was pending there is not made again: it waits on
//! for what it waited for, or, where an effect outside is in doubt, is told what came of it ([`doubt`]).
//!
//! All that is decided here is an entry, so that a kill in the middle of it is one more cut, and replay sees one run.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use ledger::Meter;
use tokio::sync::oneshot;

mod bodies;
mod doubt;
mod process;

use super::answer::Exit;
use super::call::{Call, Key, Pid, RunId};
use super::children::Spent;
use super::entry::{Event, Resumption};
use super::live::{Control, Live};
use super::state::{Inconsistent, Run, Stage};
use super::tape::{Recording, Tape, TapeError, fetch};
use super::{Halt, Kernel, Launch, Outside, Start};

use process::Handed;
pub use process::Resumed;

/// A run that was cut off, and what it takes to go on with it.
pub struct Unfinished {
    /// Its number.
    run: RunId,
    state: Run,
    /// Of its living processes, with their inputs.
    tapes: BTreeMap<Pid, (Tape, Bytes)>,
    /// The parent, and the input, of a child whose first entry was lost.
    unborn: Option<(Pid, Bytes)>,
    /// Who takes it up.
    pub by: Resumption,
    /// What its root may spend beyond what it was granted.
    pub add: Vec<(Meter, u64)>,
    /// What it reaches.
    pub outside: Outside,
    /// What starts its processes.
    pub start: Arc<dyn Start>,
}

/// What the lock's part of taking up a run came to.
struct Taken {
    /// The entry that says so.
    seq: u64,
    /// Whom to start.
    launches: Vec<Launch>,
    /// Whose calls are in doubt, in the order of their intents.
    doubts: Vec<(u64, Key)>,
}

impl Unfinished {
    /// From a run's recording, with the bodies that its state holds.
    ///
    /// # Errors
    /// When a body is not stored any more. A run that has ended cannot be taken up: none.
    pub fn new(
        recording: Recording,
        by: Resumption,
        outside: Outside,
        start: Arc<dyn Start>,
    ) -> Result<Option<Unfinished>, TapeError> {
        let Recording { number, tapes: recorded, run, bodies, .. } = recording;
        let Some(mut state) = run else { return Ok(None) };
        bodies::load(&mut state, &bodies)?;
        let (mut tapes, mut unborn) = (BTreeMap::new(), None);
        for (pid, tape) in recorded {
            if state.proc(pid).is_none_or(|me| me.exit.is_some()) {
                continue;
            }
            tape.stored()?;
            if let Some((_, child, seq)) = tape.spawned()
                && state.proc(child).is_none()
            {
                unborn = Some((pid, fetch(&bodies, seq)?));
            }
            let input = tape.input()?;
            tapes.insert(pid, (tape, input));
        }
        Ok(Some(Unfinished { run: number, state, tapes, unborn, by, add: Vec::new(), outside, start }))
    }

    /// Whether it was cut off before its root was born: then it only ends.
    pub fn is_unborn(&self) -> bool {
        self.state.procs.is_empty()
    }
}

impl Kernel {
    /// Takes up a run that was cut off and starts its processes again; answers its root's key.
    ///
    /// # Errors
    /// When the log cannot be written, or the run is open here.
    pub async fn resume(self: &Arc<Self>, cut: Unfinished) -> Result<Key, Halt> {
        self.journal.room().await?;
        let root = Key { run: cut.run, pid: 1 };
        let taken = self.lock().take_up(cut)?;
        // Nothing outside is touched again before it is on record who does.
        self.journal.until_durable(taken.seq).await?;
        for (of, key) in taken.doubts {
            self.clear_up(key, of).await?;
        }
        for launch in taken.launches {
            launch.by.clone().start(self.clone(), launch);
        }
        self.changed.notify_waiters();
        Ok(root)
    }
}

impl Live {
    fn take_up(&mut self, cut: Unfinished) -> Result<Taken, Halt> {
        let Unfinished { run, state, mut tapes, unborn, by, add, outside, start } = cut;
        if self.state.runs.contains_key(&run) || run > self.state.last_run {
            let what = format!("r{run} cannot be taken up");
            return Err(Inconsistent { seq: self.state.seq, what }.into());
        }
        let now = self.now();
        self.caps.more(run, &add, now)?;
        if let Some(shadow) = &mut self.shadow {
            shadow.runs.insert(run, state.clone());
        }
        self.state.runs.insert(run, state);
        self.outside.insert(run, outside);
        self.starts.insert(run, start);
        let seq = self.append(now, Key { run, pid: 0 }, 0, Event::Resume(Box::new(by)), None)?;
        let mut taken = Taken { seq, launches: Vec::new(), doubts: Vec::new() };
        if let Some(exit) = self.over(run) {
            self.close(run, now, exit)?;
            return Ok(taken);
        }
        if let Some((parent, input)) = unborn
            && let Some((tape, _)) = tapes.get_mut(&parent)
        {
            taken.launches.push(self.give_birth(now, tape, input)?);
        }
        if !add.is_empty() {
            self.append(now, Key { run, pid: 0 }, 0, Event::Fund { pid: 1, add, window: false }, None)?;
        }
        self.derive_due(run);
        for (tape, input) in tapes.into_values() {
            taken.launches.push(self.again(tape, input, &mut taken.doubts)?);
        }
        taken.doubts.sort_unstable();
        // What is overdue comes in the order of its time, then what else lets a wait end.
        self.fire(now)?;
        self.settle(now)?;
        Ok(taken)
    }

    /// The root's exit, when only the run's own end was lost; the run's last entry, when it was lost before its root was born.
    fn over(&self, run: RunId) -> Option<u64> {
        match self.state.runs.get(&run)?.proc(1) {
            Some(root) => root.exit.as_ref().map(|ended| ended.seq),
            None => Some(self.state.seq),
        }
    }

    /// Records the birth of a child whose spawn is the run's last entry.
    fn give_birth(&mut self, now: u64, tape: &mut Tape, input: Bytes) -> Result<Launch, Inconsistent> {
        let parent = tape.key();
        let lost = |seq| Inconsistent { seq, what: "the child that was spawned last cannot be born".into() };
        let (spec, pid, seq) = tape.spawned().ok_or_else(|| lost(self.state.seq))?;
        // The spawn is paid for.
        let spent = Spent { fuel: 0, size: 0, place: 0 };
        let planned = self.plan(parent, spec, spent).filter(|(_, next)| *next == pid);
        let (mut birth, pid) = planned.ok_or_else(|| lost(seq))?;
        birth.input = seq;
        let launch = self.launch(now, Key { run: parent.run, pid }, birth, input, None)?;
        tape.told(self.state.proc(parent).map(|parent| parent.limits()));
        Ok(launch)
    }

    /// A living process, to be executed again.
    fn again(
        &mut self,
        tape: Tape,
        input: Bytes,
        doubts: &mut Vec<(u64, Key)>,
    ) -> Result<Launch, Inconsistent> {
        let key = tape.key();
        let missing = |what: &str| Inconsistent { seq: self.state.seq, what: what.to_owned() };
        let me = self.state.proc(key).ok_or_else(|| missing("a process with entries is not there"))?;
        let by = self.starts.get(&key.run).cloned().ok_or_else(|| missing("its run is not open"))?;
        let control = Arc::new(if tape.is_over() { Control::default() } else { Control::held() });
        if me.killed {
            control.end(Exit::Killed);
        }
        let pending = me.pending.as_ref().map(|p| (p.seq, p.stage, matches!(p.call, Call::Next { .. })));
        let handed = pending.map(|(seq, stage, draws)| {
            if stage == Stage::Asks {
                let (tell, answer) = oneshot::channel();
                self.rulings.insert(key, tell);
                return Handed::Asks(answer);
            }
            if stage == Stage::Acts || draws {
                doubts.push((seq, key));
            }
            let (tell, reply) = oneshot::channel();
            self.waits.insert(key, tell);
            Handed::Waits(reply)
        });
        self.wakes.push(key);
        self.controls.insert(key, control.clone());
        let (birth, now, limits) = (tape.birth.clone(), tape.born, tape.limits);
        let resumed = Some(Box::new(Resumed::new(tape, control.clone(), handed)));
        Ok(Launch { key, birth, input, now, limits, control, by, resumed })
    }
}
