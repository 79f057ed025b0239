//! Leads the team: sends the notes' page from the merger to the writer to the reviewer, and decides by the review note
//! whether it goes round once more. It can read and write nothing.

use aos_guest::process::Child;
use aos_guest::{Failure, agent, log};
use serde::Deserialize;

/// The mount that the merger reads.
const NOTES: &str = "notes";
/// The mount that the writer writes to and the reviewer reads.
const SITE: &str = "site";
/// How often the page is written at most.
const ROUNDS: usize = 3;

/// What the reviewer answers.
#[derive(Deserialize)]
struct Review {
    /// How many problems it found.
    problems: usize,
    /// The digest of its note.
    note: String,
}

agent!(lead);

fn lead(_: Vec<u8>) -> Result<String, Failure> {
    let merger = Child::spawn("merger").input(NOTES).start()?;
    let writer = Child::spawn("writer").input(SITE).start()?;
    let reviewer = Child::spawn("reviewer").input(SITE).start()?;
    let mut draft = merger.ask("")?;
    for round in 1..=ROUNDS {
        let page = writer.ask(&draft.body)?;
        let review: Review = reviewer.ask(&page.body)?.json()?;
        if review.problems == 0 {
            for child in [&merger, &writer, &reviewer] {
                child.finish()?;
            }
            let digest = page.text()?;
            return Ok(format!("accepted in round {round}: {SITE}/page.md ({digest})"));
        }
        log::info(&format!("round {round}: sent back, problems: {} (see {})", review.problems, review.note))?;
        if round < ROUNDS {
            draft = merger.ask(&review.note)?;
        }
    }
    // What was not accepted must not look as if it were: the page is there, and the run failed.
    Err(format!("the reviewer still objects to {SITE}/page.md after {ROUNDS} rounds").into())
}
