//! When the host signs, what it refuses to go on from, and its key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use aos_host::journal::Reader;
use rusqlite::params;
use serde_json::json;

use super::{database, keep, key, logged};
use crate::support::{Place, guest};

/// Sizes of the stored checkpoints.
fn sizes(place: &Place) -> Vec<u64> {
    let db = database(place);
    let mut query = db.prepare("SELECT size FROM checkpoint ORDER BY size").unwrap();
    let rows = query.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    rows.map(|size| size.unwrap().unsigned_abs()).collect()
}

#[test]
fn a_checkpoint_is_made_when_a_run_ends() {
    let place = Place::new();
    logged(&place, 10);
    let first = place.entries(None).len() as u64;
    assert_eq!(sizes(&place), [first]);
    logged(&place, 300);
    let second = place.entries(None).len() as u64;
    assert_eq!(sizes(&place), [first, second]);
    // A host that only opens the log and leaves it signs nothing twice.
    place.aos(&["resume"]).expect(2);
    assert_eq!(sizes(&place), [first, second]);
}

/// Also where the host that carried it out lives on.
#[test]
fn a_run_that_is_said_to_have_ended_is_in_a_checkpoint() {
    let place = Place::new();
    let probe = guest("probe").to_str().unwrap().to_owned();
    let script = json!([{"op": "receive", "timeout_ms": 50_000}]).to_string();
    let owner = place.start(&["run", &probe, "--input", "-"], script.as_bytes());
    let since = Instant::now();
    while !place.aos(&["ps"]).stdout.contains("r1/1") {
        assert!(since.elapsed() < Duration::from_secs(30), "no run in 30 s");
    }
    let reader = Reader::open(&place.path("state")).unwrap();
    for run in 2..=9 {
        place.aos(&["run", &probe, "[]"]).expect(0);
        let newest = reader.store().newest_checkpoint().unwrap().unwrap();
        let last = reader.span(Some(run)).unwrap().unwrap().last;
        assert!(newest.size >= last, "r{run} ends at #{last}, the newest checkpoint is of #{}", newest.size);
    }
    owner.kill();
}

#[test]
fn an_idle_host_signs_what_is_on_disk_once() {
    let place = Place::new();
    let probe = guest("probe").to_str().unwrap().to_owned();
    let script = json!([{"op": "log", "text": "first"}, {"op": "receive", "timeout_ms": 50_000}]).to_string();
    let running = place.start(&["run", &probe, "--input", "-"], script.as_bytes());
    let since = Instant::now();
    while place.aos(&["audit", "checkpoint"]).code != 0 {
        assert!(since.elapsed() < Duration::from_secs(30), "no checkpoint in 30 s");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(since.elapsed() > Duration::from_secs(5), "it waited: {:?}", since.elapsed());
    let kept = keep(&place, "kept.note");
    running.kill();
    // What was shown is in the log after the crash, and in what follows.
    place.aos(&["audit", "verify", "--checkpoint", &kept]).expect(0).answers("audit ok");
    place.aos(&["resume", "r1", "--quiet"]);
    place.aos(&["run", &probe, "[]"]).expect(0);
    let key = key(&place);
    place.aos(&["audit", "verify", "--checkpoint", &kept, "--key", &key]).expect(0).answers("audit ok");
    place.aos(&["audit", "consistency", &kept]).expect(0).answers("consistent · #1–");
}

#[test]
fn a_log_of_before_checkpoints_gains_them() {
    let place = Place::new();
    let first = logged(&place, 300);
    let before = place.aos(&["audit", "export"]).expect(0).stdout;
    database(&place)
        .execute_batch("DROP TABLE checkpoint; DROP TABLE edge; DELETE FROM meta WHERE key = 'origin'")
        .unwrap();
    let ran = place.aos(&["audit", "verify"]).expect(0);
    ran.answers("· 0 checkpoints ·").says("are in no checkpoint yet");
    place.aos(&["audit", "checkpoint"]).expect(2).says("there is no checkpoint yet");
    place.aos(&["audit", "key"]).expect(2).says("nothing in this log is signed yet");
    place.aos(&["inspect"]).expect(0);
    let second = logged(&place, 3);
    assert_ne!(first, second, "another origin");
    assert!(place.aos(&["audit", "export"]).stdout.starts_with(&before));
    place.aos(&["audit", "verify", "--key", &second]).expect(0).answers("· 1 checkpoint ·");
}

#[test]
fn a_host_does_not_go_on_from_what_contradicts_its_checkpoint() {
    let place = Place::new();
    let probe = guest("probe").to_str().unwrap().to_owned();
    logged(&place, 300);
    let log = place.path("state/log.db");
    let old = fs::read(&log).unwrap();
    logged(&place, 3);
    let new = fs::read(&log).unwrap();
    let note: Vec<u8> = database(&place)
        .query_row("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1", [], |row| row.get(0))
        .unwrap();
    let size = *sizes(&place).last().unwrap() as i64;
    // Rolled back, but for the checkpoint.
    fs::write(&log, &old).unwrap();
    let add = "INSERT INTO checkpoint VALUES (?1, ?2)";
    database(&place).execute(add, params![size, note]).unwrap();
    place.aos(&["run", &probe, "[]"]).expect(6).says("rolled back");
    // The newest checkpoint is of another log.
    fs::write(&log, &new).unwrap();
    let changed = String::from_utf8(note.clone()).unwrap().replace("aos-host/", "aos-h0st/");
    let set = "UPDATE checkpoint SET note = ?2 WHERE size = ?1";
    database(&place).execute(set, params![size, changed.as_bytes()]).unwrap();
    place.aos(&["run", &probe, "[]"]).expect(6).says("it is of another log");
    database(&place).execute(set, params![size, &b"no note"[..]]).unwrap();
    place.aos(&["run", &probe, "[]"]).expect(6).says("the checkpoint of #");
    fs::write(&log, &new).unwrap();
    place.aos(&["run", &probe, "[]"]).expect(0);
}

#[test]
fn another_key_does_not_go_on_with_a_log() {
    let place = Place::new();
    let probe = guest("probe").to_str().unwrap().to_owned();
    logged(&place, 3);
    let file = place.path("config/aos-host/host.key");
    let mine = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let ran = place.aos(&["audit", "verify"]).expect(0);
    ran.says("no key is known here: the checkpoints' signatures were not checked.");
    place.aos(&["run", &probe, "[]"]).expect(6).says("another key").says("host.key");
    let ran = place.aos(&["audit", "verify"]).expect(4);
    ran.answers("it is not signed with this key; if another host made it, give its key with --key");
    fs::write(&file, &mine).unwrap();
    place.aos(&["run", &probe, "[]"]).expect(0);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    place.aos(&["run", &probe, "[]"]).expect(2).says("others can read the host's key").says("chmod 600");
    place.aos(&["audit", "key"]).expect(2).says("others can read the host's key");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "aos-host-key@v2 x\n").unwrap();
    place.aos(&["run", &probe, "[]"]).expect(2).says("is not the host's key");
}

#[test]
fn each_log_has_a_key_of_its_own_and_no_entry_has_a_private_one() {
    let place = Place::new();
    let first = logged(&place, 3);
    let state = place.path("other").to_str().unwrap().to_owned();
    place.aos(&["run", guest("probe").to_str().unwrap(), "--state", &state, "[]"]).expect(0);
    let second = place.aos(&["audit", "key", "--state", &state]).expect(0).stdout.trim_end().to_owned();
    assert_ne!(first, second);
    let ran = place.aos(&["audit", "verify", "--key", &second]).expect(4);
    ran.answers("FAILED checkpoint 1 (#1–").answers("it is not signed with this key");
    let secret = place.text("config/aos-host/host.key");
    let secret = secret.trim_end().rsplit(' ').next().unwrap();
    let everything = place.aos(&["audit", "export"]).expect(0).stdout;
    assert!(secret.len() == 44 && !everything.contains(secret));
}
