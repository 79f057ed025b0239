//! A host that is killed while runs end and are signed: every checkpoint that another program ever saw is one of the log that
//! is found afterwards.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aos_host::journal::{Reader, Sealed};
use audit::{Checkpoint, Note};

use super::{CAMPAIGN, KILLS};
use crate::support::{PATIENCE, Place, guest};

/// Terminals that hand over runs, one after the other.
const TERMINALS: usize = 3;
/// The latest moment, in microseconds after the host is up.
const LATEST: u64 = 400_000;
/// Kills on one log: each is followed by a look at all that was seen of it.
const ON_ONE_LOG: usize = 100;
/// How often the log is looked at.
const GLANCE: Duration = Duration::from_millis(1);

#[test]
fn a_checkpoint_that_was_seen_is_never_taken_back() {
    let kills = if std::env::var_os("AOS_SOAK").is_some() { CAMPAIGN } else { KILLS };
    let seen: usize =
        (0..kills).step_by(ON_ONE_LOG).map(|from| on_one_log(ON_ONE_LOG.min(kills - from))).sum();
    println!("{kills} kills, {seen} checkpoints were seen");
    assert!(seen >= kills, "only {seen} checkpoints in {kills} kills: move LATEST");
}

/// Kills hosts on one state directory; answers how many checkpoints were seen.
fn on_one_log(kills: usize) -> usize {
    let place = Place::new();
    let state = place.path("state");
    // One that is signed, so that there is something to go on from.
    place.aos(&["run", guest("probe").to_str().unwrap(), "[]"]).expect(0);
    let mut shown = vec![Reader::open(&state).unwrap().store().newest_checkpoint().unwrap().unwrap()];
    for kill in 0..kills {
        let wait = Duration::from_micros(RandomState::new().hash_one(kill) % LATEST);
        one_kill(&place, wait, &mut shown);
        is_of_the_log(&state, &shown, &format!("kill {kill} after {wait:?}"));
    }
    // The next host finds its checkpoint in order, and what comes after continues all of them.
    place.aos(&["run", guest("probe").to_str().unwrap(), "[]"]).expect(0);
    is_of_the_log(&state, &shown, "at the end");
    for sealed in [&shown[0], &shown[shown.len() / 2], &shown[shown.len() - 1]] {
        let kept = place.file("kept.note", &sealed.note);
        let kept = kept.to_str().unwrap();
        place.aos(&["audit", "verify", "--checkpoint", kept]).expect(0).answers("audit ok");
        place.aos(&["audit", "consistency", kept]).expect(0).answers("consistent");
    }
    shown.len()
}

/// A host with runs of several terminals, killed; what others see of its checkpoints meanwhile is added.
fn one_kill(place: &Place, wait: Duration, shown: &mut Vec<Sealed>) {
    let probe = guest("probe").to_str().unwrap().to_owned();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let host = place.start(&["up"], b"");
        let since = Instant::now();
        while place.aos(&["ps"]).stdout.starts_with("no host") {
            assert!(since.elapsed() < PATIENCE, "no host in {PATIENCE:?}");
        }
        scope.spawn(|| {
            let reader = Reader::open(&place.path("state")).unwrap();
            let mut look = || {
                let newest = reader.store().newest_checkpoint().unwrap().unwrap();
                if shown.last() != Some(&newest) {
                    shown.push(newest);
                }
            };
            while !over.load(Ordering::Relaxed) {
                look();
                std::thread::sleep(GLANCE);
            }
            look();
        });
        for _ in 0..TERMINALS {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    // The host may be killed under it.
                    let ran = place.aos(&["run", &probe, r#"[{"op":"log","text":"x"}]"#, "--quiet"]);
                    assert!([0, 6].contains(&ran.code), "{ran}");
                }
            });
        }
        std::thread::sleep(wait);
        host.kill();
        over.store(true, Ordering::Relaxed);
    });
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
