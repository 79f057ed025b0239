//! A host that is killed with SIGKILL in the middle of a run: the log verifies, all that was shown is in it, files are whole,
//! the next run works, and every checkpoint that anybody saw is one of the log that is found. What was cut off can be resumed:
//!
//! - [`resume`]: after a real kill at any moment, and after kills while it is resumed.
//! - [`prefix`]: at every entry, from logs that end there. [`downtime`]: what time, rulings and rights make of it.
//! - [`refused`]: what cannot be resumed, and is not.
//! - [`power`]: the machine's power fails, or its disk does.

mod downtime;
mod power;
mod prefix;
mod refused;
mod resume;

use std::collections::HashSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aos_host::journal::{Reader, Sealed};
use audit::{Checkpoint, Note};
use serde_json::{Value, json};

use crate::support::{Place, guest};

/// Kills in a test run; AOS_SOAK=1 makes a campaign of it.
const KILLS: usize = 20;
const CAMPAIGN: usize = 1_000;
/// Kills on one log: each is followed by a verification of the whole of it.
const ON_ONE_LOG: usize = 50;
/// What a run is thought to take before one was seen.
const THOUGHT: Duration = Duration::from_millis(250);

/// Moments for kills, spread over what a run takes, which depends on the machine and on what else it does.
pub struct Moments(Duration);

impl Moments {
    /// Within a run that takes so long.
    pub fn within(run: Duration) -> Moments {
        Moments(run)
    }

    /// Some moment after a run's start.
    pub fn any(&self) -> Duration {
        let latest = u64::try_from(self.0.as_nanos()).unwrap().max(1);
        Duration::from_nanos(RandomState::new().hash_one(()) % latest)
    }

    /// About the moment of its end, when the checkpoint of a run is signed.
    fn about_the_end(&self) -> Duration {
        self.0 * 9 / 10 + self.any() / 2
    }

    /// The run had ended by then.
    pub fn was_late(&mut self, moment: Duration) {
        self.0 = self.0.min(moment.max(self.0 / 2));
    }

    /// The run had not begun by then.
    pub fn was_early(&mut self) {
        self.0 = self.0 * 5 / 4;
    }
}

/// Lines, files outside, scratch files, a child with messages: each line and file tells which it is.
fn script() -> Value {
    let round = |n: usize| {
        vec![
            json!({"op": "log", "text": format!("line {n}")}),
            json!({"op": "write", "mount": "site", "path": format!("f{}", n % 7), "size": 100_000 + n}),
            json!({"op": "write", "mount": "scratch", "path": "own", "body": format!("{n}")}),
            json!({"op": "send", "to": "idle", "body": format!("{n}"), "wait_ms": 0}),
        ]
    };
    let mut steps = vec![json!({"op": "spawn", "component": "idle"})];
    steps.extend((0..150).flat_map(round));
    Value::Array(steps)
}

const TEAM: &str = "[package]\nname = \"team\"\nversion = \"1.0.0\"\ndescription = \"A team that is killed.\"\n\
    component = \"probe.wasm\"\n[needs]\nspawn = [\"idle\"]\nsend = [\"idle\"]\nwrite = [\"site\"]\nlog = [\"*\"]\n\
    [children.idle]\ncomponent = \"idle.wasm\"\n";

#[test]
fn a_host_that_is_killed_loses_nothing_that_was_shown() {
    let kills = if std::env::var_os("AOS_SOAK").is_some() { CAMPAIGN } else { KILLS };
    let mut moments = Moments::within(THOUGHT);
    let (mut cut, mut seen) = (0, 0);
    for from in (0..kills).step_by(ON_ONE_LOG) {
        let on_one = on_one_log(from..kills.min(from + ON_ONE_LOG), &mut moments);
        (cut, seen) = (cut + on_one.0, seen + on_one.1);
    }
    println!("{kills} kills, {cut} of them before the end of a run; {seen} checkpoints were seen");
    assert!(cut * 2 >= kills, "only {cut} of {kills} kills came before the end");
    assert!(seen > 0, "nobody saw a checkpoint: no kill came after the end of a run");
}

/// Kills runs on one state directory; answers how many of them had not ended, and how many checkpoints were seen.
fn on_one_log(kills: Range<usize>, moments: &mut Moments) -> (usize, usize) {
    let place = Place::new();
    let team = place.team(TEAM);
    let site = place.folder("site");
    let mount = format!("site={}:rw", site.display());
    let words = ["run", team.to_str().unwrap(), "--mount", &mount, "--input", "-"];
    let script = script().to_string();
    let mut cut = 0;
    let mut shown = Vec::new();
    for kill in kills {
        let wait = if kill % 4 == 3 { moments.about_the_end() } else { moments.any() };
        let running = place.start(&words, script.as_bytes());
        let ran = seen_meanwhile(&place.path("state"), &mut shown, || {
            std::thread::sleep(wait);
            running.kill()
        });
        match ran.code {
            137 => cut += 1,
            _ => moments.was_late(wait),
        }
        let at = format!("kill {kill} after {wait:?}");
        if !place.path("state/log.db").exists() {
            moments.was_early();
            continue;
        }
        let verified = place.aos(&["audit", "verify"]);
        if verified.code == 2 && verified.stderr.contains("there is no log here yet") {
            moments.was_early();
            continue;
        }
        assert!(verified.code == 0, "{at}: {verified}\n{ran}");
        shown_is_kept(&place, &ran.stderr, &at);
        is_of_the_log(&place.path("state"), &shown, &at);
        for file in fs::read_dir(&site).unwrap().map(|entry| entry.unwrap().path()) {
            let bytes = fs::read(&file).unwrap();
            let temporary = file.file_name().unwrap().to_string_lossy().starts_with(".aos-");
            let whole = (100_000..100_150).contains(&bytes.len()) && bytes.iter().all(|byte| *byte == b'x');
            assert!(temporary || whole, "{at}: {} has {} bytes", file.display(), bytes.len());
        }
    }
    place.aos(&["run", guest("probe").to_str().unwrap(), "[]"]).expect(0).answers("[]");
    is_of_the_log(&place.path("state"), &shown, "at the end");
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
    place.aos(&["replay"]).expect(0).answers("identical");
    (cut, shown.len())
}

/// Does something, and takes note of every checkpoint that another program sees meanwhile.
fn seen_meanwhile<T>(state: &Path, shown: &mut Vec<Sealed>, something: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut reader = None;
            while !over.load(Ordering::Relaxed) {
                reader = reader.or_else(|| Reader::open(state).ok());
                let newest = reader.as_ref().and_then(|reader| reader.store().newest_checkpoint().ok()?);
                if let Some(newest) = newest.filter(|newest| !shown.contains(newest)) {
                    shown.push(newest);
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let done = something();
        over.store(true, Ordering::Relaxed);
        done
    })
}

/// Every checkpoint that was seen is stored, and its root is that of the log's first entries.
#[track_caller]
fn is_of_the_log(state: &Path, shown: &[Sealed], at: &str) {
    let reader = Reader::open(state).unwrap();
    for sealed in shown {
        let note = Note::parse(&sealed.note).unwrap();
        let checkpoint: Checkpoint = note.text().parse().unwrap();
        let store = reader.store();
        assert_eq!(store.checkpoint_from(sealed.size).unwrap().as_ref(), Some(sealed), "{at}");
        assert_eq!(store.root_at(sealed.size).unwrap(), checkpoint.root, "{at}: #1 to #{}", sealed.size);
    }
}

/// Every line that standard error showed of a run's agents is in the log.
#[track_caller]
fn shown_is_kept(place: &Place, stderr: &str, at: &str) {
    // The last line may be cut off by the kill.
    let whole = stderr.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let shown: Vec<&str> = whole.lines().filter(|line| line.contains(" info: ")).collect();
    let Some(run) = shown.first().and_then(|line| line.split('/').next()) else { return };
    let logs = place.aos(&["logs", run]).expect(0).stdout;
    let kept: HashSet<&str> = logs.lines().filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    for line in shown {
        assert!(kept.contains(line), "{at}: {line:?} was shown and is not in the log");
    }
}
