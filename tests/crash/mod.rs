//! A host that is killed with SIGKILL in the middle of a run: the log verifies, all that was shown is in it, files are whole,
//! and the next run works. What was cut off can be resumed:
//!
//! - [`resume`]: after a real kill at any moment, and after kills while it is resumed.
//! - [`sealed`]: nothing that was signed and seen is taken back.
//! - [`prefix`]: at every entry, from logs that end there. [`downtime`]: what time, rulings and rights make of it.
//! - [`refused`]: what cannot be resumed, and is not.
//! - [`power`]: the machine's power fails, or its disk does.

mod downtime;
mod power;
mod prefix;
mod refused;
mod resume;
mod sealed;

use std::collections::HashSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::time::Duration;

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
    let cut: usize = (0..kills)
        .step_by(ON_ONE_LOG)
        .map(|from| on_one_log(from..kills.min(from + ON_ONE_LOG), &mut moments))
        .sum();
    println!("{kills} kills, {cut} of them before the end of a run");
    assert!(cut * 2 >= kills, "only {cut} of {kills} kills came before the end");
}

/// Kills runs on one state directory; answers how many of them had not ended.
fn on_one_log(kills: Range<usize>, moments: &mut Moments) -> usize {
    let place = Place::new();
    let team = place.team(TEAM);
    let site = place.folder("site");
    let mount = format!("site={}:rw", site.display());
    let words = ["run", team.to_str().unwrap(), "--mount", &mount, "--input", "-"];
    let script = script().to_string();
    let mut cut = 0;
    for kill in kills {
        let wait = moments.any();
        let running = place.start(&words, script.as_bytes());
        std::thread::sleep(wait);
        let ran = running.kill();
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
        for file in fs::read_dir(&site).unwrap().map(|entry| entry.unwrap().path()) {
            let bytes = fs::read(&file).unwrap();
            let temporary = file.file_name().unwrap().to_string_lossy().starts_with(".aos-");
            let whole = (100_000..100_150).contains(&bytes.len()) && bytes.iter().all(|byte| *byte == b'x');
            assert!(temporary || whole, "{at}: {} has {} bytes", file.display(), bytes.len());
        }
    }
    place.aos(&["run", guest("probe").to_str().unwrap(), "[]"]).expect(0).answers("[]");
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
    place.aos(&["replay"]).expect(0).answers("identical");
    cut
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
