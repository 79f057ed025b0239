//! Logs that end at a chosen entry, as if the host had been killed right after it was on disk. A kill seldom hits the gap
//! between an intent and its outcome, or between two entries that belong together; here each is hit.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use aos_host::host::HostKey;
use aos_host::journal::{Body, Item, Journal, Reader, Store};
use aos_host::kernel::entry::Entry;
use serde_json::json;

use super::resume::{borrowed, files, prepared};
use crate::support::{self, Place, Ran};

/// Ends that are tried in a test run, spread over the whole; AOS_SOAK=1 tries every one.
const ENDS: usize = 24;
/// Rounds of the team: each kind of call is made.
const ROUNDS: usize = 20;

/// A run's entries with their bodies.
pub struct Log(pub Vec<(Entry, Option<Body>)>);

impl Log {
    /// A place's.
    pub fn read(place: &Place) -> Log {
        let reader = Reader::open(&place.path("state")).unwrap();
        let mut entries = Vec::new();
        let (size, _) = reader.head().unwrap();
        reader
            .lines(1, size, |_, line| {
                entries.push(Entry::parse(line).unwrap());
                Ok::<_, aos_host::journal::StoreError>(())
            })
            .unwrap();
        let stored = |seq| {
            let body = reader.body(seq).unwrap()?;
            Some(if body.salt.is_some() {
                Body::Salted(body.data.into())
            } else {
                Body::Plain(body.data.into())
            })
        };
        Log(entries.into_iter().map(|entry| (entry.clone(), stored(entry.seq))).collect())
    }

    /// Makes its first entries the whole log of a place, with other bodies for some of them.
    pub fn write(&self, place: &Place, entries: usize, bodies: &BTreeMap<u64, &'static [u8]>) {
        let state = place.path("state");
        for file in ["log.db", "log.db-wal", "log.db-shm"] {
            if state.join(file).exists() {
                fs::remove_file(state.join(file)).unwrap();
            }
        }
        let store = Store::open(&state).unwrap();
        let origin = store.origin().unwrap().unwrap();
        let key = HostKey::own(&place.path("config/aos-host")).unwrap().of_log(&origin).unwrap();
        let journal = Journal::start(store, key).unwrap();
        for (entry, body) in &self.0[..entries] {
            let mut line = entry.clone();
            let other = bodies.get(&entry.seq).map(|bytes| Body::Salted((*bytes).into()));
            if let (Some(Body::Salted(bytes)), Some(blob)) = (&other, &mut line.body) {
                blob.size = bytes.len() as u64;
            }
            journal.append(Item { line, body: other.or_else(|| body.clone()) });
        }
        journal.close();
    }
}

/// What lay in the mount `site` after so many entries: what was written, without what was only meant.
fn site(log: &[support::Entry], bodies: &Log) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for outcome in log.iter().filter(|entry| entry.kind() == "outcome" && entry.out()["Ok"] != json!(null)) {
        let of = outcome.event()["of"].as_u64().unwrap();
        change(&mut files, &log[of as usize - 1], bodies);
    }
    files
}

/// Makes the change that an intent means.
fn change(files: &mut BTreeMap<String, Vec<u8>>, intent: &support::Entry, bodies: &Log) {
    let text = |key: &str| intent.arguments()[key].as_str().unwrap().to_owned();
    match intent.verb() {
        "write" => {
            let Some(Body::Plain(body) | Body::Salted(body)) = &bodies.0[intent.seq() as usize - 1].1 else {
                panic!("{intent:?} has no body")
            };
            files.insert(text("path"), body.to_vec());
        }
        "remove" => drop(files.remove(&text("path"))),
        "rename" => {
            let moved = files.remove(&text("source")).unwrap();
            files.insert(text("target"), moved);
        }
        _ => {}
    }
}

fn lay(place: &Place, wanted: &BTreeMap<String, Vec<u8>>) {
    let site = place.path("site");
    fs::remove_dir_all(&site).unwrap();
    place.folder("site");
    for (name, bytes) in wanted {
        fs::write(site.join(name), bytes).unwrap();
    }
}

/// Resumes the run. What another test starts at the same moment holds our lock on the log until it is another program: then
/// once more.
#[track_caller]
pub fn resumed(place: &Place) -> Ran {
    let since = Instant::now();
    loop {
        let ran = place.aos(&["resume", "r1"]);
        if ran.code != 6 || since.elapsed() > Duration::from_secs(30) {
            return ran;
        }
    }
}

#[test]
fn a_run_can_be_resumed_from_each_of_its_entries() {
    let (place, words) = prepared(ROUNDS);
    let whole = place.aos(&borrowed(&words)).expect(0);
    let result = (whole.stdout, files(&place.path("site")));
    let (entries, log) = (place.entries(None), Log::read(&place));
    let last = entries.len() - 1;
    let every = std::env::var_os("AOS_SOAK").is_some();
    // The pairs that belong together are always among them.
    let split = |at: usize| ["start", "end"].contains(&entries[at].kind());
    let doubt = |at: usize| entries[at - 1].kind() == "intent";
    let sampled = |at: usize| at.is_multiple_of((last / ENDS).max(1));
    let mut tried = 0;
    for at in
        (1..=last).filter(|at| every || split(*at) || sampled(*at) || (doubt(*at) && at.is_multiple_of(3)))
    {
        let cut = &entries[at - 1];
        let before = site(&entries[..at], &log);
        let mut after = before.clone();
        change(&mut after, cut, &log);
        let moments =
            if cut.kind() == "intent" && before != after { vec![before, after] } else { vec![before] };
        for there in moments {
            log.write(&place, at, &BTreeMap::new());
            lay(&place, &there);
            let ran = resumed(&place);
            if at == 1 {
                assert!(ran.code == 2 && ran.stderr.contains("never began"), "{ran}");
                continue;
            }
            assert!(ran.code == 0 && ran.stdout == result.0, "cut off after {cut:?}: {ran}");
            assert!(files(&place.path("site")) == result.1, "cut off after {cut:?}: other files");
            place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
            place.aos(&["replay"]).expect(0).answers("identical");
            tried += 1;
        }
    }
    println!("{tried} ends of {last}");
}

#[test]
fn what_nobody_knows_is_said_and_what_is_there_stays() {
    let (place, words) = prepared(ROUNDS);
    place.aos(&borrowed(&words)).expect(0);
    let (entries, log) = (place.entries(None), Log::read(&place));
    let write = entries.iter().find(|entry| entry.kind() == "intent" && entry.verb() == "write").unwrap();
    log.write(&place, write.seq() as usize, &BTreeMap::new());
    let path = write.arguments()["path"].as_str().unwrap();
    lay(&place, &BTreeMap::from([(path.to_owned(), b"somebody else's".to_vec())]));
    resumed(&place).expect(1).says("unknown-outcome");
    assert_eq!(place.text(&format!("site/{path}")), "somebody else's");
    place.aos(&["replay"]).expect(0).answers("identical");
}

#[test]
fn a_process_that_does_something_else_now_ends_on_record_and_the_others_go_on() {
    let (place, words) = prepared(ROUNDS);
    place.aos(&borrowed(&words)).expect(0);
    let (entries, log) = (place.entries(None), Log::read(&place));
    // The log says that a worker wrote another sum than it does.
    let worker = entries.iter().filter(|entry| entry.pid() == 2 && entry.verb() == "publish").nth(1).unwrap();
    let cut = entries.iter().find(|entry| entry.seq() > worker.seq() + 8 && entry.pid() == 1).unwrap();
    log.write(&place, cut.seq() as usize, &BTreeMap::from([(worker.seq(), &b"999"[..])]));
    lay(&place, &site(&entries[..cut.seq() as usize], &log));
    let ran = resumed(&place).expect(1);
    ran.says("r1/2 w0 failed: it cannot be resumed: call").says("was logged as ipc.publish");
    let ended: Vec<_> = place.entries(None).into_iter().filter(|entry| entry.kind() == "exit").collect();
    assert!(ended.iter().any(|exit| exit.pid() == 3), "the other worker ended too");
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
}

#[test]
fn what_is_missing_or_was_changed_by_hand_is_named() {
    let (place, words) = prepared(ROUNDS);
    place.aos(&["resume"]).expect(2);
    place.aos(&borrowed(&words)).expect(0);
    place.aos(&["resume"]).expect(2).says("every run has ended");
    place.aos(&["resume", "r1"]).expect(2).says("r1 has ended");
    place.aos(&["resume", "r7"]).expect(2).says("there is no run r7");
    let (entries, log) = (place.entries(None), Log::read(&place));
    let half = entries.len() / 2;
    log.write(&place, half, &BTreeMap::new());
    let components: Vec<_> = fs::read_dir(place.path("state/components")).unwrap().collect();
    let component = components[0].as_ref().unwrap().path();
    let bytes = fs::read(&component).unwrap();
    fs::write(&component, "other").unwrap();
    resumed(&place).expect(2).says("is not the component that its name says");
    fs::write(&component, bytes).unwrap();
    fs::remove_dir_all(place.path("site")).unwrap();
    place.aos(&["resume"]).expect(2).says("cannot mount");
    // Nothing of this is on record: the run is as it was.
    assert_eq!(place.entries(None).len(), half);
}
