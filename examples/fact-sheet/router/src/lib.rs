//! Routes each note to an extractor that is free, and the facts of all of them to the writer. It learns the notes'
//! names and the facts' digests; what they say it does not look at.

use std::collections::HashMap;

use aos_guest::mount::Mount;
use aos_guest::process::Child;
use aos_guest::{Error, Failure, agent, ipc, log};

/// The mount with the notes.
const NOTES: &str = "notes";
/// The mount that the writer writes to.
const SITE: &str = "site";
/// The most notes of one sheet: an artifact is made from at most so many others.
const NOTES_LIMIT: usize = 16;
/// How many notes are worked on at the same time.
const EXTRACTORS: usize = 3;

agent!(route);

fn route(_: Vec<u8>) -> Result<String, Failure> {
    let notes = Mount::open(NOTES)?.names(".txt", NOTES_LIMIT)?;
    let extractors = (1..=EXTRACTORS.min(notes.len()))
        .map(|number| Child::spawn("extractor").name(&format!("extractor.{number}")).input(NOTES).start())
        .collect::<Result<Vec<Child>, Error>>()?;
    log::info(&format!("{} notes for {} extractors", notes.len(), extractors.len()))?;
    let facts = extract(&notes, &extractors)?;
    for extractor in &extractors {
        extractor.finish()?;
    }
    let writer = Child::spawn("writer").input(SITE).start()?;
    let sheet = writer.ask(facts.join("\n"))?;
    writer.finish()?;
    Ok(format!("{} notes make {SITE}/{}", notes.len(), sheet.text()?))
}

/// Gives every extractor a note, and the next one when it answers; the digests of the facts in the order of the notes.
fn extract(notes: &[String], extractors: &[Child]) -> Result<Vec<String>, Failure> {
    let mut open = notes.iter().enumerate();
    // Which note is asked about, by the id of the message that asks.
    let mut asked: HashMap<u64, usize> = HashMap::new();
    for number in 1..=extractors.len() {
        hand(&format!("extractor.{number}"), open.next(), &mut asked)?;
    }
    let mut facts = vec![String::new(); notes.len()];
    while !asked.is_empty() {
        let message = ipc::receive()?;
        if message.is_stop() {
            return Err(Error::Interrupted.into());
        }
        if message.is_exit() {
            // An extractor ends when it is told to, or because it failed.
            for extractor in extractors {
                if let Some(exit) = extractor.wait_timeout(std::time::Duration::ZERO)? {
                    exit.output()?;
                }
            }
            return Err("an extractor ended with notes left to read".into());
        }
        if let Some(note) = message.in_reply_to.and_then(|question| asked.remove(&question)) {
            message.text()?.clone_into(&mut facts[note]);
            hand(&message.sender_name, open.next(), &mut asked)?;
        }
    }
    Ok(facts)
}

/// Sends a note's name, if there is one left.
fn hand(to: &str, note: Option<(usize, &String)>, asked: &mut HashMap<u64, usize>) -> Result<(), Failure> {
    if let Some((number, name)) = note {
        asked.insert(ipc::send(to, name)?, number);
    }
    Ok(())
}
