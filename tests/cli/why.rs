//! `aos-host why`: the chain from the operator to a process, as a person reads it.

use serde_json::{Value, json};

use crate::support::Place;
use crate::syscalls::team::team;
use crate::terminal::owner::Owner;

/// A team in which the root hands on what the writer needs, and one that may hand on to a third.
fn manifest() -> String {
    let needs = "spawn = [\"writer\", \"lead\"]\nread = [{ object = \"notes\", unless = [\"personal\"] }]\n[needs.delegate]\nwrite = [\"site\"]\nspawn = [\"writer\"]";
    let lead = "[children.lead.needs]\nspawn = [\"writer\"]\n[children.lead.needs.delegate]\nwrite = [\"site\"]\n[children.lead.budget]\nchildren = 2";
    team(needs, &[("writer", "[children.writer.needs]\nwrite = [\"site\"]"), ("lead", lead)])
}

/// Where each need of it stands: `  write = …` at a line.
fn line(manifest: &str, section: &str) -> usize {
    let lines: Vec<&str> = manifest.lines().collect();
    let at = lines.iter().position(|line| *line == section).unwrap();
    at + 1 + lines[at..].iter().position(|line| line.starts_with("write")).unwrap()
}

fn place() -> (Place, String) {
    let place = Place::new();
    place.folder("site");
    place.file("notes/a", "a note");
    let manifest = manifest();
    place.team(&manifest);
    (place, manifest)
}

const OFFER: [&str; 4] = ["--mount", "notes=notes,label=personal", "--mount", "site=site:overlay"];

fn run(place: &Place, script: &Value) {
    let script = script.to_string();
    place.aos(&[&["run", "team", &script], &OFFER[..]].concat()).expect(0);
}

#[test]
fn each_step_has_its_line() {
    let (place, manifest) = place();
    let write = json!({"op": "write", "mount": "site", "path": "a", "body": "x"});
    let read = json!({"op": "read", "mount": "notes", "path": "a"});
    let writer = json!({"op": "spawn", "component": "writer", "as": "w", "input": [write, read]});
    let lead = json!([writer, {"op": "wait", "on": "w"}]);
    run(
        &place,
        &json!([
            {"op": "spawn", "component": "lead", "as": "l", "input": lead}, {"op": "wait", "on": "l"}
        ]),
    );
    let site = place.path("site").canonicalize().unwrap();
    let why = |words: &[&str]| place.aos(&[&["why"], words].concat());
    let entries = place.entries(Some("r1"));
    let spawn =
        |pid: u64| entries.iter().find(|entry| entry.pid() == pid && entry.verb() == "spawn").unwrap().seq();
    assert_eq!(
        why(&["r1/3", "write=site"]).expect(0).stdout,
        format!(
            "writer (r1/3) may write site\n\
             \x20 operator     --mount site={}:overlay\n\
             \x20 team (/1)    agent.toml:{}  [needs.delegate] write = [\"site\"]\n\
             \x20 #{:<10}  team spawns lead, asking for all that may be handed on\n\
             \x20 lead (/2)    agent.toml:{}  [children.lead.needs.delegate] write = [\"site\"]\n\
             \x20 #{:<10}  lead spawns writer, asking for all that may be handed on\n\
             \x20 writer (/3)  agent.toml:{}  [children.writer.needs] write = [\"site\"]\n",
            site.display(),
            line(&manifest, "[needs.delegate]"),
            spawn(1),
            line(&manifest, "[children.lead.needs.delegate]"),
            spawn(2),
            line(&manifest, "[children.writer.needs]"),
        )
    );
    // Of a past denial: where the chain breaks, and the line to add.
    let denied = entries.iter().find(|entry| entry.pid() == 3 && entry.verb() == "read").unwrap().seq();
    let told = why(&["r1/3", &format!("#{denied}")]).expect(3);
    told.answers(&format!("#{denied} writer (r1/3) was denied mount.read notes:a\n"));
    told.answers("✗ writer (/3)  agent.toml has no read = [\"notes\"] in [children.writer.needs]");
    told.answers("  to allow it: read = [\"notes\"] in [children.writer.needs]");
    // All that reaches outside, by default; also as JSON.
    why(&["r1/3"]).expect(0).answers("writer (r1/3) may write site\n");
    let line: Value =
        serde_json::from_str(why(&["r1/3", "write=site", "--json"]).expect(0).stdout.trim()).unwrap();
    assert_eq!(
        (&line["kind"], &line["decision"], line["steps"].as_array().unwrap().len()),
        (&json!("why"), &json!("allow"), 6)
    );
    for (words, told) in [
        (&["r1/9"][..], "r1 has no process /9"),
        (&["r9"], "there is no run r9"),
        (&["r1", "#1"], "#1 is no call of r1/1"),
        (&["r1", "fly=a"], "unknown verb"),
        (&["r1", "#x"], "a call is written"),
    ] {
        why(words).expect(2).says(told);
    }
    why(&["r1/3", "write=scratch"]).expect(0).answers("every process has its own mount `scratch`");
}

/// What was read keeps a right from holding, and what was taken back does too.
#[test]
fn what_holds_a_right_back_is_told() {
    let (place, _) = place();
    let read = json!({"op": "read", "mount": "notes", "path": "a"});
    run(&place, &json!([read, read]));
    let entries = place.entries(Some("r1"));
    let reads: Vec<u64> =
        entries.iter().filter(|entry| entry.verb() == "read").map(|entry| entry.seq()).collect();
    place
        .aos(&["why", "r1", &format!("#{}", reads[0])])
        .expect(0)
        .answers("was authorised for mount.read notes:a");
    let told = place.aos(&["why", "r1", &format!("#{}", reads[1])]).expect(3);
    told.answers("✗ team (/1)  carries personal: not after that (unless)");

    let owner = Owner::of(place, &["up"]);
    let flags = ["--mount", "site=site:rw", "--ask", "write=site", "--until", "write=site,1h"];
    let run = owner.probe(&flags, &json!([{"op": "receive"}, {"op": "publish", "topic": "x", "body": ""}]));
    owner.waiting(1);
    let told = owner.place.aos(&["why", "r2", "write=site"]).expect(0);
    told.answers("probe (r2/1) may ask to write site\n").answers("probe (/1)  has no manifest");
    told.answers("probe (/1)  until 20").answers("each such call waits for you (--ask)");
    owner.place.aos(&["revoke", "r2", "write=site"]).expect(0);
    owner
        .place
        .aos(&["why", "r2", "write=site"])
        .expect(3)
        .answers("write site was taken from /1 and what it spawned");
    owner.place.aos(&["stop", "r2"]).expect(0);
    run.wait().expect(0);
    let (place, _) = owner.down();
    let publish = place.entries(Some("r2")).iter().find(|entry| entry.verb() == "publish").unwrap().seq();
    let told = place.aos(&["why", "r2", &format!("#{publish}")]).expect(3);
    told.answers("✗ operator    no --allow publish=x").answers("  to allow it: --allow publish=x");
}

/// A manifest that is not there any more is not made up, and a publisher's words cannot steer the terminal.
#[test]
fn lines_are_the_ones_of_then() {
    let (place, _) = place();
    let text = manifest()
        .replace("write = [\"site\"]\n[children.lead]", "write = [\"site\"] # \u{202e}evil\n[children.lead]");
    place.team(&text);
    run(
        &place,
        &json!([{"op": "spawn", "component": "writer", "as": "w", "input": []}, {"op": "wait", "on": "w"}]),
    );
    place.team("[package]\nname = \"other\"\nversion = \"1.0.0\"\ncomponent = \"probe.wasm\"\n");
    let told = place.aos(&["why", "r1/2", "write=site"]).expect(0);
    told.answers("[children.writer.needs] write = [\"site\"] # \\u{202e}evil");
    assert!(!told.stdout.contains('\u{202e}'), "{told}");
    for kept in std::fs::read_dir(place.path("state/manifests")).unwrap() {
        std::fs::write(kept.unwrap().path(), "changed").unwrap();
    }
    place
        .aos(&["why", "r1/2", "write=site"])
        .expect(0)
        .answers("[children.writer.needs]; its manifest is not kept");
}
