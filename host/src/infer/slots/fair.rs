//! `fair`: whoever was served least for its weight.
//!
//! The idea is that of Linux's completely fair scheduler (CFS) on tokens instead of time: a process's *virtual runtime* grows
//! with what it was served, divided by its weight, and the smallest one is next. A language model adds that nobody knows
//! before how long an answer will be, and that many are served at a time; what follows from this is in *Fairness in Serving
//! Large Language Models* (Sheng et al., OSDI 2024), whose virtual token counter (VTC) this is, with one difference: a question
//! that is being answered counts at its worst case until it has ended, so that a process cannot fill all slots before its first
//! answer is counted.
//!
//! A newcomer, and whoever comes back, starts at the line's *virtual time*, which is where the question stood that was served
//! last (start-time fair queueing, Goyal et al., SIGCOMM 1996): time in which a process asked nothing is no credit.
//!
//! Hence nobody starves. While a process W waits, its place stands still, and every question of another process P moves P's
//! own place on by that question's tokens over P's weight; once P is behind W, W is served first. What P can get meanwhile is
//! bounded by the slots, the largest questions and the two weights, and not by how long W waits: the property tests hold it to
//! `(S + N) × L × (⌈weight(P) / weight(W)⌉ + 1)` tokens, with S slots, N processes and L tokens of the largest question.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::policy::{Policy, Process, Question, Ticket};

/// Parts of a token that are counted for a weight of 1: rounding is below a token for every weight.
const SCALE: u128 = 1 << 20;
/// Accounts of processes that ask nothing, beyond as many as there are others, before those that say nothing are dropped.
const IDLE: usize = 64;

/// What one process was served.
#[derive(Debug, Default)]
struct Account {
    /// Its virtual runtime: weighted tokens of what has ended.
    spent: u128,
    /// Weighted tokens of what is being answered, at the worst case.
    held: u128,
    /// Its questions that are being answered.
    serving: usize,
    /// Its questions that wait, oldest first.
    waiting: VecDeque<Ticket>,
    /// Where it stands in the line, while it waits.
    tag: u128,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Fair {
    accounts: BTreeMap<Process, Account>,
    /// Those who wait: where they stand, and which question of theirs is next.
    line: BTreeSet<(u128, Ticket, Process)>,
    /// The virtual time: where the one stood that was served last.
    clock: u128,
}

/// Tokens by weight, rounded up: nobody gains by asking in small parts.
fn weighted(tokens: u64, weight: u16) -> u128 {
    (u128::from(tokens.max(1)) * SCALE).div_ceil(u128::from(weight.max(1)))
}

impl Fair {
    /// Takes a process out of the line, while its account is changed.
    fn lift(&mut self, process: Process) {
        if let Some(account) = self.accounts.get(&process)
            && let Some(first) = account.waiting.front()
        {
            self.line.remove(&(account.tag, *first, process));
        }
    }

    /// Puts it back where it stands now: never before the virtual time, which forgets its credit.
    fn lower(&mut self, process: Process) {
        let Some(account) = self.accounts.get_mut(&process) else { return };
        let Some(first) = account.waiting.front() else { return };
        let stands = account.spent + account.held;
        account.spent += self.clock.saturating_sub(stands);
        account.tag = stands.max(self.clock);
        self.line.insert((account.tag, *first, process));
    }

    /// Forgets the accounts of those who ask nothing and have nothing to make good: they are as newcomers are.
    fn sweep(&mut self) {
        let busy = |account: &Account| account.serving > 0 || !account.waiting.is_empty();
        if self.accounts.len() > 2 * self.line.len() + IDLE {
            let clock = self.clock;
            self.accounts.retain(|_, account| busy(account) || account.spent > clock);
        }
    }
}

impl Policy for Fair {
    fn join(&mut self, question: &Question) {
        self.sweep();
        self.lift(question.process);
        self.accounts.entry(question.process).or_default().waiting.push_back(question.ticket);
        self.lower(question.process);
    }

    fn first(&self) -> Option<Ticket> {
        self.line.first().map(|(_, ticket, _)| *ticket)
    }

    fn serve(&mut self, question: &Question) {
        self.lift(question.process);
        if let Some(account) = self.accounts.get_mut(&question.process) {
            self.clock = self.clock.max(account.tag);
            account.waiting.retain(|ticket| *ticket != question.ticket);
            account.held += weighted(question.bound, question.weight);
            account.serving += 1;
        }
        self.lower(question.process);
    }

    fn quit(&mut self, question: &Question) {
        self.lift(question.process);
        if let Some(account) = self.accounts.get_mut(&question.process) {
            account.waiting.retain(|ticket| *ticket != question.ticket);
        }
        self.lower(question.process);
    }

    fn settle(&mut self, question: &Question, used: u64) {
        self.lift(question.process);
        if let Some(account) = self.accounts.get_mut(&question.process) {
            account.held = account.held.saturating_sub(weighted(question.bound, question.weight));
            account.spent += weighted(used, question.weight);
            account.serving = account.serving.saturating_sub(1);
        }
        self.lower(question.process);
    }

    fn order(&self) -> Vec<Ticket> {
        let all = self.line.iter().filter_map(|(_, _, process)| self.accounts.get(process));
        all.flat_map(|account| account.waiting.iter().copied()).collect()
    }
}
