//! A backup that goes on is another log.

use std::fs;
use std::path::Path;

use super::{keep, logged};
use crate::support::{Place, guest};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("components")).unwrap();
    fs::copy(from.join("log.db"), to.join("log.db")).unwrap();
    for entry in fs::read_dir(from.join("components")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join("components").join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_restored_backup_has_an_origin_of_its_own() {
    let place = Place::new();
    let old = logged(&place, 300);
    let entries = place.aos(&["audit", "export"]).expect(0).stdout;
    let backup = place.path("backup");
    copy(&place.path("state"), &backup);
    let kept = keep(&place, "kept.note");
    let backup = backup.to_str().unwrap();
    place.aos(&["audit", "restore", backup]).expect(2).says("is there already");
    place
        .aos(&["audit", "restore", "nothing", "--state", "new"])
        .expect(2)
        .says("is no copy of a state directory");
    assert!(!place.path("new").exists());
    let ran = place.aos(&["audit", "restore", backup, "--state", "new"]).expect(0);
    ran.answers(&format!("restored · #1–{} · aos-host/", entries.lines().count()));
    let new = place.aos(&["audit", "key", "--state", "new"]).expect(0).stdout.trim_end().to_owned();
    assert_ne!(old.split('+').next(), new.split('+').next());
    place.aos(&["audit", "verify", "--state", "new", "--key", &new]).expect(0).answers("· 1 checkpoint ·");
    place
        .aos(&["audit", "verify", "--state", "new", "--key", &old])
        .expect(4)
        .answers("it is not signed with this key");
    let ran = place.aos(&["audit", "verify", "--state", "new", "--checkpoint", &kept]).expect(4);
    ran.answers("it is of another log, aos-host/");
    // It goes on, and the old one too.
    for state in ["new", "state"] {
        place.aos(&["run", guest("probe").to_str().unwrap(), "--state", state, "[]"]).expect(0);
        place.aos(&["replay", "r1", "--state", state]).expect(0).answers("identical");
        assert!(place.aos(&["audit", "export", "--state", state]).stdout.starts_with(&entries));
    }
    place.aos(&["audit", "verify", "--state", "new", "--key", &new]).expect(0).answers("· 2 checkpoints ·");
    let mine = fs::read_dir(place.path(""))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".aos-restore"));
    assert_eq!(mine.count(), 0, "nothing unfinished stays");
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let place = Place::new();
    logged(&place, 300);
    let backup = place.path("backup");
    copy(&place.path("state"), &backup);
    let db = rusqlite::Connection::open(backup.join("log.db")).unwrap();
    db.execute("UPDATE checkpoint SET note = x'6e6f'", []).unwrap();
    drop(db);
    place.aos(&["audit", "restore", backup.to_str().unwrap(), "--state", "new"]).expect(6).says("is damaged");
    assert!(!place.path("new").exists());
}
