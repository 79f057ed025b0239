//! `overlay diff|apply|discard`: what a run left in an overlay is shown, made so on condition that nobody changed the base
//! meanwhile, or given up; each on record. An application that is killed is finished by the next one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Place, Started, guest};

/// Every file below a folder with its text; folders end with `/`.
fn tree(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_symlink() {
            all.push((name, "a link".into()));
        } else if path.is_dir() {
            all.push((format!("{name}/"), String::new()));
            all.extend(tree(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)));
        } else {
            all.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    all.sort();
    all
}

fn owned(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// A base with a little of everything.
fn base() -> Place {
    let place = Place::new();
    place.file("site/changed", "one\ntwo\nthree\n");
    place.file("site/kept", "kept\n");
    place.file("site/removed", "gone\n");
    place.file("site/from/old", "moved\n");
    place.file("site/folder/a", "a\n");
    place.file("site/file", "a file\n");
    place
}

/// Changes of every kind: of a file, beside it, away, to another name, of a folder to a file, of a file to a folder.
fn changes() -> Value {
    let write = |path: &str, body: &str| json!({"op": "write", "mount": "site", "path": path, "body": body, "must": true});
    let remove = |path: &str| json!({"op": "remove", "mount": "site", "path": path, "must": true});
    json!([
        write("changed", "one\n\u{1b}[2Jtwo\nthree\n"),
        write("kept", "kept\n"),
        write("new/deep", "new\n"),
        remove("removed"),
        {"op": "rename", "mount": "site", "source": "from/old", "target": "to/new", "must": true},
        remove("folder/a"),
        remove("folder"),
        write("folder", "a file now\n"),
        remove("file"),
        write("file/inner", "a folder now\n"),
        write("came-and-went", ""),
        remove("came-and-went"),
    ])
}

/// What the base is once they are made.
fn after() -> Vec<(String, String)> {
    owned(&[
        ("changed", "one\n\u{1b}[2Jtwo\nthree\n"),
        ("file/", ""),
        ("file/inner", "a folder now\n"),
        ("folder", "a file now\n"),
        ("from/", ""),
        ("kept", "kept\n"),
        ("new/", ""),
        ("new/deep", "new\n"),
        ("to/", ""),
        ("to/new", "moved\n"),
    ])
}

#[track_caller]
fn made() -> Place {
    let place = base();
    let before = tree(&place.path("site"));
    place.probe(&["--mount", "site=site:overlay"], &changes()).expect(0);
    assert_eq!(tree(&place.path("site")), before, "the run changes nothing in the base");
    place
}

/// The settlements on record: of which overlay, and how far they came.
fn settlements(place: &Place) -> Vec<Value> {
    let entries = place.entries(None);
    let overlays = entries.iter().filter(|entry| entry.kind() == "overlay");
    overlays.map(|entry| entry.event()["step"].clone()).collect()
}

#[track_caller]
fn sound(place: &Place) {
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
    place.aos(&["replay", "r1"]).expect(0).answers("identical");
    place.aos(&["inspect", "r1"]).expect(0).answers("probe");
}

#[test]
fn a_diff_shows_every_change_harmlessly() {
    let place = made();
    let shown = place.aos(&["overlay", "diff", "r1", "site"]).expect(0);
    let lines: Vec<&str> =
        shown.stdout.lines().filter(|line| !line.starts_with([' ', '+', '-', '@'])).collect();
    assert_eq!(
        lines,
        [
            "changed changed 14 B → 18 B",
            "removed file 7 B",
            "added file/inner 13 B",
            "added folder a folder → 11 B",
            "removed folder/a 2 B",
            "removed from/old 6 B",
            "added new/deep 4 B",
            "removed removed 5 B",
            "added to/new 6 B",
        ]
    );
    shown.answers("--- a/changed\n+++ b/changed\n@@ -1,3 +1,3 @@\n one\n-two\n+\\u{1b}[2Jtwo\n three\n");
    shown.answers("--- /dev/null\n+++ b/new/deep\n@@ -0,0 +1 @@\n+new\n");
    let json = place.aos(&["overlay", "diff", "r1", "site", "--json"]).expect(0);
    let first: Value = serde_json::from_str(json.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["kind"], &first["path"], &first["conflict"]),
        (&json!("change"), &json!("changed"), &Value::Null)
    );
    assert_eq!(settlements(&place), Vec::<Value>::new(), "looking changes nothing");
}

#[test]
fn an_application_is_on_record_and_happens_once() {
    let place = made();
    place.aos(&["overlay", "apply", "r1", "site"]).expect(0).answers("applied 9 changes to");
    assert_eq!(tree(&place.path("site")), after());
    assert_eq!(settlements(&place), ["applies", "applied"]);
    for verb in ["apply", "discard"] {
        place.aos(&["overlay", verb, "r1", "site"]).expect(2).says("overlay site of r1 was applied before");
    }
    place
        .aos(&["overlay", "diff", "r1", "site"])
        .expect(0)
        .says("it was applied")
        .answers("(in the base already)");
    assert_eq!(settlements(&place), ["applies", "applied"]);
    sound(&place);
    // The next run starts from what is there now.
    let read = json!([{"op": "read", "mount": "site", "path": "to/new"}]);
    let results = place.probe(&["--mount", "site=site:overlay"], &read).results();
    assert_eq!(results[0]["ok"]["data"], "moved\n");
    place.aos(&["overlay", "apply", "r2", "site"]).expect(0).answers("nothing to apply");
}

#[test]
fn a_discarded_overlay_is_given_up() {
    let place = made();
    let before = tree(&place.path("site"));
    let done = place.aos(&["overlay", "discard", "r1", "site", "--json"]).expect(0);
    let done: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((&done["what"], &done["changes"]), (&json!("discard"), &json!(9)));
    assert_eq!(tree(&place.path("site")), before);
    place.aos(&["overlay", "apply", "r1", "site"]).expect(2).says("was discarded before");
    assert_eq!(settlements(&place), ["discarded"]);
    sound(&place);
}

/// Whatever stands against it is named, and nothing is changed.
#[test]
fn conflicts_are_named_and_nothing_is_changed() {
    let place = made();
    place.file("site/changed", "somebody else's\n");
    fs::remove_file(place.path("site/removed")).unwrap();
    place.file("site/new/deep", "there already\n");
    fs::create_dir(place.path("site/to")).unwrap();
    symlink("../kept", place.path("site/to/new")).unwrap();
    fs::write(place.path("site/folder/b"), "b\n").unwrap();
    let before = tree(&place.path("site"));
    let refused = place.aos(&["overlay", "apply", "r1", "site"]).expect(1);
    for path in [
        "changed was a file of 14 bytes",
        "new/deep was nothing, now there is a file",
        "to/new was nothing, now:",
    ] {
        refused.says(path);
    }
    assert!(!refused.stderr.contains("removed was"), "it is as it is to be: {refused}");
    assert_eq!(tree(&place.path("site")), before);
    assert_eq!(settlements(&place), Vec::<Value>::new(), "nothing was begun");
    place
        .aos(&["overlay", "diff", "r1", "site"])
        .expect(0)
        .answers("conflict: changed was a file of 14 bytes");
    sound(&place);
}

/// A folder that the run has emptied and removed stays when somebody else has put something there.
#[test]
fn a_folder_that_is_not_empty_stays() {
    let place = Place::new();
    place.file("site/folder/a", "a");
    let script = json!([
        {"op": "remove", "mount": "site", "path": "folder/a", "must": true},
        {"op": "remove", "mount": "site", "path": "folder", "must": true},
    ]);
    place.probe(&["--mount", "site=site:overlay"], &script).expect(0);
    place.file("site/folder/b", "b");
    place.aos(&["overlay", "apply", "r1", "site"]).expect(0).says("folder stays: it is not empty");
    assert_eq!(tree(&place.path("site")), owned(&[("folder/", ""), ("folder/b", "b")]));
    assert_eq!(settlements(&place), ["applies", "applied"]);
}

#[test]
fn what_is_no_overlay_is_said() {
    let place = made();
    place.aos(&["overlay", "apply", "r9", "site"]).expect(2).says("there is no run r9");
    place.aos(&["overlay", "diff", "r1", "docs"]).expect(2).says("no overlay \"docs\"").says("it had: site");
    place.aos(&["overlay", "discard", "r1"]).expect(2).says("NAME");
    fs::rename(place.path("site"), place.path("elsewhere")).unwrap();
    place.aos(&["overlay", "apply", "r1", "site"]).expect(2).says("no such directory");
    symlink(place.path("state"), place.path("site")).unwrap();
    place.aos(&["overlay", "apply", "r1", "site"]).expect(2).says("the host's state directory");
    fs::remove_dir_all(place.path("home")).unwrap();
    let fresh = Place::new();
    fresh.aos(&["overlay", "apply", "r1", "site"]).expect(2).says("no log here yet");
    assert!(!fresh.path("state/log.db").exists(), "asking makes no log");
}

/// While a run goes on, its overlay is not settled; and one that was cut off has not ended.
#[test]
fn a_run_that_has_not_ended_is_not_settled() {
    let place = base();
    let script = json!([
        {"op": "write", "mount": "site", "path": "changed", "body": "new", "must": true},
        {"op": "sleep", "ms": 4_000},
        {"op": "read", "mount": "site", "path": "changed", "must": true},
        {"op": "rename", "mount": "site", "source": "kept", "target": "changed", "must": true},
    ]);
    let probe = guest("probe");
    let words = ["run", probe.to_str().unwrap(), "--mount", "site=site:overlay", "--input", "-"];
    let mut running = place.start(&words, script.to_string().as_bytes());
    while running.runs() && !settleable(&place) {
        std::thread::sleep(Duration::from_millis(20));
    }
    for verb in ["diff", "apply", "discard"] {
        place.aos(&["overlay", verb, "r1", "site"]).expect(2).says("r1 has not ended");
    }
    running.kill();
    place.aos(&["overlay", "apply", "r1", "site"]).expect(2).says("r1 has not ended");
    assert_eq!(place.text("site/changed"), "one\ntwo\nthree\n");
    // What it had written is there when it goes on.
    place.aos(&["resume", "r1"]).expect(0).answers("\"data\":\"new\"");
    place.aos(&["overlay", "apply", "r1", "site"]).expect(0).answers("applied 2 changes");
    assert_eq!(place.text("site/changed"), "kept\n");
    sound(&place);
}

/// Whether the run of the test has written.
fn settleable(place: &Place) -> bool {
    place.path("state/log.db").exists() && place.aos(&["audit", "export"]).stdout.contains("\"write\"")
}

/// Kills in a test run; AOS_SOAK=1 makes a campaign of it.
const KILLS: u32 = 8;
const CAMPAIGN: u32 = 400;
/// Files that are written; each takes the disk a moment.
const FILES: usize = 60;

/// SIGKILL while it is applied: each file is the old or the new one, the log is whole, and applying again finishes it.
#[test]
fn an_application_that_is_killed_is_finished_by_the_next() {
    let kills = if std::env::var_os("AOS_SOAK").is_some() { CAMPAIGN } else { KILLS };
    let mut cut = 0;
    for kill in 0..kills {
        let place = Place::new();
        let old = |n: usize| format!("old {n}");
        (0..FILES).for_each(|n| drop(place.file(&format!("site/f{n:02}"), old(n))));
        let step = |n: usize| match n % 3 {
            0 => {
                json!({"op": "write", "mount": "site", "path": format!("f{n:02}"), "body": "new", "must": true})
            }
            1 => json!({"op": "remove", "mount": "site", "path": format!("f{n:02}"), "must": true}),
            _ => {
                json!({"op": "rename", "mount": "site", "source": format!("f{n:02}"), "target": format!("d/g{n:02}"), "must": true})
            }
        };
        let script = Value::Array((0..FILES).map(step).collect());
        let probe = guest("probe");
        let words = ["run", probe.to_str().unwrap(), "--mount", "site=site:overlay", "--input", "-"];
        place.aos_with(&words, script.to_string().as_bytes()).expect(0);
        let mut applying = Started::new(place.command(&["overlay", "apply", "r1", "site"]), b"");
        // As soon as a file has changed, and then a little later each time.
        while applying.runs() && place.path("site/f01").exists() {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_millis(u64::from(kill % 8) * 4));
        applying.kill();
        for (path, text) in tree(&place.path("site")) {
            let whole = text.is_empty() || text == "new" || text.starts_with("old ");
            assert!(whole || path.contains(".aos-"), "kill {kill}: {path} has {text:?}");
        }
        place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
        if settlements(&place) == ["applies"] {
            // A rename is two changes.
            place.aos(&["overlay", "apply", "r1", "site"]).expect(0).answers("applied 80 changes");
            cut += 1;
        }
        let expected = |n: usize| match n % 3 {
            0 => Some((format!("f{n:02}"), "new".to_owned())),
            1 => None,
            _ => Some((format!("d/g{n:02}"), old(n))),
        };
        let mut expected: Vec<(String, String)> = (0..FILES).filter_map(expected).collect();
        expected.push(("d/".into(), String::new()));
        expected.sort();
        let whole = tree(&place.path("site")).into_iter().filter(|(path, _)| !path.contains(".aos-"));
        assert_eq!(whole.collect::<Vec<_>>(), expected, "kill {kill}");
        assert_eq!(settlements(&place), ["applies", "applied"], "kill {kill}");
        place.aos(&["replay", "r1"]).expect(0).answers("identical");
    }
    println!("{kills} kills, {cut} of them in the middle");
    assert!(cut > 0, "no kill came in time");
}
