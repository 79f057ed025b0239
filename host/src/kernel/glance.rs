//! What lives now, at a glance: for the operator's `ps`.

use ledger::Meter;
use serde::{Deserialize, Serialize};

use super::call::{Key, Pid, RunId};
use super::live::Live;
use super::state::{Proc, Stage};
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
}

impl Kernel {
    /// What lives now. Answered only when all that it says is on disk.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn glance(&self) -> Result<Glance, Halt> {
        let glance = self.lock().glance();
        self.journal().until_durable(glance.seq).await?;
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

    /// The runs that have not ended.
    pub fn open_runs(&self) -> Vec<RunId> {
        self.lock().state.runs.keys().copied().collect()
    }
}

impl Live {
    fn glance(&self) -> Glance {
        let living = |(run, pid): (&RunId, &Proc)| living(Key { run: *run, pid: pid.pid }, pid);
        let alive = || {
            let all = self.state.runs.iter().flat_map(|(run, it)| it.procs.iter().map(move |me| (run, me)));
            all.filter(|(_, me)| me.exit.is_none())
        };
        let processes: Vec<Living> = alive().take(GLANCED).map(living).collect();
        let more = alive().count() - processes.len();
        Glance { seq: self.state.seq, time: self.state.time, processes, more }
    }
}

fn living(key: Key, me: &Proc) -> Living {
    let used = |meter| me.account.used(meter);
    let waits = me.pending.as_ref().map(|pending| Waiting { seq: pending.seq, stage: pending.stage });
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
