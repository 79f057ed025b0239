//! A second `run` on a state directory is handed to the host that has it, and behaves as if it were alone.

use std::path::Path;

use serde_json::json;

use super::owner::{Owner, signal, until, whole};
use crate::support::{Place, Ran, guest};

const NEEDY: &str = "[package]\nname = \"needy\"\nversion = \"1.0.0\"\ncomponent = \"probe.wasm\"\n[needs]\nread = [\"notes\"]\n";

/// Files for every case: a probe, a manifest that needs something, one that is wrong.
fn furnish(place: &Place) {
    place.team(NEEDY);
    place.file(
        "bad/agent.toml",
        "[package]\nname = \"a\"\nversion = \"1.0.0\"\ncomponent = \"a.wasm\"\n[needs]\nwrte = [\"x\"]\n",
    );
    place.file("notes/a", "a note");
    place.file("none.wasm", "no component");
}

/// What both terminals say, without what names this very place.
fn same(alone: &Ran, place: &Path, handed: &Ran, owner: &Path) {
    let told = |text: &str, at: &Path| text.replace(&*at.to_string_lossy(), "HERE");
    assert_eq!(alone.code, handed.code, "{alone}\n{handed}");
    assert_eq!(told(&alone.stdout, place), told(&handed.stdout, owner));
    assert_eq!(told(&alone.stderr, place), told(&handed.stderr, owner));
}

#[test]
fn it_says_and_answers_the_same() {
    let script = json!([
        {"op": "log", "text": "a line"}, {"op": "read", "mount": "notes", "path": "a"},
        {"op": "read", "mount": "docs", "path": "a"}, {"op": "return", "body": "done"},
    ])
    .to_string();
    let cases: [(&[&str], i32); 12] = [
        (&["run", "team/probe.wasm", &script, "--mount", "notes=notes"], 0),
        (&["run", "team", "--mount", "notes=./notes", "--input", "-", "--json"], 0),
        (&["run", "team/probe.wasm", &script, "--quiet", "--allow", "send=a"], 0),
        (&["run", "team", "[]", "--mount", "notes=notes", "--allow", "send=a", "--ask", "send=a"], 0),
        (&["run", "team/probe.wasm", r#"[{"op":"fail","message":"no"}]"#], 1),
        (&["run", "team/probe.wasm", r#"[{"op":"spin"}]"#, "--budget", "fuel=1M"], 5),
        (&["run", "team"], 3),
        (&["run", "bad"], 2),
        (&["run", "none.wasm"], 2),
        (&["run", "./missing.wasm"], 2),
        (&["run", "team/probe.wasm", "--mount", "docs=missing"], 2),
        (&["run", "team/probe.wasm", "--mount", "docs=state"], 2),
    ];
    for (words, code) in cases {
        let place = Place::new();
        furnish(&place);
        let alone = place.aos_with(words, b"[]").expect(code);
        let owner = Owner::up();
        furnish(&owner.place);
        let handed = owner.place.aos_with(words, b"[]").expect(code);
        let (mut alone, mut handed) = (alone, handed);
        if words.contains(&"--json") {
            // Times differ.
            let keep = |text: &str| text.split("\"exit\"").nth(1).unwrap().to_owned();
            (alone.stdout, handed.stdout) = (keep(&alone.stdout), keep(&handed.stdout));
        }
        same(&alone, &place.path(""), &handed, &owner.place.path(""));
        let (place, _) = owner.down();
        if [0, 1, 5].contains(&code) {
            whole(&place, "r1");
        }
    }
}

#[test]
fn relative_paths_are_of_the_second_terminal() {
    let owner = Owner::up();
    furnish(&owner.place);
    owner.place.folder("elsewhere/site");
    owner.place.file("elsewhere/m.toml", "[[answer]]\ntext = \"hello\"\n");
    let script = json!([
        {"op": "write", "mount": "site", "path": "a", "body": "x", "must": true},
        {"op": "generate", "model": "m", "prompt": "hi"},
    ])
    .to_string();
    let mut command = owner.place.command(&["run", "../team/probe.wasm", &script]);
    command.args(["--mount", "site=site:rw", "--model", "m=scripted:m.toml"]);
    command.current_dir(owner.place.path("elsewhere"));
    crate::support::Started::new(command, b"").wait().expect(0);
    assert_eq!(owner.place.text("elsewhere/site/a"), "x");
}

/// What only a host that begins can heed is named, each flag that was typed.
#[test]
fn flags_of_a_host_are_not_heeded_and_said_so() {
    let owner = Owner::up();
    let flags = ["--threads", "1", "--self-check", "--log-limit=1GiB"];
    let ran = owner.probe(&flags, &json!([])).wait().expect(0);
    for flag in ["--threads", "--self-check", "--log-limit"] {
        ran.says(&format!("note: {flag}: a host runs already"));
    }
    let plain = owner.probe(&[], &json!([])).wait().expect(0);
    assert!(!plain.stderr.contains("a host runs already"), "{plain}");
    owner.down();
}

#[test]
fn ctrl_c_ends_the_handed_run_only() {
    let owner = Owner::up();
    let first = owner.probe(&[], &json!([{"op": "receive"}]));
    owner.waiting(1);
    let second = owner.probe(&[], &json!([{"op": "receive"}]));
    owner.waiting(2);
    signal(second.pid(), "INT");
    second.wait().expect(1).says("interrupted: ending the run").says("r2 killed");
    assert_eq!(owner.shown("process").len(), 1);
    owner.place.aos(&["stop", "r1"]).expect(0);
    first.wait().expect(0);
    let (place, _) = owner.down();
    whole(&place, "r1");
    whole(&place, "r2");
}

#[test]
fn a_terminal_that_goes_away_leaves_its_run() {
    let owner = Owner::up();
    let run = owner.probe(&[], &json!([{"op": "receive"}]));
    owner.waiting(1);
    run.kill();
    assert_eq!(owner.shown("process").len(), 1, "the run goes on");
    owner.place.aos(&["stop", "r1"]).expect(0);
    owner.place.aos(&["logs", "-f", "r1"]).expect(0);
    owner.place.aos(&["inspect", "r1"]).expect(0).answers("r1 probe ok");
}

/// The first terminal's own run has ended: its result is there, and it stays for the other's.
#[test]
fn the_first_run_waits_for_the_second() {
    let probe = guest("probe").to_str().unwrap().to_owned();
    let wait = json!([{"op": "receive"}]).to_string();
    for end_all in [false, true] {
        let mut owner = Owner::of(Place::new(), &["run", &probe, &wait]);
        owner.waiting(1);
        let second = owner.probe(&[], &json!([{"op": "receive"}]));
        owner.waiting(2);
        owner.place.aos(&["stop", "r1"]).expect(0);
        until(|| owner.shown("process").len() == 1);
        // What comes now is taken too.
        owner.probe(&[], &json!([])).wait().expect(0);
        if end_all {
            // It does so only once it has said that it stays.
            until(|| {
                signal(owner.pid(), "INT");
                owner.place.aos(&["ps"]).expect(0).stdout == "no host is running\n"
                    || owner.shown("process").is_empty()
            });
            second.wait().expect(1).says("r2 killed");
        } else {
            owner.place.aos(&["stop", "r2"]).expect(0);
            second.wait().expect(0).answers("$stop");
        }
        let ran = owner.wait();
        ran.says("this host goes on for runs of other terminals").answers("$stop");
        assert_eq!(ran.code, 0, "{ran}");
        let place = &owner.place;
        ["r1", "r2", "r3"].iter().for_each(|run| whole(place, run));
    }
}

/// Hosts that begin and end under many runs: each run is done exactly once.
#[test]
fn runs_that_come_as_hosts_end_are_done_once() {
    let place = Place::new();
    let probe = guest("probe").to_str().unwrap().to_owned();
    let mut runs: Vec<_> = (0..24).map(|_| place.start(&["run", &probe, "[]"], b"")).collect();
    for run in runs.drain(..) {
        run.wait().expect(0).answers("[]");
    }
    assert_eq!(place.entries(None).iter().filter(|entry| entry.kind() == "end").count(), 24);
    whole(&place, "r24");
}
