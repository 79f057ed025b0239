//! What one process did.

use std::collections::BTreeMap;

use audit::Digest;
use ledger::{Account, Meter};
use serde::Serialize;

use super::phase::{Phase, Times};
use crate::kernel::answer::{Answer, Exit};
use crate::kernel::call::{Call, Pid};
use crate::kernel::entry::{Birth, Blob};
use crate::kernel::state::Proc;

/// Files that a process wrote, kept one by one in its own line; the run's list has more.
pub const FILES: usize = 4;

/// A process, as its entries so far tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProcessView {
    /// Its number.
    pub pid: Pid,
    /// Its name.
    pub name: String,
    /// Its label in the team; empty for the root.
    pub member: String,
    /// Who spawned it.
    pub parent: Option<Pid>,
    /// What it ran.
    pub component: Digest,
    /// Kernel time of its start, in milliseconds since 1970.
    pub started: u64,
    /// When it was asked to stop.
    pub stopping: Option<u64>,
    /// When it ended.
    pub ended: Option<u64>,
    /// What it is at; absent when it has ended.
    pub phase: Option<Phase>,
    /// Since when.
    pub since: u64,
    /// Until when it is counted in its times.
    #[serde(skip)]
    counted: u64,
    /// How long it was at what.
    pub times: Times,
    /// What it waited in, by the verb as the interface names it.
    pub waits: BTreeMap<&'static str, Waits>,
    /// Its last entry so far.
    pub last: u64,
    /// How it ended.
    pub exit: Option<Exit>,
    /// Its exit's entry.
    pub exit_entry: Option<u64>,
    /// What it returned.
    pub output: Option<Blob>,
    /// What it used, its ended children's use included.
    pub meters: Vec<Use>,
    /// System calls.
    pub calls: u64,
    /// Messages sent.
    pub sent: u64,
    /// Messages received.
    pub received: u64,
    /// Events published.
    pub published: u64,
    /// Questions to models that were answered.
    pub asked: u64,
    /// Artifacts put.
    pub put: u64,
    /// Artifacts got.
    pub got: u64,
    /// Log lines.
    pub logged: u64,
    /// Files read, by mount.
    pub read: BTreeMap<String, u64>,
    /// Files written.
    pub wrote: Files,
    /// Files removed or renamed.
    pub moved: u64,
    /// Calls denied.
    pub denied: u64,
    /// Calls that its budget did not cover.
    pub unpaid: u64,
    /// The data categories that it carries, and where it took each on.
    pub labels: Vec<Carried>,
}

/// A data category that a process carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Carried {
    /// The category.
    pub label: String,
    /// The entry with which it was taken on.
    pub entry: u64,
    /// What was done there: `mount.read docs:plan.md`.
    pub by: String,
}

/// Of one meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Use {
    /// Which.
    pub meter: Meter,
    /// What was used, in the meter's unit.
    pub used: u64,
    /// What was granted; 2^53 - 1 is no limit.
    pub granted: u64,
}

/// Calls of one verb that waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// How many.
    pub count: u64,
    /// How long together, in milliseconds.
    pub ms: u64,
}

/// Files, the first of them one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Files {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<Touched>,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Touched {
    /// Its mount's label.
    pub mount: String,
    /// Its path there.
    pub path: String,
    /// Of the whole file.
    pub digest: Digest,
    /// Of the whole file, in bytes.
    pub size: u64,
}

impl Files {
    fn add(&mut self, mount: &str, path: &str, digest: Digest, size: u64) {
        self.count += 1;
        if self.first.len() < FILES {
            self.first.push(Touched { mount: mount.to_owned(), path: path.to_owned(), digest, size });
        }
    }
}

impl ProcessView {
    /// One that has done nothing yet, at a kernel time.
    pub fn new(pid: Pid, birth: &Birth, now: u64) -> ProcessView {
        ProcessView {
            pid,
            name: birth.name.clone(),
            member: birth.member.clone(),
            parent: birth.parent,
            component: birth.component,
            started: now,
            stopping: None,
            ended: None,
            phase: Some(Phase::Running),
            since: now,
            counted: now,
            times: Times::default(),
            waits: BTreeMap::new(),
            last: 0,
            exit: None,
            exit_entry: None,
            output: None,
            meters: Vec::new(),
            calls: 0,
            sent: 0,
            received: 0,
            published: 0,
            asked: 0,
            put: 0,
            got: 0,
            logged: 0,
            read: BTreeMap::new(),
            wrote: Files::default(),
            moved: 0,
            denied: 0,
            unpaid: 0,
            labels: Vec::new(),
        }
    }

    /// Counts a call that succeeded; `size` is that of the body it carried, in bytes.
    pub fn did(&mut self, call: &Call, answer: &Answer, size: u64) {
        match call {
            Call::Send { .. } => self.sent += 1,
            Call::Receive { .. } => self.received += u64::from(matches!(answer, Answer::Message(_))),
            Call::Publish { .. } => self.published += 1,
            Call::Generate(_) | Call::Stream(_) => self.asked += 1,
            Call::Put(_) => self.put += 1,
            Call::Get { .. } => self.got += 1,
            Call::Log { .. } => self.logged += 1,
            Call::Remove { .. } | Call::Rename { .. } => self.moved += 1,
            // Only what was granted can be read, so there are few mounts.
            Call::Read { mount, .. } => *self.read.entry(mount.clone()).or_default() += 1,
            Call::Write { mount, path, .. } => {
                if let Answer::Digest(digest) = answer {
                    self.wrote.add(mount, path, *digest, size);
                }
            }
            Call::Subscribe { .. }
            | Call::Close { .. }
            | Call::Acquire { .. }
            | Call::Token { .. }
            | Call::Renew { .. }
            | Call::Release { .. }
            | Call::List { .. }
            | Call::Stat { .. }
            | Call::Artifacts(_)
            | Call::Models
            | Call::Next { .. }
            | Call::Cancel { .. }
            | Call::Whoami
            | Call::Spawn(_)
            | Call::ContinueAsNew
            | Call::Restored
            | Call::Labels
            | Call::Declassify { .. }
            | Call::Held
            | Call::Budget
            | Call::Pid { .. }
            | Call::Wait { .. }
            | Call::Signal { .. }
            | Call::Tools
            | Call::Tool { .. }
            | Call::Sleep { .. }
            | Call::Oversized { .. } => {}
        }
    }

    /// Takes what the kernel's state says of it now; answers what it was at until now, and since when, if it was at
    /// anything.
    pub fn state(&mut self, me: &Proc, now: u64) -> Option<(Phase, u64)> {
        self.account(&me.account);
        if me.stopping && self.stopping.is_none() {
            self.stopping = Some(now);
        }
        let phase = Phase::of(me);
        let changed = self.phase != phase;
        let was = changed.then(|| self.settle(now)).flatten();
        if changed {
            self.since = now;
        }
        if phase.is_none() && self.ended.is_none() {
            self.ended = Some(now);
        }
        self.phase = phase;
        was
    }

    /// Counts what it has been at until now; answers that, and from when on it was not counted yet.
    pub fn settle(&mut self, now: u64) -> Option<(Phase, u64)> {
        let (phase, counted) = (self.phase?, self.counted);
        self.times.add(phase, now.saturating_sub(counted));
        self.counted = now;
        Some((phase, counted))
    }

    /// Counts a wait of a verb that began at a kernel time and is over.
    pub fn waited(&mut self, verb: &'static str, began: u64, now: u64) {
        let waits = self.waits.entry(verb).or_default();
        waits.count += 1;
        waits.ms += now.saturating_sub(began);
    }

    /// Takes what its account says. Memory and wall time are not in entries.
    pub fn account(&mut self, account: &Account) {
        let counted =
            Meter::ALL.into_iter().filter(|meter| !matches!(meter, Meter::Memory | Meter::WallTime));
        self.meters = counted
            .map(|meter| Use { meter, used: account.used(meter), granted: account.granted(meter) })
            .collect();
    }

    /// What it used and was granted of a meter.
    pub fn meter(&self, meter: Meter) -> (u64, u64) {
        self.meters.iter().find(|of| of.meter == meter).map_or((0, 0), |of| (of.used, of.granted))
    }
}
