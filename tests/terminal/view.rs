//! What lives, and how it is looked at and ended.

use serde_json::json;

use super::owner::{Owner, signal, until, whole};
use crate::support::Place;

#[test]
fn without_a_host_nothing_runs() {
    let place = Place::new();
    assert_eq!(place.aos(&["ps"]).expect(0).stdout, "no host is running\n");
    place.aos(&["ps", "--json"]).expect(0).answers("{\"v\":1,\"kind\":\"host\",\"running\":false,");
    for words in [&["stop", "r1"][..], &["kill", "r1/2"], &["approve", "r1#3"], &["deny", "r1#3"]] {
        place.aos(words).expect(6).says("no host is running").says("aos-host up");
    }
    place.aos(&["signal", "r1", "pause"]).expect(2).says("stop");
    place.aos(&["approve", "r1"]).expect(2).says("r1#12");
    place.aos(&["kill", "r1/x"]).expect(2).says("r1/2");
}

#[test]
fn a_host_says_where_it_listens_and_ends_in_order() {
    for by in ["INT", "TERM"] {
        let mut owner = Owner::up();
        assert_eq!(owner.place.aos(&["ps"]).expect(0).stdout, "nothing runs; the host waits for runs\n");
        owner.place.aos(&["up"]).expect(6).says("in use by a running host");
        signal(owner.pid(), by);
        let ran = owner.wait().expect(0);
        ran.says(&format!("listening on {}", owner.place.path("state/control").display())).says("host down");
        assert_eq!(ran.stdout, "");
        assert!(!owner.place.path("state/control").exists());
        assert_eq!(owner.place.aos(&["ps"]).expect(0).stdout, "no host is running\n");
    }
}

#[test]
fn what_lives_is_shown_with_what_it_waits_for() {
    let owner = Owner::up();
    let first = owner.probe(&[], &json!([{"op": "log", "text": "here"}, {"op": "receive"}]));
    let second = owner.probe(&[], &json!([{"op": "sleep", "ms": 600_000}]));
    owner.waiting(2);
    let host = &owner.shown("host")[0];
    assert_eq!((&host["running"], &host["runs"], &host["questions"]), (&json!(true), &json!(2), &json!(0)));
    let processes = owner.shown("process");
    let receives = processes.iter().find(|process| process["call"] == json!({"receive": {}})).unwrap();
    assert_eq!(
        (&receives["state"], &receives["pid"], &receives["name"]),
        (&json!("waits"), &json!(1), &json!("probe"))
    );
    assert!(
        receives["fuel"].as_u64().unwrap() > 0 && receives["since"].as_u64() >= receives["started"].as_u64()
    );
    let table = owner.place.aos(&["ps"]).expect(0);
    table.answers("PROCESS  NAME").answers("waits ipc.receive").answers("waits wasi.sleep");
    let run = format!("r{}", receives["run"]);
    owner.place.aos(&["inspect", &run]).expect(0).answers("unfinished").answers("running");
    owner.place.aos(&["logs", &run]).expect(0).answers("probe info: here");
    owner.place.aos(&["stop", &run]).expect(0).answers(&format!("{run}/1 asked to stop (#"));
    first.wait().expect(0).answers("$stop");
    owner.place.aos(&["stop", &run]).expect(2).says("does not live");
    let other = owner.shown("process")[0]["run"].to_string();
    owner.place.aos(&["signal", &format!("r{other}/1"), "kill"]).expect(0).answers("killed (#");
    second.wait().expect(1).says(&format!("r{other} killed"));
    owner.place.aos(&["kill", "r99"]).expect(2).says("r99/1 does not live");
    let (place, _) = owner.down();
    whole(&place, &run);
    whole(&place, &format!("r{other}"));
}

#[test]
fn logs_are_followed_until_the_run_ends() {
    let owner = Owner::up();
    let script = json!([
        {"op": "log", "text": "first"}, {"op": "receive"}, {"op": "log", "text": "last"},
    ]);
    let run = owner.probe(&[], &script);
    owner.waiting(1);
    let mut followers = [
        owner.place.start(&["logs", "-f"], b""),
        owner.place.start(&["logs", "r1", "--follow", "--json"], b""),
    ];
    until(|| followers.iter_mut().all(|follower| follower.runs()));
    owner.place.aos(&["stop", "r1"]).expect(0);
    run.wait().expect(0);
    let [text, lines] = followers.map(|follower| follower.wait().expect(0));
    text.answers("probe info: first").answers("probe info: last");
    assert_eq!(lines.stdout.lines().filter(|line| line.contains("\"kind\":\"log\"")).count(), 2, "{lines}");
    owner.place.aos(&["logs", "-f", "r1"]).expect(0).answers("last");
}

#[test]
fn who_follows_a_host_that_dies_is_told() {
    let mut owner = Owner::up();
    let run = owner.probe(&[], &json!([{"op": "log", "text": "first"}, {"op": "receive"}]));
    owner.waiting(1);
    let follower = owner.place.start(&["logs", "-f"], b"");
    owner.kill();
    run.wait().expect(6).says("the host has gone before r1 ended");
    follower.wait().expect(6).answers("first").says("no host is running, and r1 has not ended");
    assert!(owner.place.path("state/control").exists(), "a killed host leaves its socket");
    assert_eq!(owner.place.aos(&["ps"]).expect(0).stdout, "no host is running\n");
    // The next one takes its place.
    let next = Owner::of(std::mem::replace(&mut owner.place, Place::new()), &["up"]);
    next.probe(&[], &json!([])).wait().expect(0);
    next.down();
}
