//! What a process is at, from its entries: it runs, or it waits for something.

use serde::Serialize;

use crate::kernel::call::Call;
use crate::kernel::state::{Proc, Stage};

/// What a living process is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It computes.
    #[default]
    Running,
    /// It waits for another process, or for time.
    Waiting,
    /// It waits for a model.
    Inferring,
    /// It waits for another effect outside.
    Acting,
    /// It waits for the operator's answer.
    Asked,
}

impl Phase {
    /// All, in the order of their numbers.
    pub const ALL: [Phase; 5] =
        [Phase::Running, Phase::Waiting, Phase::Inferring, Phase::Acting, Phase::Asked];

    /// What a process is at now; absent when it has ended.
    pub fn of(me: &Proc) -> Option<Phase> {
        if me.exit.is_some() {
            return None;
        }
        Some(me.pending.as_ref().map_or(Phase::Running, |pending| match (pending.stage, &pending.call) {
            (Stage::Asks, _) => Phase::Asked,
            (Stage::Waits, _) => Phase::Waiting,
            (Stage::Acts, Call::Generate(_) | Call::Stream(_) | Call::Next { .. }) => Phase::Inferring,
            (Stage::Acts, _) => Phase::Acting,
        }))
    }

    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Running => "running",
            Phase::Waiting => "waiting",
            Phase::Inferring => "inference",
            Phase::Acting => "effect outside",
            Phase::Asked => "asked",
        }
    }
}

/// Milliseconds that a process was at each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// It computed.
    pub running: u64,
    /// It waited for another process, or for time.
    pub waiting: u64,
    /// It waited for a model.
    pub inferring: u64,
    /// It waited for another effect outside.
    pub acting: u64,
    /// It waited for the operator.
    pub asked: u64,
}

impl Times {
    /// Adds to one of them.
    pub fn add(&mut self, phase: Phase, ms: u64) {
        *match phase {
            Phase::Running => &mut self.running,
            Phase::Waiting => &mut self.waiting,
            Phase::Inferring => &mut self.inferring,
            Phase::Acting => &mut self.acting,
            Phase::Asked => &mut self.asked,
        } += ms;
    }

    /// All but running.
    pub fn waited(&self) -> u64 {
        self.waiting + self.inferring + self.acting + self.asked
    }
}
