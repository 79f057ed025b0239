//! `audit show`, `tail` and `stats`: the log for people, and the same for programs.

use serde_json::{Value, json};

use super::logged;
use crate::support::{Place, guest};

/// A run that is allowed some things and refused others.
fn busy(place: &Place) -> crate::support::Run {
    let site = place.folder("site");
    let mount = format!("site={}:rw,label=personal", site.display());
    place.probe(
        &["--quiet", "--mount", &mount],
        &json!([
            {"op": "log", "text": "hello"},
            {"op": "write", "mount": "site", "path": "a", "body": "one"},
            {"op": "read", "mount": "site", "path": "a"},
            {"op": "read", "mount": "docs", "path": "b"},
        ]),
    )
}

#[test]
fn an_entry_says_who_did_what_by_which_right() {
    let place = Place::new();
    let run = busy(&place);
    let show = |seq: u64| place.aos(&["audit", "show", &seq.to_string()]).expect(0);
    let size = place.entries(None).len();
    let intent = run.first(|entry| entry.kind() == "intent").seq();
    let shown = show(intent);
    shown.answers(&format!("#{intent} mount.write site:a is about to happen\n"));
    for part in [
        "who     r1/1 probe\n",
        "right   write site (allow)\n",
        "by      a flag of `run`, granted in #1\n",
        "outcome #",
    ] {
        let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = shown.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&part), "{part:?} in {shown}");
    }
    shown
        .answers(&format!("in the checkpoint of #1–{size}; take it with you: aos-host audit prove {intent}"));
    let line =
        place.aos(&["audit", "export"]).expect(0).stdout.lines().nth(intent as usize - 1).unwrap().to_owned();
    assert!(shown.stdout.ends_with(&format!("\n{line}\n")), "{shown}");
    let outcome = run.first(|entry| entry.kind() == "outcome").seq();
    show(outcome).answers(&format!("#{outcome} #{intent} → ")).answers("mount.write site:a");
    let denied = run.first(|entry| entry.out()["Err"] == "denied").seq();
    let text = show(denied);
    text.answers(&format!("#{denied} mount.read docs:b → denied")).answers("personal");
    assert!(!text.stdout.contains("right"), "{text}");
    place.aos(&["audit", "show", &(size + 1).to_string()]).expect(2).says("the log ends at");
    place.aos(&["audit", "show", "0"]).expect(2);
}

#[test]
fn a_program_reads_the_same() {
    let place = Place::new();
    let run = busy(&place);
    let log = run.first(|entry| entry.verb() == "log");
    let json = place.aos(&["audit", "show", &log.seq().to_string(), "--json"]).expect(0).stdout;
    let shown: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&shown["process"], &shown["said"]), (&json!("probe"), &json!("log.emit info → done")));
    assert_eq!((&shown["body"]["stored"], &shown["body"]["size"]), (&json!(true), &json!(5)));
    let cost = shown["cost"].as_array().unwrap();
    assert!(cost.contains(&json!(["bytes-stored", 5])) && cost.contains(&json!(["calls", 1])), "{cost:?}");
    assert_eq!(shown["checkpoint"].as_u64().unwrap() as usize, place.entries(None).len());
    let entry: Value = serde_json::from_str(shown["line"].as_str().unwrap()).unwrap();
    assert_eq!(entry, log.0);
}

#[test]
fn the_newest_entries_are_shown_and_followed() {
    let place = Place::new();
    logged(&place, 40);
    let all = place.aos(&["audit", "tail", "-n", "1000"]).expect(0).stdout;
    let entries = place.entries(None).len();
    assert_eq!(all.lines().count(), entries);
    assert!(all.lines().any(|line| line.contains("r1/1 probe log.emit info → done")), "{all}");
    let few = place.aos(&["audit", "tail", "-n", "3"]).expect(0).stdout;
    assert_eq!(few.lines().count(), 3);
    assert!(few.lines().last().unwrap().ends_with(&format!("#{entries} r1/0 the run ends")), "{few}");
    let follows = place.start(&["audit", "tail", "-f", "-n", "1", "--json"], b"");
    std::thread::sleep(std::time::Duration::from_millis(300));
    place.aos(&["run", guest("probe").to_str().unwrap(), "[]"]).expect(0);
    std::thread::sleep(std::time::Duration::from_millis(700));
    let followed = follows.kill().stdout;
    let lines: Vec<Value> = followed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["seq"], &lines[0]["kind"]), (&json!(entries), &json!("entry")));
    assert_eq!(lines.len(), 1 + place.entries(Some("r2")).len(), "{followed}");
    assert_eq!(lines.last().unwrap()["said"], "the run ends");
}

#[test]
fn everything_is_counted() {
    let place = Place::new();
    logged(&place, 40);
    logged(&place, 20);
    let entries = place.entries(None);
    let json: Value =
        serde_json::from_str(&place.aos(&["audit", "stats", "--json"]).expect(0).stdout).unwrap();
    assert_eq!(
        (&json["entries"], &json["runs"], &json["last_hour"]),
        (&json!(entries.len()), &json!(2), &json!(entries.len()))
    );
    let exported = place.aos(&["audit", "export"]).expect(0).stdout;
    assert_eq!(json["bytes"], json!(exported.len()));
    let bodies = entries.iter().filter(|entry| entry.body()["digest"].is_string()).count();
    assert_eq!(json["bodies"], json!(bodies));
    let calls = entries.iter().filter(|entry| entry.kind() == "call").count();
    assert_eq!((&json["kinds"]["call"], &json["kinds"]["end"]), (&json!(calls), &json!(2)));
    assert_eq!(json["newest"][1]["entries"], json!(place.entries(Some("r2")).len()));
    assert!(json["disk_bytes"].as_u64().unwrap() > exported.len() as u64);
    let shown = place.aos(&["audit", "stats"]).expect(0);
    shown.answers("entries of each kind").answers("a second").answers("  r2  ");
}
