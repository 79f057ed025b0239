//! What a run did.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fact::Facts;
use super::flow::Flow;
use super::process::ProcessView;
use super::refusal::Refusal;
use super::timeline::Timeline;
use crate::kernel::call::{Pid, RunId};
use crate::kernel::overlay::Settlement;

/// Refusals that are kept one by one; further ones are counted.
pub const REFUSALS: usize = 256;

/// A run, as its entries so far tell it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunView {
    /// Its number.
    pub run: RunId,
    /// The package's or component's name.
    pub label: String,
    /// Whether a publisher's signature was checked.
    pub signed: bool,
    /// The host's version that made it.
    pub host: String,
    /// Its first entry.
    pub first: u64,
    /// Its last entry so far.
    pub last: u64,
    /// Its entries.
    pub entries: u64,
    /// Kernel time of its first entry: milliseconds since 1970.
    pub began: u64,
    /// Kernel time of its last entry.
    pub latest: u64,
    /// Whether it has ended.
    pub ended: bool,
    /// How often it was cut off with its host, and taken up again.
    pub resumed: u64,
    /// What the operator made of its overlays, by mount.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub overlays: BTreeMap<String, Settlement>,
    /// Bodies that the operator erased.
    pub erased: u64,
    /// Calls denied.
    pub denied: u64,
    /// Calls that a budget did not cover.
    pub unpaid: u64,
    /// How many of what it did; each is a line of its own.
    #[serde(flatten)]
    pub facts: Facts,
    /// What its processes were at.
    #[serde(skip)]
    pub timeline: Timeline,
    /// Process `n` is at `n - 1`; they are written as lines of their own.
    #[serde(skip)]
    pub processes: Vec<ProcessView>,
    /// The first refusals; they are written as lines of their own.
    #[serde(skip)]
    pub refusals: Vec<Refusal>,
    /// How often data categories moved: were taken on, passed on or shed.
    pub flowed: u64,
    /// The first of these; they are written as lines of their own.
    #[serde(skip)]
    pub flows: Vec<Flow>,
}

impl RunView {
    /// A process.
    pub fn process(&self, pid: Pid) -> Option<&ProcessView> {
        self.processes.get((pid as usize).checked_sub(1)?)
    }

    /// A process, to be changed.
    pub fn process_mut(&mut self, pid: Pid) -> Option<&mut ProcessView> {
        self.processes.get_mut((pid as usize).checked_sub(1)?)
    }

    /// Counts what living processes have been at until the last entry.
    pub fn settle(&mut self) {
        for process in &mut self.processes {
            if let Some((phase, since)) = process.settle(self.latest) {
                self.timeline.add(process.pid, phase, since, self.latest);
            }
        }
    }

    /// A process's name; the kernel's is `kernel`.
    pub fn name(&self, pid: Pid) -> &str {
        self.process(pid).map_or("kernel", |process| &process.name)
    }
}
