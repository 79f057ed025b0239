//! Who comes first.

use std::cmp::Reverse;
use std::collections::BTreeSet;

/// A question's number in its line; those who ask later have larger ones.
pub type Ticket = u64;

/// A process of this host: its run and its number.
pub type Process = (u32, u32);

/// A question in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its number.
    pub ticket: Ticket,
    /// Who asks.
    pub process: Process,
    /// What part of the whole it is to get, beside others; at least 1.
    pub weight: u16,
    /// What it takes at most: tokens of prompt and answer; at least 1.
    pub bound: u64,
}

/// An order of those who wait. It is told all that happens, each question's joining first, and must always name one while
/// somebody waits: what it names is served as soon as there is a slot for it and its rate allows it.
pub trait Policy: Send {
    /// A question joins the line.
    fn join(&mut self, question: &Question);
    /// The question to be served next; none when nobody waits. Asking changes nothing.
    fn first(&self) -> Option<Ticket>;
    /// That question leaves the line and is served.
    fn serve(&mut self, question: &Question);
    /// A question leaves the line unserved.
    fn quit(&mut self, question: &Question);
    /// A question that was served has ended, after so many tokens.
    fn settle(&mut self, question: &Question, used: u64);
    /// Those who wait, in the order in which they would be served if nothing more happened.
    fn order(&self) -> Vec<Ticket>;
}

/// First come, first served.
#[derive(Debug, Default)]
pub struct Fifo(BTreeSet<Ticket>);

impl Policy for Fifo {
    fn join(&mut self, question: &Question) {
        self.0.insert(question.ticket);
    }

    fn first(&self) -> Option<Ticket> {
        self.0.first().copied()
    }

    fn serve(&mut self, question: &Question) {
        self.0.remove(&question.ticket);
    }

    fn quit(&mut self, question: &Question) {
        self.0.remove(&question.ticket);
    }

    fn settle(&mut self, _question: &Question, _used: u64) {}

    fn order(&self) -> Vec<Ticket> {
        self.0.iter().copied().collect()
    }
}

/// The largest weight first. While those with more of it keep all slots busy, the others wait.
#[derive(Debug, Default)]
pub struct Priority(BTreeSet<(Reverse<u16>, Ticket)>);

impl Policy for Priority {
    fn join(&mut self, question: &Question) {
        self.0.insert((Reverse(question.weight), question.ticket));
    }

    fn first(&self) -> Option<Ticket> {
        self.0.first().map(|(_, ticket)| *ticket)
    }

    fn serve(&mut self, question: &Question) {
        self.quit(question);
    }

    fn quit(&mut self, question: &Question) {
        self.0.remove(&(Reverse(question.weight), question.ticket));
    }

    fn settle(&mut self, _question: &Question, _used: u64) {}

    fn order(&self) -> Vec<Ticket> {
        self.0.iter().map(|(_, ticket)| *ticket).collect()
    }
}
