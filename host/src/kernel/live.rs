//! The kernel's state with what belongs to this process alone: who waits here, what is due, what is reached outside.
//! Everything in this file happens under the kernel's one lock.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use audit::Digest;
use bytes::Bytes;
use ledger::Meter;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, oneshot};

use super::answer::{Answer, Error, Exit};
use super::call::{Call, Key, RunId};
use super::caps::Caps;
use super::draw::Chunks;
use super::due::Due;
use super::effect::Outside;
use super::entry::{Blob, Entry, Event, Repeat, VERSION, WARNED};
use super::state::{Inconsistent, Limits, Stage, State};
use super::{Start, children, ipc, lease};
use crate::journal::{Body, Item, Journal, Line};

/// What a call gets back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The answer or the error.
    pub out: Result<Answer, Error>,
    /// The bytes that go with the answer.
    pub body: Option<Bytes>,
    /// Kernel time of the entry that answered.
    pub now: u64,
    /// What the process is held to from here on; absent: as before, and it is told no time either.
    pub limits: Option<Limits>,
}

/// How a process is ended from outside itself.
#[derive(Debug, Default)]
pub struct Control {
    reason: OnceLock<Exit>,
    raised: Notify,
    /// Whether it is not to be ended yet.
    held: AtomicBool,
}

impl Control {
    /// Of a process that is executed again: it cannot end before the point that it had reached.
    pub(super) fn held() -> Control {
        Control { held: AtomicBool::new(true), ..Control::default() }
    }

    /// From here on it can be ended.
    pub(super) fn release(&self) {
        self.held.store(false, Ordering::Release);
        self.raised.notify_waiters();
    }

    /// Ends the process at its next yield. The first reason counts.
    pub fn end(&self, reason: Exit) {
        let _first = self.reason.set(reason);
        self.raised.notify_waiters();
    }

    /// Waits until it is to end, and says why.
    pub async fn ended(&self) -> Exit {
        loop {
            let raised = self.raised.notified();
            match self.reason.get() {
                Some(reason) if !self.held.load(Ordering::Acquire) => return reason.clone(),
                _ => raised.await,
            }
        }
    }
}

/// Whether an answer is one that runs of identical ones are one entry of.
pub(super) fn refused(out: &Result<Answer, Error>) -> bool {
    matches!(out, Err(Error::Denied | Error::Exhausted(_)))
}

/// A run of identical refusals that is not an entry yet.
pub(super) struct Refusals {
    pub call: Call,
    pub error: Error,
    pub size: Option<u64>,
    /// Of what it carried, when the operator refused it: with other bytes it is another question.
    pub asked: Option<Digest>,
    pub fuel: u64,
    pub last: u64,
    pub times: u64,
}

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    /// Its root's exit.
    pub exit: u64,
    /// Its last entry.
    pub end: u64,
}

/// See the module.
pub(super) struct Live {
    pub state: State,
    /// Folded from the written lines beside `state`, where the host checks itself.
    pub shadow: Option<State>,
    /// What all runs together may spend.
    pub caps: Caps,
    pub journal: Arc<Journal<Entry>>,
    pub waits: HashMap<Key, oneshot::Sender<Reply>>,
    /// Who waits for the operator's answer: told to go on, or what the call was answered instead.
    pub rulings: HashMap<Key, oneshot::Sender<Option<Reply>>>,
    pub refusals: HashMap<Key, Refusals>,
    /// By time, then by the number of the entry that made it due.
    pub due: BTreeSet<(u64, u64, Due)>,
    /// Where in `due` a lease's expiry is, by its token.
    pub expiries: HashMap<u64, (u64, u64, Due)>,
    pub outside: HashMap<RunId, Outside>,
    /// What starts each open run's processes.
    pub starts: HashMap<RunId, Arc<dyn Start>>,
    pub controls: HashMap<Key, Arc<Control>>,
    pub chunks: HashMap<(Key, u64), Chunks>,
    /// Roots that have ended.
    pub ends: HashMap<Key, Over>,
    pub wakes: Vec<Key>,
    /// Set when an entry did not follow: nothing more is appended.
    pub broken: Option<Inconsistent>,
    pub timer: Arc<Notify>,
}

/// A body on its way into an entry.
pub(super) enum Carried {
    /// Committed to with a salted digest, which the writer makes.
    Salted(Bytes),
    /// Committed to with this bare digest: a file, an artifact, a grant.
    Bare(Bytes, Digest),
    /// Not kept: an argument of so many bytes, of a call that failed.
    Dropped(u64),
}

impl Carried {
    /// With the bare digest, if there is one.
    pub(super) fn of(bytes: Bytes, bare: Option<Digest>) -> Carried {
        match bare {
            Some(digest) => Carried::Bare(bytes, digest),
            None => Carried::Salted(bytes),
        }
    }

    fn blob(&self) -> Blob {
        match self {
            Carried::Salted(bytes) => Blob { size: bytes.len() as u64, digest: None },
            Carried::Bare(bytes, digest) => Blob { size: bytes.len() as u64, digest: Some(*digest) },
            Carried::Dropped(size) => Blob { size: *size, digest: None },
        }
    }

    fn bytes(&self) -> Option<&Bytes> {
        match self {
            Carried::Salted(bytes) | Carried::Bare(bytes, _) => Some(bytes),
            Carried::Dropped(_) => None,
        }
    }
}

impl Line for Entry {
    fn run(&self) -> u32 {
        self.run
    }

    fn closes(&self) -> bool {
        matches!(self.event, Event::End)
    }

    fn erases(&self) -> &[(u64, u64)] {
        match &self.event {
            Event::Erase(erasure) => &erasure.ranges,
            _ => &[],
        }
    }

    fn commit(&mut self, digest: Digest) {
        if let Some(blob) = &mut self.body {
            blob.digest = Some(digest);
        }
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        Entry::write(self, out)
    }
}

impl Live {
    /// Kernel time: the clock's, but never less than the last entry's.
    pub(super) fn now(&self) -> u64 {
        super::clock().max(self.state.time)
    }

    /// Appends an entry: applies it, hands it to the writer. Append order is apply order.
    pub(super) fn append(
        &mut self,
        now: u64,
        key: Key,
        fuel: u64,
        event: Event,
        body: Option<Carried>,
    ) -> Result<u64, Inconsistent> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let seq = self.state.seq + 1;
        let entry = Entry {
            v: VERSION,
            seq,
            t: now,
            run: key.run,
            pid: key.pid,
            fuel,
            event,
            body: body.as_ref().map(Carried::blob),
        };
        let bytes = body.as_ref().and_then(Carried::bytes);
        self.forget_due(&entry, key);
        let applied =
            self.state.apply(&entry, bytes, &mut self.wakes).and_then(|()| self.check(&entry, bytes));
        if let Err(broken) = applied {
            self.broken = Some(broken.clone());
            return Err(broken);
        }
        self.remember_due(&entry, key);
        let body = match body {
            Some(Carried::Salted(bytes)) => Some(Body::Salted(bytes)),
            Some(Carried::Bare(bytes, _)) => Some(Body::Plain(bytes)),
            Some(Carried::Dropped(_)) | None => None,
        };
        // A root's own calls charge it; its children's do when they end.
        let charged = match &entry.event {
            Event::Exit(_) => key.pid != 1,
            Event::Call { .. } | Event::Intent { .. } | Event::Wait { .. } | Event::Outcome { .. } => {
                key.pid == 1
            }
            _ => false,
        };
        self.journal.append(Item { line: entry, body });
        if charged {
            self.warn(now, key.run)?;
        }
        Ok(seq)
    }

    /// Warns of meters of a run's root that are nearly used up, each once.
    fn warn(&mut self, now: u64, run: RunId) -> Result<(), Inconsistent> {
        let Some(state) = self.state.runs.get(&run) else { return Ok(()) };
        let Some(root) = state.proc(1).filter(|root| root.exit.is_none()) else { return Ok(()) };
        let near = |meter: &Meter| root.account.reached(*meter, WARNED) && !state.warned.contains(meter);
        let Some(meter) = Meter::ALL.into_iter().find(near) else { return Ok(()) };
        let used = root.account.used(meter) + root.account.reserved(meter);
        let event = Event::Warn { meter, used, granted: root.account.granted(meter) };
        self.append(now, Key { run, pid: 0 }, 0, event, None).map(|_| ())
    }

    /// Folds the written line into the shadow and compares: `fold(entries)` must equal the live state.
    fn check(&mut self, entry: &Entry, body: Option<&Bytes>) -> Result<(), Inconsistent> {
        let Some(shadow) = &mut self.shadow else { return Ok(()) };
        let wrong = |what: String| Inconsistent { seq: entry.seq, what };
        let mut line = Vec::new();
        entry.write(&mut line).map_err(|e| wrong(e.to_string()))?;
        let read = Entry::parse(&line).map_err(|e| wrong(e.to_string()))?;
        let grant = body.filter(|_| matches!(entry.event, Event::Run(_)));
        shadow.apply(&read, grant, &mut Vec::new())?;
        if *shadow != self.state {
            return Err(wrong("the fold of the entries differs from the live state".into()));
        }
        Ok(())
    }

    /// The bytes that go with an answer, where the state has them. To be asked before the answer is applied, which
    /// takes messages out.
    pub(super) fn payload(&self, key: Key, answer: &Answer) -> Option<Bytes> {
        self.state.payload(key, answer)
    }

    /// A reply as of now. A refusal tells nothing new: its entry is written later, and replay knows only that one.
    pub(super) fn reply(&self, key: Key, out: Result<Answer, Error>, body: Option<Bytes>) -> Reply {
        let limits = || self.state.proc(key).map_or(Limits { fuel: 0, memory: 0 }, |me| me.limits());
        let limits = (!refused(&out)).then(limits);
        Reply { out, body, now: self.state.time, limits }
    }

    /// Ends the waits that can end now, and those that this lets end.
    pub(super) fn settle(&mut self, now: u64) -> Result<(), Inconsistent> {
        while let Some(key) = self.wakes.pop() {
            self.try_finish(key, now)?;
        }
        Ok(())
    }

    fn try_finish(&mut self, key: Key, now: u64) -> Result<(), Inconsistent> {
        let Some(out) = ready(&self.state, key, now) else { return Ok(()) };
        let Some((of, fuel)) = self.state.proc(key).and_then(|me| {
            let pending = me.pending.as_ref()?;
            Some((pending.seq, me.account.own(ledger::Meter::Fuel)))
        }) else {
            return Ok(());
        };
        let body = out.as_ref().ok().and_then(|answer| self.payload(key, answer));
        self.append(now, key, fuel, Event::Outcome { of, out: out.clone() }, None)?;
        let reply = self.reply(key, out, body);
        if let Some(waiter) = self.waits.remove(&key) {
            // A process that was ended meanwhile is not there to hear it.
            let _gone = waiter.send(reply);
        } else if let Some(waiter) = self.rulings.remove(&key) {
            let _gone = waiter.send(Some(reply));
        }
        Ok(())
    }

    /// Writes a process's run of refusals, if it has one.
    pub(super) fn flush(&mut self, key: Key, now: u64) -> Result<(), Inconsistent> {
        if self.refusals.is_empty() {
            return Ok(());
        }
        let Some(run) = self.refusals.remove(&key) else { return Ok(()) };
        let repeat = (run.times > 1).then_some(Repeat { times: run.times, last: run.last });
        let event = Event::Call { call: run.call, out: Err(run.error), repeat, base: Default::default() };
        self.append(now, key, run.fuel, event, run.size.map(Carried::Dropped)).map(|_| ())
    }
}

impl State {
    /// The bytes that go with an answer, where the state has them: not in a state folded from entries alone, but for
    /// the kernel's own notices.
    pub fn payload(&self, key: Key, answer: &Answer) -> Option<Bytes> {
        let run = self.runs.get(&key.run)?;
        let me = run.proc(key.pid)?;
        let payload = match answer {
            Answer::Message(_) => &me.mailbox.first()?.body,
            Answer::Content { from: Some(seq), .. } => {
                let covers = run.overlays.values().flat_map(|overlay| overlay.covers.values());
                let mut files = me.scratch.values().chain(covers.filter_map(|cover| cover.now.as_ref()));
                &files.find(|file| file.seq == *seq)?.body
            }
            Answer::Artifact { artifact, .. } => &run.artifacts[*run.by_digest.get(&artifact.digest)?].body,
            Answer::Exit { pid, .. } => &run.proc(*pid)?.exit.as_ref()?.output,
            _ => return None,
        };
        payload.0.clone()
    }
}

/// The answer of a process's wait, if it is over.
fn ready(state: &State, key: Key, now: u64) -> Option<Result<Answer, Error>> {
    let run = state.runs.get(&key.run)?;
    let me = run.proc(key.pid)?;
    let pending = me.pending.as_ref()?;
    match pending.stage {
        Stage::Acts => return None,
        Stage::Waits | Stage::Asks if pending.revoked => return Some(Err(Error::Denied)),
        Stage::Asks => return me.stopping.then_some(Err(Error::Interrupted)),
        Stage::Waits => {}
    }
    let over = pending.until.is_some_and(|until| until <= now);
    let (natural, late) = match &pending.call {
        Call::Receive { .. } => (ipc::next(run, me), Ok(Answer::Nothing)),
        Call::Send { .. } => (ipc::room(run, me, pending), Err(Error::TimedOut)),
        Call::Acquire { name, .. } => (lease::free(run, me, name, state.seq + 1), Err(Error::TimedOut)),
        Call::Wait { .. } => (children::ended(run, pending), Ok(Answer::Nothing)),
        Call::Sleep { .. } => (None, Ok(Answer::Done)),
        _ => (None, Err(Error::TimedOut)),
    };
    natural
        .or_else(|| {
            (me.stopping && !matches!(pending.call, Call::Receive { .. })).then_some(Err(Error::Interrupted))
        })
        .or_else(|| over.then_some(late))
}
