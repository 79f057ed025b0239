//! Leads the team: only delegates. It can neither read the notes nor write the site.

use aos_guest::process::Child;
use aos_guest::{Failure, agent, ipc};

/// The mount that the synthesizer reads.
const NOTES: &str = "notes";
/// The mount that the writer writes to.
const SITE: &str = "site";

agent!(coordinate);

fn coordinate(_: Vec<u8>) -> Result<String, Failure> {
    let synthesizer = Child::spawn("synthesizer").start()?;
    let writer = Child::spawn("writer").input(SITE).start()?;
    let page = synthesizer.ask(NOTES)?;
    ipc::send("writer", &page.body)?;
    let notes = synthesizer.wait()?.text()?;
    let digest = writer.wait()?.text()?;
    Ok(format!("merged {notes} notes into {SITE}/index.html ({digest})"))
}
