//! The fold: `state' = apply(state, entry)`. The only code that changes the state.

use std::sync::Arc;

use authority::{Grant, Labels};
use bytes::Bytes;
use ledger::Meter;

use super::answer::{Answer, Error};
use super::call::{Call, Key, Pid, Priority, Signal};
use super::entry::{Entry, Event, Repeat};
use super::state::{File, Inconsistent, Payload, Pending, Proc, Ruling, Run, Stage, State};
use super::{artifact, cost, infer, ipc, lease, mount};

mod life;

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
        let run = self.runs.get_mut(&entry.run).ok_or_else(|| wrong("its run is not open"))?;
        step.run(run).map_err(wrong)?;
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
        self.last_run = step.entry.run;
        self.runs.insert(step.entry.run, Run::new(Arc::new(grant)));
        Ok(())
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
            Event::Run(_) | Event::End => Ok(()),
            Event::Start(birth) => life::start(run, pid, birth, self.entry.t),
            Event::Call { call, out, repeat } => {
                self.charge(run, call, out, repeat)?;
                match out {
                    Ok(answer) => {
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
            Event::Intent { call, reserve, .. } => self.begin(run, call, None, reserve, Stage::Acts),
            Event::Outcome { of, out } => self.outcome(run, *of, out),
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

    /// A call that waits for the operator: nothing is charged and nobody waits in line for it yet.
    fn ask(&mut self, run: &mut Run, call: &Call) -> Step {
        let me = run.proc_mut(self.entry.pid).ok_or("its process is not there")?;
        consumed(me, self.entry.fuel)?;
        let pending = Pending {
            seq: self.entry.seq,
            call: call.clone(),
            until: None,
            reserve: Vec::new(),
            stage: Stage::Asks,
            peer: None,
            size: self.size(),
            body: self.payload(),
        };
        match me.pending.replace(Box::new(pending)) {
            Some(_) => Err("its process was waiting already"),
            None => Ok(()),
        }
    }

    fn begin(
        &mut self,
        run: &mut Run,
        call: &Call,
        until: Option<u64>,
        reserve: &[(Meter, u64)],
        stage: Stage,
    ) -> Step {
        let (pid, size, body) = (self.entry.pid, self.size(), self.payload());
        let peer = {
            let me = run.proc(pid).ok_or("its process is not there")?;
            match call {
                Call::Send { to, .. } => ipc::peer(run, me, to),
                Call::Wait { child, .. } => Pid::try_from(*child).ok(),
                _ => None,
            }
        };
        let me = run.proc_mut(pid).ok_or("its process is not there")?;
        me.ruling = None;
        consumed(me, self.entry.fuel)?;
        charge(me, call, size)?;
        me.account.reserve(reserve).map_err(|_| "its reservation was not paid for")?;
        let reserve = reserve.to_vec();
        let pending =
            Pending { seq: self.entry.seq, call: call.clone(), until, reserve, stage, peer, size, body };
        if me.pending.replace(Box::new(pending)).is_some() {
            return Err("its process was waiting already");
        }
        match call {
            Call::Send { .. } => {
                let peer = peer.and_then(|peer| run.proc_mut(peer)).ok_or("its peer is not there")?;
                peer.mailbox.line.push_back(pid);
            }
            Call::Acquire { name, .. } => run.leases.entry(name.clone()).or_default().line.push_back(pid),
            _ => {}
        }
        Ok(())
    }

    fn outcome(&mut self, run: &mut Run, of: u64, out: &Result<Answer, Error>) -> Step {
        let pid = self.entry.pid;
        let me = run.proc_mut(pid).ok_or("its process is not there")?;
        let pending = me.pending.take().filter(|p| p.seq == of).ok_or("nothing waits for it")?;
        self.leave(run, pid, &pending);
        let me = run.proc_mut(pid).ok_or("its process is not there")?;
        let kept = matches!((&pending.call, out), (Call::Stream(_), Ok(_)));
        if pending.stage == Stage::Asks {
            // It was not made; it still takes its place in `calls`, as long as there is one.
            let _uncovered = me.account.settle(&[], &[(Meter::Calls, calls(&pending.call))]);
            return Ok(());
        }
        if pending.stage == Stage::Acts && !kept {
            let used = match out {
                Ok(Answer::Completion(spent)) => infer::spent(&pending.reserve, spent),
                Err(Error::UnknownOutcome) => pending.reserve.clone(),
                Ok(_) | Err(_) => Vec::new(),
            };
            let _uncovered = me.account.settle(&pending.reserve, &used);
        }
        if out.as_ref().is_ok_and(|answer| answer.body_at(self.entry.seq) == Some(self.entry.seq)) {
            let size = self.size();
            let _uncovered = me.account.settle(&[], &[(Meter::BytesStored, size)]);
        }
        match out {
            Ok(answer) => {
                let Pending { seq, call, size, body, reserve, .. } = *pending;
                self.effect(run, &call, answer, Begun { id: seq, size, body, reserve })
            }
            Err(Error::Unavailable(_)) => {
                if let Call::Next { generation } = &pending.call {
                    infer::end(me, *generation, None);
                }
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }

    /// Takes a process out of the line that its wait put it into.
    fn leave(&mut self, run: &mut Run, pid: Pid, pending: &Pending) {
        if pending.stage == Stage::Asks {
            return;
        }
        match &pending.call {
            Call::Send { .. } => {
                let Some(peer) = pending.peer.and_then(|peer| run.proc_mut(peer)) else { return };
                lease::step_out(&mut peer.mailbox.line, pid);
                let next = peer.mailbox.line.front().copied();
                self.wake(next);
            }
            Call::Acquire { name, .. } => {
                let next = lease::leave(run, pid, name);
                self.wake(next);
            }
            _ => {}
        }
    }

    /// What a successful call changes, whether it completed at once or after `pending`.
    fn effect(&mut self, run: &mut Run, call: &Call, answer: &Answer, begun: Begun) -> Step {
        let (pid, seq, now) = (self.entry.pid, self.entry.seq, self.entry.t);
        let gone = "its process is not there";
        let Begun { id, size, body, reserve } = begun;
        match (call, answer) {
            (Call::Send { to, priority, in_reply_to, .. }, _) => {
                let to =
                    run.proc(pid).and_then(|me| ipc::peer(run, me, to)).ok_or("its peer is not there")?;
                let woken =
                    ipc::deliver(run, pid, to, (*priority, *in_reply_to), ipc::Parcel { id, size, body });
                self.wake(woken);
            }
            (Call::Receive { .. }, Answer::Message(head)) => {
                let next = ipc::take(run, pid, head.id)?;
                self.wake(next);
            }
            (Call::Publish { topic }, _) => {
                let woken = ipc::broadcast(run, pid, topic, &ipc::Parcel { id: seq, size, body });
                self.wakes.extend(woken.into_iter().map(|pid| Key { run: self.entry.run, pid }));
            }
            (Call::Subscribe { pattern }, Answer::Id(id)) => ipc::open(run, pid, *id, pattern).ok_or(gone)?,
            (Call::Close { subscription }, _) => ipc::close(run, pid, *subscription).ok_or(gone)?,
            (Call::Acquire { name, ttl, .. }, Answer::Id(token)) => {
                lease::grant(run, pid, name, *token, now.saturating_add(*ttl)).ok_or(gone)?;
            }
            (Call::Renew { lease, ttl }, _) => {
                lease::extend(run, pid, *lease, now.saturating_add(*ttl))
                    .ok_or("it does not hold the lease")?;
            }
            (Call::Release { lease }, _) => {
                let name = run.proc(pid).and_then(|me| me.leases.get(lease)).cloned();
                let next = name.and_then(|name| lease::free_now(run, &name, *lease));
                self.wake(next);
            }
            (Call::Write { mount, path, .. }, Answer::Digest(digest)) if mount == mount::SCRATCH => {
                mount::keep(run.proc_mut(pid).ok_or(gone)?, path, File { digest: *digest, size, seq, body });
            }
            (Call::Remove { mount, path, .. }, _) if mount == mount::SCRATCH => {
                run.proc_mut(pid).ok_or(gone)?.scratch.remove(path);
            }
            (Call::Rename { mount, source, target, .. }, _) if mount == mount::SCRATCH => {
                mount::shift(run.proc_mut(pid).ok_or(gone)?, source, target)
                    .ok_or("its file is not there")?;
            }
            (Call::Read { mount, .. } | Call::List { mount, .. } | Call::Stat { mount, .. }, _) => {
                let place = run.grant.mounts.get(mount).map(|place| place.labels.clone());
                let me = run.proc_mut(pid).ok_or(gone)?;
                me.labels = place.map_or_else(|| me.labels.clone(), |labels| me.labels.union(&labels));
            }
            (Call::Put(put), Answer::Digest(digest)) => {
                artifact::keep(run, pid, put, File { digest: *digest, size, seq, body }).ok_or(gone)?;
            }
            (Call::Get { .. }, Answer::Artifact { artifact, .. }) => {
                let me = run.proc_mut(pid).ok_or(gone)?;
                me.labels = me.labels.union(&artifact.labels);
            }
            (Call::Wait { .. }, Answer::Exit { pid: child, .. }) => {
                let carried = run.proc(*child).map(|child| child.labels.clone()).unwrap_or_default();
                let me = run.proc_mut(pid).ok_or(gone)?;
                me.labels = me.labels.union(&carried);
            }
            (Call::Artifacts(filter), _) => {
                let listed =
                    run.proc(pid).and_then(|me| artifact::matching(run, me, filter).ok()).unwrap_or_default();
                let carried = listed.iter().fold(Labels::default(), |all, a| all.union(&a.labels));
                let me = run.proc_mut(pid).ok_or(gone)?;
                me.labels = me.labels.union(&carried);
            }
            (Call::Declassify { label }, _) => {
                let me = run.proc_mut(pid).ok_or(gone)?;
                me.labels = me.labels.without(label);
            }
            (Call::Generate(_), _) => run.proc_mut(pid).ok_or(gone)?.turns += 1,
            (Call::Stream(question), Answer::Id(id)) => {
                let me = run.proc_mut(pid).ok_or(gone)?;
                me.turns += 1;
                infer::open(me, *id, &question.model, reserve);
            }
            (Call::Next { generation }, Answer::Chunk { spent: Some(spent) }) => {
                infer::end(run.proc_mut(pid).ok_or(gone)?, *generation, Some(spent))
                    .ok_or("its generation is not open")?;
            }
            (Call::Cancel { generation }, _) => {
                let me = run.proc_mut(pid).ok_or(gone)?;
                infer::end(me, *generation, None);
                me.generations.remove(generation);
            }
            (Call::Signal { child, signal: Signal::Stop }, _) => {
                let child =
                    Pid::try_from(*child).ok().and_then(|pid| run.proc_mut(pid)).ok_or("no such child")?;
                if !child.stopping {
                    child.stopping = true;
                    ipc::notify(child, seq, "$stop", Priority::High, "{}".to_owned());
                }
                let woken = child.pid;
                self.wake(Some(woken));
            }
            _ => {}
        }
        Ok(())
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
