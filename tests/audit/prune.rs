//! Bodies that are erased: they are gone from the disk, every proof still verifies, and what was erased is on record.

use std::fs;

use serde_json::{Value, json};

use super::{database, key, logged};
use crate::support::{Place, guest};

/// What nobody is to find any more.
const SECRET: &str = "the patient's name is Ada Lovelace";

/// Logs a few lines with the secret, and puts it into a file of its own.
fn confided(place: &Place) {
    let line = |n: usize| json!({"op": "log", "text": format!("{n}: {SECRET}")});
    let mut steps: Vec<Value> = (0..40).map(line).collect();
    // More than a page, so that the database has it in pages of its own.
    steps.push(json!({"op": "write", "mount": "scratch", "path": "a", "body": SECRET.repeat(400)}));
    place.probe(&["--quiet"], &json!(steps)).expect(0);
}

/// Whether a file of the state directory has the secret.
fn is_found(place: &Place) -> bool {
    let files = fs::read_dir(place.path("state")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).any(|path| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes())
    })
}

/// `audit verify --json`.
fn verified(place: &Place) -> Value {
    serde_json::from_str(place.aos(&["audit", "verify", "--json"]).expect(0).stdout.trim()).unwrap()
}

#[test]
fn what_is_erased_is_gone_and_proofs_hold() {
    let place = Place::new();
    confided(&place);
    assert!(is_found(&place));
    let (key, all) = (key(&place), verified(&place));
    let (entries, bodies) = (all["entries"].as_u64().unwrap(), all["bodies_committed"].as_u64().unwrap());
    let lines = place.aos(&["audit", "export"]).expect(0).stdout;
    place.aos(&["audit", "prove", "5", "-o", "before.tlog-proof"]).expect(0);
    let kept = super::keep(&place, "kept.note");

    place.aos(&["audit", "prune", "--before", "#9999"]).expect(2).says("--bodies");
    let ran = place.aos(&["audit", "prune", "--bodies", "--before", "#9999"]).expect(0);
    // All but the grant.
    let erased = bodies - 1;
    ran.answers(&format!("erased {erased} bodies (")).answers(&format!(
        ") of 1 run before #{} · #{}",
        entries + 1,
        entries + 1
    ));
    ran.says("cannot be replayed");
    assert!(!is_found(&place), "it is in no file of the state directory");

    let now = verified(&place);
    assert_eq!((&now["bodies_present"], &now["bodies_erased"]), (&json!(1), &json!(erased)));
    place
        .aos(&["audit", "verify"])
        .expect(0)
        .answers(&format!("bodies 1/{bodies} ({erased} erased) · views match"));
    place.aos(&["audit", "verify", "--key", &key, "--checkpoint", &kept]).expect(0);
    place.aos(&["audit", "verify", "before.tlog-proof", "--key", &key]).expect(0);
    place.aos(&["audit", "prove", "6", "-o", "after.tlog-proof"]).expect(0);
    place.aos(&["audit", "verify", "after.tlog-proof", "--key", &key]).expect(0);
    place.aos(&["audit", "export", "r1", "-o", "r1.aos", "--bodies"]).expect(0);
    place.aos(&["audit", "verify", "r1.aos", "--key", &key]).expect(0);
    assert!(place.aos(&["audit", "export"]).expect(0).stdout.starts_with(&lines), "every entry is as it was");
    let last = place.entries(None).pop().unwrap();
    assert_eq!((last.kind(), last.run(), last.pid()), ("erase", 1, 0));
    assert_eq!(
        (&last.event()["bodies"], last.event()["ranges"][0][1].as_u64()),
        (&json!(erased), Some(entries - 1))
    );

    place.aos(&["inspect", "r1"]).expect(0).answers(&format!("{erased} bodies erased"));
    place.aos(&["replay", "r1"]).expect(2).says("is not stored any more");
    place.aos(&["resume", "r1"]).expect(2).says("r1 has ended");
    let again = place.aos(&["audit", "prune", "--bodies", "--before", "#9999"]).expect(0);
    again.answers(&format!("nothing to erase before #{}", entries + 2));
    // The log goes on.
    logged(&place, 3);
    place.aos(&["replay"]).expect(0).answers("identical");
}

/// A body that goes without an entry that says so is told from one that was erased.
#[test]
fn what_is_missing_was_not_erased() {
    let place = Place::new();
    logged(&place, 10);
    place.aos(&["audit", "prune", "--bodies", "--before", "#5"]).expect(0).answers("erased 3 bodies");
    database(&place).execute("DELETE FROM body WHERE seq = 6", []).unwrap();
    place.aos(&["audit", "verify"]).expect(0).answers("(3 erased, 1 missing)");
}

#[test]
fn a_run_or_a_time_bounds_it() {
    let place = Place::new();
    logged(&place, 3);
    logged(&place, 3);
    let second = place.entries(Some("r2"))[0].clone();
    let ran = place
        .aos(&["audit", "prune", "--bodies", "--before", "9999-01-01", "--run", "r2", "--json"])
        .expect(0);
    let pruned: Value = serde_json::from_str(ran.stdout.trim()).unwrap();
    assert_eq!((&pruned["kind"], &pruned["runs"]), (&json!("pruned"), &json!(1)));
    place.aos(&["replay", "r1"]).expect(0).answers("identical");
    place.aos(&["replay", "r2"]).expect(2);
    // Before the second run began.
    place
        .aos(&["audit", "prune", "--bodies", "--before", "1970-01-02"])
        .expect(0)
        .answers("nothing to erase before #1");
    place
        .aos(&["audit", "prune", "--bodies", "--before", &second.seq().to_string()])
        .expect(0)
        .answers("of 1 run before");
    place.aos(&["replay", "r1"]).expect(2).says("is not stored any more");
    place
        .aos(&["audit", "prune", "--bodies", "--before", "#3", "--run", "r7"])
        .expect(2)
        .says("there is no run r7");
    for bad in ["soon", "2026-02-30", "#"] {
        place.aos(&["audit", "prune", "--bodies", "--before", bad]).expect(2).says("2026-01-31");
    }
}

/// A host that runs does it, and goes on; what has not ended keeps its bodies.
#[test]
fn a_host_that_runs_erases_for_another_terminal() {
    let place = Place::new();
    confided(&place);
    let host = crate::terminal::owner::Owner::of(place, &["up"]);
    let open = host.probe(&[], &json!([{"op": "log", "text": "still here"}, {"op": "receive"}]));
    host.waiting(1);
    let ran = host.place.aos(&["audit", "prune", "--bodies", "--before", "#9999"]).expect(0);
    ran.answers(" of 1 run before").says("note: the bodies of 1 run that has not ended stay");
    host.place
        .aos(&["audit", "prune", "--bodies", "--before", "#9999", "--run", "r2"])
        .expect(2)
        .says("r2 has not ended");
    host.place.aos(&["stop", "r2"]).expect(0);
    open.wait().expect(0);
    let (place, _) = host.down();
    assert!(!is_found(&place));
    place.aos(&["replay", "r2"]).expect(0).answers("identical");
}

/// What was freed is used again: a log that is pruned as it is written stays as large as it was.
#[test]
fn the_disk_is_bounded() {
    let place = Place::new();
    let load = guest("probe");
    let body = json!({"op": "write", "mount": "scratch", "path": "a", "size": 1_000_000});
    let script = json!([{"op": "repeat", "n": 8, "steps": [body]}]).to_string();
    let mut sizes = Vec::new();
    for _ in 0..4 {
        place
            .aos(&["run", load.to_str().unwrap(), &script, "--quiet", "--budget", "bytes-stored=64MiB"])
            .expect(0);
        place.aos(&["audit", "prune", "--bodies", "--before", "9999-01-01"]).expect(0).answers("erased");
        sizes.push(fs::metadata(place.path("state/log.db")).unwrap().len());
    }
    println!("after each of four rounds of 8 MB that are erased: {sizes:?} bytes");
    assert!(sizes[0] > 8_000_000 && sizes[3] < sizes[0] + sizes[0] / 10, "{sizes:?}");
    place.aos(&["audit", "verify"]).expect(0);
}
