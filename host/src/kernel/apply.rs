//! The fold: `state' = apply(state, entry)`. The only code that changes the state.

use std::sync::Arc;

use authority::{Grant, Labels};
use bytes::Bytes;
use ledger::Meter;

use super::answer::{Answer, Error};
use super::call::{Call, Key, Pid, Signal};
use super::entry::{ERASED_RANGES, Entry, Erasure, Event, Names, Repeat};
use super::state::{Inconsistent, Payload, Proc, Ruling, Run, Stage, State};
use super::{cost, lease};

mod budget;
mod effect;
mod label;
mod life;
mod overlay;
mod revoke;
mod wait;

type Step = Result<(), &'static str>;

impl State {
    /// Applies one entry. `body` is the entry's, where it is at hand; `wakes` collects the processes whose wait may be
    /// over.
    ///
    /// # Errors
    /// When the entry does not follow from those before it. The state is then of no further use.
    pub fn apply(
        &mut self,
        entry: &Entry,
        body: Option<&Bytes>,
        wakes: &mut Vec<Key>,
    ) -> Result<(), Inconsistent> {
        let wrong = |what: &str| Inconsistent { seq: entry.seq, what: what.to_owned() };
        if entry.seq != self.seq + 1 {
            return Err(wrong(&format!("its number should be {}", self.seq + 1)));
        }
        if entry.t < self.time {
            return Err(wrong("it is earlier than the one before it"));
        }
        (self.seq, self.time) = (entry.seq, entry.t);
        let mut step = Change { entry, body, wakes };
        if let Event::Run(_) = entry.event {
            return self.open(&step).map_err(wrong);
        }
        if let Event::Overlay { .. } | Event::Erase(_) = entry.event {
            let over = entry.run <= self.last_run && !self.runs.contains_key(&entry.run);
            return match over {
                true => afterwards(entry).map_err(wrong),
                false => Err(wrong("its run has not ended")),
            };
        }
        let run = self.runs.get_mut(&entry.run).ok_or_else(|| wrong("its run is not open"))?;
        step.run(run).map_err(wrong)?;
        run.time = entry.t;
        if let Event::End = entry.event {
            self.runs.remove(&entry.run);
        }
        Ok(())
    }

    fn open(&mut self, step: &Change<'_>) -> Step {
        if step.entry.run <= self.last_run {
            return Err("a run of this number was there before");
        }
        let grant = step.body.ok_or("its grant is missing")?;
        let grant = Grant::decode(grant).map_err(|_| "its grant cannot be read")?;
        if let Event::Run(opening) = &step.entry.event
            && let Some(names) = &opening.names
            && *names != Names::new(&grant, &opening.semantics, names.configuration)
        {
            return Err("it does not stand on what its grant says");
        }
        self.last_run = step.entry.run;
        let run = Run { time: step.entry.t, ..Run::new(Arc::new(grant)) };
        self.runs.insert(step.entry.run, run);
        Ok(())
    }
}

/// What comes after a run's end changes nothing of it.
fn afterwards(entry: &Entry) -> Step {
    let Event::Erase(Erasure { ranges, .. }) = &entry.event else { return Ok(()) };
    let mut before = 0;
    for (from, to) in ranges {
        if *from <= before || to < from {
            return Err("what it erases is not in order");
        }
        before = *to;
    }
    if before < entry.seq && ranges.len() <= ERASED_RANGES {
        Ok(())
    } else {
        Err("it erases what is not there")
    }
}

/// What a call carried when it was made: at once, or in the entry that its wait began with.
struct Begun {
    id: u64,
    size: u64,
    body: Payload,
    reserve: Vec<(Meter, u64)>,
}

struct Change<'a> {
    entry: &'a Entry,
    body: Option<&'a Bytes>,
    wakes: &'a mut Vec<Key>,
}

impl Change<'_> {
    fn wake(&mut self, pid: Option<Pid>) {
        self.wakes.extend(pid.map(|pid| Key { run: self.entry.run, pid }));
    }

    fn payload(&self) -> Payload {
        Payload(self.body.cloned())
    }

    fn size(&self) -> u64 {
        self.entry.body.map_or(0, |blob| blob.size)
    }

    fn run(&mut self, run: &mut Run) -> Step {
        let pid = self.entry.pid;
        match &self.entry.event {
            Event::Run(_) | Event::End | Event::Overlay { .. } | Event::Erase(_) => Ok(()),
            Event::Start(birth) => life::start(run, pid, birth, self.entry.t),
            Event::Call { call, out, repeat, .. } => {
                self.charge(run, call, out, repeat)?;
                self.learn(run, call, out)?;
                match out {
                    Ok(answer) => {
                        self.stain(run, call)?;
                        let begun = Begun {
                            id: self.entry.seq,
                            size: self.size(),
                            body: self.payload(),
                            reserve: Vec::new(),
                        };
                        self.effect(run, call, answer, begun)
                    }
                    Err(_) => Ok(()),
                }
            }
            Event::Ask { call } => self.ask(run, call),
            Event::Rule { pid, of, allow, .. } => {
                let me = run.proc_mut(*pid).ok_or("its process is not there")?;
                let asked = me.pending.take().filter(|p| p.seq == *of && p.stage == Stage::Asks);
                me.ruling = Some(Ruling { of: asked.ok_or("nothing waits for it")?.seq, allow: *allow });
                Ok(())
            }
            Event::Wait { call, until } => self.begin(run, call, *until, &[], Stage::Waits),
            Event::Intent { call, previous, reserve } => {
                self.begin(run, call, None, reserve, Stage::Acts)?;
                let pending = run.proc_mut(pid).and_then(|me| me.pending.as_mut());
                pending.ok_or("its process is not there")?.previous = *previous;
                Ok(())
            }
            Event::Outcome { of, out } => self.outcome(run, *of, out),
            Event::Signal { pid, signal: Signal::Stop } => self.stop(run, *pid, Labels::default()),
            Event::Signal { pid, signal: Signal::Kill } => life::kill(run, *pid),
            Event::Bill { used } => match run.proc(1) {
                Some(root)
                    if Meter::ALL.iter().all(|meter| root.account.used(*meter) == used.get(*meter)) =>
                {
                    Ok(())
                }
                _ => Err("that is not what it used"),
            },
            Event::Fund { pid, add, window } => self.fund(run, *pid, add, *window),
            Event::Warn { meter, .. } => match run.warned.insert(*meter) {
                true => Ok(()),
                false => Err("it was warned of before"),
            },
            Event::Revoke { pid, what, .. } => self.revoke(run, *pid, what),
            // Not on this host yet.
            Event::Signal { signal: Signal::Pause | Signal::Resume, .. } => Ok(()),
            Event::Resume(_) => {
                life::take_up(run, self.entry.t);
                Ok(())
            }
            Event::Expire { lease, token } => {
                let next = lease::free_now(run, lease, *token);
                self.wake(next);
                Ok(())
            }
            Event::Exit(exit) => self.exit(run, exit),
        }
    }

    /// Charges a call that was made: its fuel, its place in `calls` and its body; an unpaid one only its fuel.
    fn charge(
        &self,
        run: &mut Run,
        call: &Call,
        out: &Result<Answer, Error>,
        repeat: &Option<Repeat>,
    ) -> Step {
        let me = run.proc_mut(self.entry.pid).ok_or("its process is not there")?;
        me.ruling = None;
        let (times, last) = repeat.as_ref().map_or((1, self.entry.fuel), |r| (r.times, r.last));
        consumed(me, last)?;
        match out {
            // What was not paid for still takes its place in `calls`, as long as there is one.
            Err(Error::Exhausted(_)) => {
                let _uncovered = me.account.settle(&[], &[(Meter::Calls, calls(call) * times)]);
                Ok(())
            }
            Err(Error::Denied) => {
                me.account.charge(&[(Meter::Calls, calls(call) * times)]).map_err(|_| "it was not paid for")
            }
            Ok(answer) if answer.body_at(self.entry.seq) == Some(self.entry.seq) => {
                charge(me, call, 0)?;
                me.account
                    .charge(&[(Meter::BytesStored, self.size())])
                    .map_err(|_| "its answer was not paid for")
            }
            Ok(_) => charge(me, call, self.size()),
            Err(_) => charge(me, call, 0),
        }
    }
}

/// 1 for a verb that counts in `calls`.
fn calls(call: &Call) -> u64 {
    cost::of(call, 0)[0].1
}

fn charge(me: &mut Proc, call: &Call, size: u64) -> Step {
    me.account.charge(&cost::of(call, size)).map_err(|_| "it was not paid for")
}

/// Fuel consumed is absolute and never falls.
fn consumed(me: &mut Proc, fuel: u64) -> Step {
    if fuel < me.account.own(Meter::Fuel) {
        return Err("its fuel is less than before");
    }
    match me.account.set_used(Meter::Fuel, fuel) {
        0 => Ok(()),
        _ => Err("its fuel is over the grant"),
    }
}
