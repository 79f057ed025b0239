//! What was found: a line for people, or one of JSON; and what the reader has to know beside it.

use serde::Serialize;

use crate::cli::failure::{Code, Failure};
use crate::cli::out::{Out, note};
use crate::cli::view::escape::visible;

/// What `audit verify --json` answers.
#[derive(Debug, Default, Serialize)]
pub struct Answered {
    /// Whether all of it holds.
    pub ok: bool,
    /// Entries that were read.
    pub entries: u64,
    /// Runs in the log; 0 where only a part of it was looked at.
    pub runs: usize,
    /// The root that they give.
    pub root: Option<String>,
    /// Bodies that are there.
    pub bodies_present: u64,
    /// Bodies that entries commit to.
    pub bodies_committed: u64,
    /// Bodies that were erased, as entries say; the others that are not there are missing.
    pub bodies_erased: u64,
    /// Runs whose entries could not be folded.
    pub runs_without_grant: usize,
    /// Checkpoints that hold.
    pub checkpoints: u64,
    /// The number of the last entry that a checkpoint is of.
    pub signed: u64,
    /// The key of the host that checked, when the verifier brought none.
    pub own_key: Option<String>,
    /// How many witnesses saw it, of those that were asked for.
    pub witnesses: usize,
    /// What is wrong.
    pub fault: Option<String>,
}

/// What is found.
#[derive(Debug)]
pub struct Verdict {
    /// The line, without its first word.
    pub text: String,
    /// What the reader has to know beside it.
    pub notes: Vec<String>,
    /// The same for programs.
    pub answered: Answered,
}

impl Verdict {
    /// That something does not hold.
    pub fn failed(fault: &str, answered: Answered) -> Verdict {
        let fault = visible(fault);
        let answered = Answered { ok: false, fault: Some(fault.clone()), ..answered };
        Verdict { text: fault, notes: Vec::new(), answered }
    }

    /// Shows it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn show(self, json: bool, out: &mut Out) -> Result<Code, Failure> {
        let ok = self.answered.ok;
        match json {
            true => out.json("audit", &self.answered)?,
            false => out.line(&format!("{} {}", if ok { "audit ok" } else { "FAILED" }, self.text))?,
        }
        // The notes are about the line.
        out.finish()?;
        self.notes.iter().for_each(|line| note(line));
        Ok(if ok { Code::Ok } else { Code::NotVerified })
    }
}

/// `1 checkpoint`, `3 checkpoints`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", ledger::grouped(n), if n == 1 { one } else { many })
}
