//! Leads the team: only delegates. It can neither read the notes nor write the site.

use std::time::Duration;

use aos_guest::ipc::{self, Message};
use aos_guest::process::Child;
use aos_guest::{Error, Failure, agent};

/// The mount that the synthesizer reads.
const NOTES: &str = "notes";
/// The mount that the writer writes to.
const SITE: &str = "site";

agent!(coordinate);

fn coordinate(_: Vec<u8>) -> Result<String, Failure> {
    let synthesizer = Child::spawn("synthesizer").start()?;
    let writer = Child::spawn("writer").input(SITE).start()?;
    ipc::send("synthesizer", NOTES)?;
    let page = answer(&synthesizer, "synthesizer")?;
    ipc::send("writer", &page.body)?;
    let notes = text(synthesizer.wait()?.output()?)?;
    let digest = text(writer.wait()?.output()?)?;
    Ok(format!("merged {notes} notes into {SITE}/index.html ({digest})"))
}

/// A child's message, or why there will be none.
fn answer(child: &Child, name: &str) -> Result<Message, Failure> {
    let mut ended = false;
    loop {
        // After its end whatever it sent is in the mailbox already.
        let message = if ended { ipc::receive_timeout(Duration::ZERO)? } else { Some(ipc::receive()?) };
        match message {
            None => return Err(format!("{name} ended without an answer").into()),
            Some(message) if message.is_stop() => return Err(Error::Interrupted.into()),
            Some(message) if message.is_exit() => {
                if let Some(exit) = child.wait_timeout(Duration::ZERO)? {
                    exit.output()?;
                    ended = true;
                }
            }
            Some(message) if message.sender == child.pid() => return Ok(message),
            Some(_) => {}
        }
    }
}

fn text(output: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(output).map_err(|_| Failure::new("a child's output is not UTF-8"))
}
