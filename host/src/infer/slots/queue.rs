//! Who waits for a slot and who has one, without a clock and without tasks.
//!
//! It keeps, whatever happens in whatever order: no more are served than there are slots; while somebody waits and the rates
//! allow the first in line, no slot is free (it is *work-conserving*); a place that is given up is nobody's any more.

use std::collections::BTreeMap;

use super::policy::{Policy, Process, Question, Ticket};
use super::rate::Rate;
use super::share::Share;

/// Questions that wait in one line.
pub const WAITING: usize = 65_536;

/// Why a question cannot wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{WAITING} questions wait for this backend already")]
pub struct Full;

/// What can be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This question is served: it has a slot.
    Serve(Ticket),
    /// The first in line has to wait so many milliseconds for its rate. Others do not pass it, or a large question would
    /// never come.
    Later(u64),
    /// Nobody waits, or all slots are taken.
    Nothing,
}

/// See the module.
pub struct Queue {
    policy: Box<dyn Policy>,
    slots: usize,
    waiting: BTreeMap<Ticket, Question>,
    serving: BTreeMap<Ticket, Question>,
    tokens: Option<Rate>,
    requests: Option<Rate>,
    last: Ticket,
}

impl Queue {
    /// An empty one.
    pub fn new(share: &Share) -> Queue {
        Queue {
            policy: share.policy.policy(),
            slots: share.slots,
            waiting: BTreeMap::new(),
            serving: BTreeMap::new(),
            tokens: share.tokens_per_minute.map(Rate::new),
            requests: share.requests_per_minute.map(Rate::new),
            last: 0,
        }
    }

    /// Puts a question in line: of a process with a weight, for so many tokens at most.
    ///
    /// # Errors
    /// When too many wait.
    pub fn join(&mut self, process: Process, weight: u16, bound: u64) -> Result<Ticket, Full> {
        if self.waiting.len() >= WAITING {
            return Err(Full);
        }
        self.last += 1;
        let question = Question { ticket: self.last, process, weight: weight.max(1), bound: bound.max(1) };
        self.policy.join(&question);
        self.waiting.insert(question.ticket, question);
        Ok(question.ticket)
    }

    /// Gives a slot to the first in line, when there is one for it at this time (milliseconds, which never go back).
    pub fn next(&mut self, now: u64) -> Next {
        if self.serving.len() >= self.slots {
            return Next::Nothing;
        }
        let Some(first) = self.policy.first() else { return Next::Nothing };
        let Some(question) = self.waiting.get(&first).copied() else { return Next::Nothing };
        let wait = |rate: &mut Option<Rate>, units| rate.as_mut().map_or(0, |rate| rate.wait(now, units));
        let late = wait(&mut self.tokens, question.bound).max(wait(&mut self.requests, 1));
        if late > 0 {
            return Next::Later(late);
        }
        self.waiting.remove(&first);
        self.policy.serve(&question);
        for (rate, units) in [(&mut self.tokens, question.bound), (&mut self.requests, 1)] {
            rate.iter_mut().for_each(|rate| rate.take(units));
        }
        self.serving.insert(first, question);
        Next::Serve(first)
    }

    /// Takes a question out: it gives up waiting, or its answer has ended after so many tokens; when nobody knows how many,
    /// its worst case counts.
    pub fn leave(&mut self, ticket: Ticket, used: Option<u64>) {
        if let Some(question) = self.waiting.remove(&ticket) {
            self.policy.quit(&question);
        } else if let Some(question) = self.serving.remove(&ticket) {
            let used = used.unwrap_or(question.bound);
            self.policy.settle(&question, used);
            self.tokens.iter_mut().for_each(|rate| rate.settle(question.bound, used));
        }
    }

    /// Those who wait, whoever is next first; a process that waits with several questions is there as often.
    pub fn order(&self) -> Vec<Process> {
        self.policy.order().iter().filter_map(|ticket| Some(self.waiting.get(ticket)?.process)).collect()
    }

    /// How many wait, and how many are served.
    pub fn sizes(&self) -> (usize, usize) {
        (self.waiting.len(), self.serving.len())
    }
}
