//! Overlays: what a run changes in a directory that is only read. To agents it is a mount like the others.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::case::{fits, shown};
use super::mounts::{check, every_condition};
use super::team::team;
use crate::support::Place;

const OVERLAY: [&str; 2] = ["--mount", "site=site:overlay"];

/// Of `one`.
const ONE: &str = "sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";

fn write(path: &str, body: &str) -> Value {
    json!({"op": "write", "mount": "site", "path": path, "body": body})
}

fn read(path: &str) -> Value {
    json!({"op": "read", "mount": "site", "path": path})
}

fn remove(path: &str) -> Value {
    json!({"op": "remove", "mount": "site", "path": path})
}

fn rename(source: &str, target: &str) -> Value {
    json!({"op": "rename", "mount": "site", "source": source, "target": target})
}

fn list(path: &str) -> Value {
    json!({"op": "list", "mount": "site", "path": path})
}

fn is(text: &str) -> Value {
    json!({"ok": {"data": text}})
}

/// Every file below a folder with its text.
pub fn files(folder: &std::path::Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            true => {
                all.extend(files(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)))
            }
            false => all.push((name, fs::read_to_string(&path).unwrap())),
        }
    }
    all.sort();
    all
}

#[track_caller]
fn steps(place: &Place, steps: &[(Value, Value)]) -> crate::support::Run {
    let (script, answers): (Vec<Value>, Vec<Value>) = steps.iter().cloned().unzip();
    let before = files(&place.path("site"));
    let run = place.probe(&OVERLAY, &Value::Array(script.clone()));
    check(&Value::Array(script), &run.results(), &Value::Array(answers));
    assert_eq!(files(&place.path("site")), before, "the base is only read");
    run
}

#[test]
fn an_overlay_holds_every_condition() {
    let place = Place::new();
    place.folder("site");
    let (script, answers) = every_condition("site");
    let run = place.probe(&OVERLAY, &script);
    check(&script, &run.results(), &answers);
    assert!(
        run.of(1).iter().all(|entry| entry.kind() == "call"),
        "an overlay is kernel state: nothing waits"
    );
    assert_eq!(fs::read_dir(place.path("site")).unwrap().count(), 0);
}

/// The same conditions, where what they are about is the base's.
#[test]
fn conditions_are_about_what_is_shown() {
    let place = Place::new();
    place.file("site/a", "one");
    place.file("site/b", "two");
    let with = |step: Value, condition: Value| {
        let mut step = step;
        step["if"] = condition;
        step
    };
    let conflict = || json!({"err": {"conflict": ONE}});
    let run = steps(
        &place,
        &[
            (with(write("a", "x"), json!("absent")), conflict()),
            (with(write("a", "x"), json!({"digest_is": "sha256:".to_owned() + &"0".repeat(64)})), conflict()),
            (with(write("a", "x"), json!({"fence": 9})), json!({"err": {"stale": "*"}})),
            (with(remove("a"), json!("absent")), conflict()),
            (with(rename("b", "a"), json!("absent")), conflict()),
            (with(rename("b", "a"), json!({"digest_is": ONE})), json!({"ok": null})),
            (with(write("b", "new"), json!({"digest_is": ONE})), json!({"err": {"conflict": null}})),
            (with(write("b", "new"), json!("absent")), json!({"ok": "*"})),
            (read("a"), is("two")),
        ],
    );
    let changed: Vec<&Value> =
        run.of(1).into_iter().filter(|e| e.out().get("Ok").is_some()).map(|e| &e.event()["base"]).collect();
    // What the base had is on record with the first change of a path, once.
    let base = json!({"a": {"file": {"digest": ONE, "size": 3}}, "b": {"file": {"digest": "*", "size": 3}}});
    assert!(fits(changed[0], &base), "{changed:?}");
    assert_eq!(changed[1..], [&Value::Null, &Value::Null]);
    assert_eq!(shown(run.of(1)[5]), "call rename content body", "a file of the base is taken over whole");
}

#[test]
fn what_is_removed_is_gone_and_what_comes_after_it_is_there() {
    let place = Place::new();
    place.file("site/a", "one");
    place.file("site/d/x", "x");
    place.file("site/d/y", "y");
    place.folder("site/empty");
    let not_found = || json!({"err": {"not-found": null}});
    let invalid = || json!({"err": {"invalid": "*"}});
    let conflict = || json!({"err": {"conflict": null}});
    let done = || json!({"ok": null});
    steps(
        &place,
        &[
            // A file that stands in the way stops being there.
            (write("a/b", "below"), invalid()),
            (remove("a"), done()),
            (remove("a"), not_found()),
            (read("a"), not_found()),
            (json!({"op": "stat", "mount": "site", "path": "a"}), not_found()),
            (write("a/b", "below"), json!({"ok": "*"})),
            (list("a"), json!({"ok": [{"name": "b", "kind": "file"}]})),
            (write("a", "file"), invalid()),
            (remove("a"), conflict()),
            (remove("a/b"), done()),
            (list("a"), not_found()),
            // A folder of the base goes when nothing in it is shown.
            (remove("d"), conflict()),
            (remove("d/x"), done()),
            (rename("d/y", "moved"), done()),
            (list("d"), json!({"ok": []})),
            (remove("d"), done()),
            (list("d"), not_found()),
            (remove("empty"), done()),
            (write("d", "now a file"), json!({"ok": "*"})),
            (write("d/x", "x"), invalid()),
            (list(""), json!({"ok": [{"name": "d", "kind": "file"}, {"name": "moved"}]})),
            // Renaming a folder, or onto one, or nothing.
            (rename("nothing", "x"), not_found()),
            (write("f/x", ""), json!({"ok": "*"})),
            (rename("f", "x"), invalid()),
            (rename("moved", "f"), invalid()),
            (rename("moved", "moved"), invalid()),
            (rename("moved", "a"), done()),
            (read("a"), is("y")),
        ],
    );
}

/// Pages of a folder that has names of both, some of them covered, and some removed.
#[test]
fn a_listing_is_one_of_both() {
    let place = Place::new();
    for n in 0..30 {
        place.file(&format!("site/b{n:02}"), "base");
    }
    let mut script: Vec<Value> =
        (0..30).filter(|n| n % 3 == 0).map(|n| remove(&format!("b{n:02}"))).collect();
    script.extend((0..30).filter(|n| n % 5 == 1).map(|n| write(&format!("b{n:02}"), "longer")));
    script.extend((0..9).map(|n| write(&format!("b{n:02}o/deep"), "own")));
    script.push(write("B", "own"));
    let pages = [1, 2, 3, 7, 40];
    let mut expected: Vec<String> =
        (0..30).filter(|n| n % 3 != 0 || n % 5 == 1).map(|n| format!("b{n:02}")).collect();
    expected.extend((0..9).map(|n| format!("b{n:02}o")));
    expected.push("B".into());
    expected.sort();
    let names = |page: &Value| -> Vec<String> {
        page["ok"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for page in pages {
        let mut script = script.clone();
        let changes = script.len();
        script.push(json!({"op": "list", "mount": "site", "path": "", "limit": page}));
        script.extend(expected.chunks(page).map(|shown| {
            json!({"op": "list", "mount": "site", "path": "", "limit": page, "after": shown.last().unwrap()})
        }));
        let results = place.probe(&OVERLAY, &Value::Array(script)).results();
        let listed: Vec<String> = results[changes..].iter().flat_map(names).collect();
        assert_eq!(listed, expected, "in pages of {page}");
        let sizes: Vec<usize> = results[changes..].iter().map(|page| names(page).len()).collect();
        assert!(sizes[..sizes.len() - 2].iter().all(|size| *size == page), "{sizes:?} in pages of {page}");
    }
}

#[test]
fn all_processes_of_a_run_share_it_and_other_runs_do_not() {
    let place = Place::new();
    place.file("site/a", "base");
    let child = json!([read("a"), write("b", "the child's"), remove("a")]);
    let script = json!([
        write("a", "the root's"),
        {"op": "spawn", "component": "child", "input": child, "as": "c"},
        {"op": "wait", "on": "c"},
        read("b"),
        read("a"),
    ]);
    let needs = "spawn = [\"child\"]\nread = [\"site\"]\nwrite = [\"site\"]\n[needs.delegate]\nread = [\"site\"]\nwrite = [\"site\"]";
    let manifest = team(needs, &[("child", "needs = { read = [\"site\"], write = [\"site\"] }")]);
    let results = place.probes(&manifest, &OVERLAY, &script).results();
    let told: Value = serde_json::from_str(results[2]["ok"]["returned"].as_str().unwrap()).unwrap();
    assert_eq!(told[0]["ok"]["data"], "the root's");
    assert!(fits(&results[3], &is("the child's")) && fits(&results[4], &json!({"err": {"not-found": null}})));
    let again = place.probe(&OVERLAY, &json!([read("a"), read("b")])).results();
    assert!(fits(&again[0], &is("base")) && fits(&again[1], &json!({"err": {"not-found": null}})));
}

/// The right to write is needed as for any mount; a budget that does not cover what is taken over refuses it.
#[test]
fn rights_and_budgets_hold() {
    let place = Place::new();
    place.file("site/a", "x".repeat(5_000));
    let script = json!([read("a"), write("a", "x"), remove("a"), rename("a", "b")]);
    let results = place.probes(&team("read = [\"site\"]", &[]), &OVERLAY, &script).results();
    let denied = json!({"err": {"denied": null}});
    assert!(
        results[0].get("ok").is_some() && results[1..].iter().all(|result| *result == denied),
        "{results:?}"
    );
    let results = place
        .probe(
            &[&OVERLAY[..], &["--budget", "bytes-stored=4000"]].concat(),
            &json!([rename("a", "b"), list("")]),
        )
        .results();
    assert_eq!(results[0], json!({"err": {"exhausted": "bytes-stored"}}));
    assert!(fits(&results[1], &json!({"ok": [{"name": "a"}]})), "{results:?}");
}

#[test]
fn an_overlay_is_bounded() {
    let place = Place::new();
    place.folder("site");
    let mut script: Vec<Value> = (0..4_096).map(|n| write(&format!("f{n}"), "")).collect();
    script.extend([write("one-more", ""), write("f0", "again"), remove("f1"), write("one-more", "")]);
    let results = place.probe(&OVERLAY, &Value::Array(script)).results();
    let end =
        [json!({"err": {"too-large": 4_096}}), json!({"ok": "*"}), json!({"ok": null}), json!({"ok": "*"})];
    assert!(
        results[4_096..].iter().zip(&end).all(|(result, end)| fits(result, end)),
        "{:?}",
        &results[4_095..]
    );
}

/// Who reads what a process with labels has written takes them on.
#[test]
fn labels_go_with_what_is_written() {
    let place = Place::new();
    place.file("diary/a", "dear diary");
    place.file("site/a", "base");
    let child = json!([{"op": "read", "mount": "diary", "path": "a"}, write("b", "dear diary")]);
    let script = json!([
        read("a"),
        {"op": "spawn", "component": "child", "input": child},
        {"op": "labels"},
        // The notice of the child's end carries what the child carried.
        {"op": "receive"},
        {"op": "declassify", "label": "personal"},
        {"op": "labels"},
        read("b"),
        {"op": "labels"},
    ]);
    let needs = "spawn = [\"child\"]\nread = [\"site\"]\ndeclassify = [\"personal\"]\n[needs.delegate]\nread = [\"diary\"]\nwrite = [\"site\"]";
    let manifest = team(needs, &[("child", "needs = { read = [\"diary\"], write = [\"site\"] }")]);
    let flags = [
        "--mount",
        "site=site:overlay",
        "--mount",
        "diary=diary,label=personal",
        "--allow",
        "declassify=personal",
    ];
    let results = place.probes(&manifest, &flags, &script).results();
    let seen: Vec<&Value> = [2, 5, 7].iter().map(|at| &results[*at]["ok"]).collect();
    assert_eq!(seen, [&json!([]), &json!([]), &json!(["personal"])], "{results:?}");
}

/// No link of the base is followed, wherever it leads, so that each file has one path.
#[test]
fn links_are_not_followed() {
    let place = Place::new();
    place.file("site/real/a", "one");
    symlink("real", place.path("site/inside")).unwrap();
    symlink("real/a", place.path("site/link")).unwrap();
    symlink(place.path("config"), place.path("site/outside")).unwrap();
    let mut script = Vec::new();
    for path in ["inside/a", "link", "outside/a"] {
        script.extend([
            read(path),
            write(path, "x"),
            remove(path),
            rename(path, "b"),
            rename("real/a", path),
        ]);
        script.push(json!({"op": "stat", "mount": "site", "path": path}));
    }
    script.extend([list("inside"), list("")]);
    let results = place.probe(&OVERLAY, &Value::Array(script)).results();
    let (last, refused) = results.split_last().unwrap();
    let denied = json!({"err": {"denied": null}});
    assert!(refused.iter().all(|result| *result == denied), "{refused:?}");
    assert!(fits(last, &json!({"ok": [{"name": "real"}]})), "links are left out: {last}");
}

/// Six processes read, change and write one file, each again until its write is taken. The file counts: it has a line for
/// each write, and the digests go from one line to the next, so that a lost update would show.
#[test]
fn six_writers_lose_no_update() {
    const WRITERS: usize = 6;
    const ROUNDS: usize = 5;
    let place = Place::new();
    place.file("site/count", "");
    let labels: Vec<String> = (0..WRITERS).map(|n| format!("w{n}")).collect();
    let quoted: Vec<String> = labels.iter().map(|label| format!("{label:?}")).collect();
    let needs = format!(
        "spawn = [{}]\nread = [\"site\"]\n[needs.delegate]\nread = [\"site\"]\nwrite = [\"site\"]",
        quoted.join(", ")
    );
    let children: Vec<(&str, &str)> = labels
        .iter()
        .map(|label| (label.as_str(), "needs = { read = [\"site\"], write = [\"site\"] }"))
        .collect();
    let mut script = Vec::new();
    for label in &labels {
        let append = json!({"op": "append", "mount": "site", "path": "count", "line": label, "n": ROUNDS});
        script.push(json!({"op": "spawn", "component": label, "input": [append], "as": label}));
    }
    script.extend(labels.iter().map(|label| json!({"op": "wait", "on": label})));
    script.push(read("count"));
    let flags = [&OVERLAY[..], &["--budget", "memory=512MiB"]].concat();
    let run = place.probes(&team(&needs, &children), &flags, &Value::Array(script));
    let results = run.results();
    let conflicts = |wait: &Value| -> u64 {
        let told = wait["ok"]["returned"].as_str().unwrap_or_else(|| panic!("{wait}"));
        serde_json::from_str::<Value>(told).unwrap()[0]["ok"]["conflicts"].as_u64().unwrap()
    };
    let all: u64 = results[WRITERS..2 * WRITERS].iter().map(conflicts).sum();
    assert!(all > 0, "nobody came in between: {results:?}");
    let text = results.last().unwrap()["ok"]["data"].as_str().unwrap();
    for label in &labels {
        let lines = text.lines().filter(|line| line == label).count();
        assert_eq!(lines, ROUNDS, "{label} wrote {ROUNDS} lines: {text:?}");
    }
    let covered = run.calls("write").into_iter().filter(|entry| !entry.event()["base"].is_null()).count();
    assert_eq!(covered, 1, "one of them was first");
}
