//! Logs from which a run cannot go on as it was: they are refused, with what would help, and nothing is written to them.

use std::collections::BTreeMap;

use aos_host::kernel::entry::Event;

use super::prefix::{Log, resumed};
use super::resume::{borrowed, prepared};
use crate::support::{Entry, Place, Ran};

const ROUNDS: usize = 6;

/// A run that was cut off in the middle, as it stands in its log.
fn cut() -> (Place, Vec<Entry>, Log) {
    let (place, words) = prepared(ROUNDS);
    place.aos(&borrowed(&words)).expect(0);
    let mut entries = place.entries(None);
    entries.truncate(entries.len() * 2 / 3);
    let log = Log::read(&place);
    (place, entries, log)
}

/// Tries to resume a log of so many entries; it stays as it is, and can still be looked at.
#[track_caller]
fn refused(place: &Place, log: &Log, entries: usize) -> Ran {
    log.write(place, entries, &BTreeMap::new());
    let ran = resumed(place).expect(2);
    assert_eq!(place.entries(None).len(), entries, "nothing of it is on record: {ran}");
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
    place.aos(&["inspect", "r1"]).expect(0).answers("unfinished");
    ran
}

/// A body that resuming needs and that was pruned is named, whichever it is: the root's input, a message that was received, what a
/// model answered, a file that was written.
#[test]
fn a_run_whose_bodies_were_pruned() {
    let (place, entries, mut log) = cut();
    let with_body = |kind: &str, verb: &str| {
        let has = |entry: &&Entry| entry.kind() == kind && entry.verb() == verb && !entry.body().is_null();
        entries.iter().find(has).unwrap_or_else(|| panic!("no {kind} {verb}")).seq()
    };
    let answered = |entry: &&Entry| entry.kind() == "outcome" && !entry.body().is_null();
    let answer = entries.iter().find(answered).unwrap().seq();
    for seq in [with_body("start", ""), with_body("call", "publish"), answer, with_body("intent", "write")] {
        let body = log.0[seq as usize - 1].1.take();
        let ran = refused(&place, &log, entries.len());
        ran.says(&format!("the body of #{seq} is not stored any more")).says("cannot be replayed or resumed");
        log.0[seq as usize - 1].1 = body;
    }
    log.write(&place, entries.len(), &BTreeMap::new());
    resumed(&place).expect(0);
}

/// A run that was metered by other rules would not come to where it was.
#[test]
fn a_run_of_other_semantics() {
    let (place, entries, mut log) = cut();
    let Event::Run(opening) = &mut log.0[0].0.event else { panic!("the first entry opens the run") };
    let own = std::mem::replace(&mut opening.semantics, "wasmtime 47; fuel 9".into());
    opening.host = "0.0.9".into();
    // A host of then did not name what its runs stand on.
    opening.names = None;
    let ran = refused(&place, &log, entries.len());
    ran.says("r1 was made with other semantics: wasmtime 47; fuel 9; this host has").says(&own);
    ran.says("resume it with aos-host 0.0.9; it can be inspected with this one");
}
