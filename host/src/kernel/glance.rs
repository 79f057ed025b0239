//! What lives now, at a glance: for the operator's `ps`.

use std::collections::HashMap;
use std::sync::Arc;

use authority::Grant;
use ledger::Meter;
use serde::{Deserialize, Serialize};

use super::call::{Call, Key, Pid, RunId};
use super::caps::Capped;
use super::live::Live;
use super::ports::Driver;
use super::state::{Proc, Run, Stage};
use super::{Halt, Kernel};

/// Processes that one glance shows: with their names, less than 1 MiB of JSON.
pub const GLANCED: usize = 1_000;

/// All that lives, as of an entry that is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glance {
    /// The entry.
    pub seq: u64,
    /// Its time: milliseconds since 1970.
    pub time: u64,
    /// The living processes, at most [`GLANCED`], by run and number.
    pub processes: Vec<Living>,
    /// How many more there are.
    pub more: usize,
    /// The meters that come back, of open runs; at most [`GLANCED`].
    pub windows: Vec<Back>,
    /// What all runs together may spend.
    pub caps: Vec<Capped>,
}

/// A meter of a run's root that comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// Its run.
    pub run: RunId,
    /// Which.
    pub meter: Meter,
    /// What is left.
    pub left: u64,
    /// Of how much.
    pub granted: u64,
    /// When it comes back: milliseconds since 1970.
    pub at: u64,
}

/// A living process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Living {
    /// Its run.
    pub run: RunId,
    /// Its number.
    pub pid: Pid,
    /// Its name.
    pub name: String,
    /// When it started: milliseconds since 1970.
    pub started: u64,
    /// Whether a stop was requested.
    pub stopping: bool,
    /// The call that it waits in; absent while it runs.
    pub waits: Option<Waiting>,
    /// Used up by itself and its ended children.
    pub fuel: u64,
    /// Tokens of prompts and answers.
    pub tokens: u64,
    /// Micro-USD.
    pub micro_usd: u64,
}

/// A call that has begun and not ended: its entry says which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The entry that began it.
    pub seq: u64,
    /// Whom it waits for.
    pub stage: Stage,
    /// The label of the model that it asks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<String>,
    /// Its place in the line for a slot of its model. This alone is not durable: it is so now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<Place>,
}

/// A place in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// From 1.
    pub place: usize,
    /// How many wait.
    pub of: usize,
}

impl Kernel {
    /// What lives now. Answered only when all that it says is on disk.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn glance(&self) -> Result<Glance, Halt> {
        let (mut glance, drivers) = {
            let live = self.lock();
            (live.glance(), live.drivers())
        };
        self.journal().until_durable(glance.seq).await?;
        placed(&mut glance, &drivers);
        Ok(glance)
    }

    /// Waits until all that has happened so far is on disk.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn on_disk(&self) -> Result<(), Halt> {
        let seq = self.lock().state.seq;
        Ok(self.journal().until_durable(seq).await?)
    }

    /// The runs that have not ended, each with what decides it.
    pub fn grants(&self) -> Vec<(RunId, Arc<Grant>)> {
        self.lock().state.runs.iter().map(|(run, of)| (*run, of.grant.clone())).collect()
    }

    /// A run that has not ended, as it is now.
    pub fn run(&self, run: RunId) -> Option<Run> {
        self.lock().state.runs.get(&run).cloned()
    }

    /// The runs that have not ended.
    pub fn open_runs(&self) -> Vec<RunId> {
        self.lock().state.runs.keys().copied().collect()
    }
}

/// The drivers of each run's models, by label.
type Drivers = HashMap<(RunId, String), Arc<dyn Driver>>;

/// Each one's place in a line.
type Places = HashMap<(RunId, Pid), Place>;

/// Says of those who ask a model which place they have in its line.
fn placed(glance: &mut Glance, drivers: &Drivers) {
    let mut models: HashMap<(RunId, String), Places> = HashMap::new();
    for me in &mut glance.processes {
        let Some(waiting) = &mut me.waits else { continue };
        let Some(label) = &waiting.model else { continue };
        let model = (me.run, label.clone());
        let Some(driver) = drivers.get(&model) else { continue };
        let places = models.entry(model).or_insert_with(|| places(&driver.waiting()));
        waiting.place = places.get(&(me.run, me.pid)).copied();
    }
}

/// Of a process that waits more than once, the first place counts.
fn places(lines: &[Vec<(RunId, Pid)>]) -> Places {
    let each = |line: &Vec<(RunId, Pid)>| {
        let of = line.len();
        line.clone().into_iter().enumerate().map(move |(at, who)| (who, Place { place: at + 1, of })).rev()
    };
    lines.iter().rev().flat_map(each).collect()
}

impl Waiting {
    /// What it waits for, for a person, when it waits for a slot: `a slot of default (3rd of 17)`.
    pub fn slot(&self) -> Option<String> {
        let model = self.model.as_ref()?;
        let Place { place, of } = self.place?;
        let nth = match (place % 10, place % 100) {
            (1, n) if n != 11 => "st",
            (2, n) if n != 12 => "nd",
            (3, n) if n != 13 => "rd",
            _ => "th",
        };
        Some(format!("a slot of {model} ({place}{nth} of {of})"))
    }
}

impl Live {
    fn drivers(&self) -> Drivers {
        let models =
            self.outside.iter().flat_map(|(run, outside)| outside.models.iter().map(move |m| (run, m)));
        models.map(|(run, (label, model))| ((*run, label.clone()), model.driver.clone())).collect()
    }

    fn glance(&self) -> Glance {
        let living = |(run, pid): (&RunId, &Proc)| living(Key { run: *run, pid: pid.pid }, pid);
        let alive = || {
            let all = self.state.runs.iter().flat_map(|(run, it)| it.procs.iter().map(move |me| (run, me)));
            all.filter(|(_, me)| me.exit.is_none())
        };
        let processes: Vec<Living> = alive().take(GLANCED).map(living).collect();
        let more = alive().count() - processes.len();
        let now = self.now();
        let backs = self.state.runs.iter().flat_map(|(run, it)| {
            let back = move |meter: &Meter| {
                let account = &it.proc(1)?.account;
                let (left, granted) = (account.left(*meter), it.grant.root.budget.get(*meter));
                Some(Back { run: *run, meter: *meter, left, granted, at: it.resets(*meter, now)? })
            };
            it.windows.keys().filter_map(back)
        });
        let windows = backs.take(GLANCED).collect();
        Glance {
            seq: self.state.seq,
            time: self.state.time,
            processes,
            more,
            windows,
            caps: self.caps.glance(now),
        }
    }
}

fn living(key: Key, me: &Proc) -> Living {
    let used = |meter| me.account.used(meter);
    let waits = me.pending.as_ref().map(|pending| {
        let model = match &pending.call {
            Call::Generate(asked) | Call::Stream(asked) => Some(asked.model.clone()),
            _ => None,
        };
        Waiting { seq: pending.seq, stage: pending.stage, model, place: None }
    });
    Living {
        run: key.run,
        pid: key.pid,
        name: me.name.clone(),
        started: me.started,
        stopping: me.stopping,
        waits,
        fuel: used(Meter::Fuel),
        tokens: used(Meter::TokensIn).saturating_add(used(Meter::TokensOut)),
        micro_usd: used(Meter::MicroUsd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_line_is_said_as_people_say_it() {
        let said = |place: Option<usize>| {
            let place = place.map(|place| Place { place, of: 113 });
            Waiting { seq: 1, stage: Stage::Acts, model: Some("default".into()), place }.slot()
        };
        assert_eq!(said(None), None);
        for (place, text) in
            [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (13, "13th"), (112, "112th")]
        {
            assert_eq!(said(Some(place)), Some(format!("a slot of default ({text} of 113)")));
        }
    }
}
