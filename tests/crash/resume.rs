//! Runs that go on after their host was killed: whenever it was, and however often, the result is that of an undisturbed run,
//! and the log is that of one run.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::time::{Duration, Instant};

use super::Moments;
use crate::support::{Entry, Place, Ran, guest};

/// Runs that are cut off in a test run; AOS_SOAK=1 makes a campaign of it.
const RUNS: usize = 20;
const CAMPAIGN: usize = 1_000;
/// Runs on one log: each is followed by a verification of the whole of it.
const ON_ONE_LOG: usize = 20;
/// How often one run is killed at most: while it runs, and while it is resumed.
const KILLS: u64 = 3;

const TEAM: &str = r#"[package]
name = "tally"
version = "1.0.0"
description = "Counts, whatever happens."
component = "tally.wasm"
[needs]
spawn = ["worker"]
send = ["w0", "w1"]
subscribe = ["done"]
write = ["site"]
lease = ["stage"]
infer = ["default"]
log = ["*"]
[needs.delegate]
lease = ["stage"]
publish = ["done"]
[children.worker]
component = "tally.wasm"
[children.worker.needs]
lease = ["stage"]
publish = ["done"]
"#;

/// Rounds of the team.
const ROUNDS: usize = 60;

/// Slow enough to be caught in the middle of an answer.
const MODEL: &str = "[[answer]]\ntext = \"an answer\"\ntokens-in = 3\ntokens-out = 2\nlatency-ms = 2\n";

/// A place with the team in it, and the words that run it for so many rounds.
pub fn prepared(rounds: usize) -> (Place, Vec<String>) {
    let place = Place::new();
    place.file("team/agent.toml", TEAM);
    fs::copy(guest("tally"), place.path("team/tally.wasm")).unwrap();
    place.file("model.toml", MODEL);
    let site = place.folder("site");
    let words = ["run", "team", "--model", "default=scripted:model.toml", "--mount"];
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    words.push(format!("site={}:rw", site.display()));
    words.extend(["lead".to_owned(), rounds.to_string()]);
    (place, words)
}

pub fn borrowed(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// A folder's files, but for those that a host which was killed left unfinished.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let named = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    named
        .filter(|(name, _)| !name.starts_with(".aos-"))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect()
}

#[test]
fn a_run_that_was_cut_off_comes_to_the_end_that_it_would_have_had() {
    let (place, words) = prepared(ROUNDS);
    let since = Instant::now();
    let whole = place.aos(&borrowed(&words)).expect(0);
    let mut moments = Moments::within(since.elapsed());
    assert!(whole.stdout.contains("30 numbers, 870 in all; 30 numbers, 900 in all"), "{whole}");
    let result = (whole.stdout, files(&place.path("site")));

    let runs = if std::env::var_os("AOS_SOAK").is_some() { CAMPAIGN } else { RUNS };
    let (mut cut, mut resumed) = (0, 0);
    for from in (0..runs).step_by(ON_ONE_LOG) {
        let (place, words) = prepared(ROUNDS);
        for run in from..runs.min(from + ON_ONE_LOG) {
            let kills = interrupted(&place, &words, &mut moments, &result, run);
            (cut, resumed) = (cut + usize::from(kills > 0), resumed + kills);
        }
    }
    println!("{runs} runs, {cut} of them cut off, {resumed} times in all");
    assert!(cut * 2 >= runs, "only {cut} of {runs} runs were cut off before their end");
}

/// Runs the team, kills its host up to [`KILLS`] times and resumes it; answers how often it was cut off.
fn interrupted(
    place: &Place,
    words: &[String],
    moments: &mut Moments,
    result: &(String, BTreeMap<String, Vec<u8>>),
    run: usize,
) -> usize {
    for file in files(&place.path("site")).keys() {
        fs::remove_file(place.path("site").join(file)).unwrap();
    }
    let before = newest(place);
    let mut cut = 0;
    let moment = moments.any();
    let mut ran = killed(place, &borrowed(words), moment);
    if ran.code == 0 {
        moments.was_late(moment);
    }
    for kill in 1..=KILLS {
        if ran.code != 128 + 9 {
            break;
        }
        match newest(place) {
            number if number == before => {
                moments.was_early();
                return 0;
            }
            number => {
                cut += 1;
                let name = format!("r{number}");
                let last = kill == KILLS || RandomState::new().hash_one(kill).is_multiple_of(2);
                let words = ["resume", name.as_str()];
                ran = if last { place.aos(&words) } else { killed(place, &words, moments.any()) };
            }
        }
    }
    if ran.code == 2 && (ran.stderr.contains("never began") || ran.stderr.contains("has ended")) {
        // Too early, or after all that matters.
        return 0;
    }
    let at = format!("run {run}, cut off {cut} times: {ran}");
    assert!(ran.code == 0, "{at}");
    assert_eq!(ran.stdout, result.0, "{at}");
    assert!(files(&place.path("site")) == result.1, "{at}: other files");
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
    place.aos(&["replay"]).expect(0).answers("identical");
    let shown = place.aos(&["inspect"]).expect(0);
    assert_eq!(shown.stdout.contains("resumed"), cut > 0, "{at}: {shown}");
    cut
}

/// Starts a command and kills it, unless it ends before.
fn killed(place: &Place, words: &[&str], after: Duration) -> Ran {
    let started = place.start(words, b"");
    std::thread::sleep(after);
    started.kill()
}

/// The newest run's number; 0 when there is none.
fn newest(place: &Place) -> u64 {
    let ran = place.aos(&["audit", "export"]);
    ran.stdout.lines().last().map_or(0, |line| Entry::parse(line).run())
}
