use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Signed;
use crate::support::{Place, Started, guest};
use crate::terminal::owner::{Owner, until};

/// How long a running host may take to end what was revoked at once.
const SOON: Duration = Duration::from_secs(5);

/// Digests as `verify` shows them.
fn verified(team: &Signed) -> Value {
    serde_json::from_str(&team.place.aos(&["verify", "team", "--json"]).expect(0).stdout).unwrap()
}

#[test]
fn whatever_a_package_stands_on_can_be_revoked() {
    for what in ["key", "statement", "manifest", "child", "name"] {
        let team = Signed::trusted();
        team.runs();
        let shown = verified(&team);
        let digest = match what {
            "child" => &shown["components"]["idle.wasm"],
            "name" => &json!("acme"),
            other => &shown[other],
        };
        team.place.aos(&["trust", "revoke", digest.as_str().unwrap()]).expect(0).says("is revoked");
        team.place.aos(&["trust", "revoke", digest.as_str().unwrap()]).expect(0).says("revoked already");
        team.refused(&["was revoked on 20"]);
        team.place.aos(&["trust", "list"]).expect(0).answers("revoked");
        // A key that was revoked does not come back.
        if ["key", "name"].contains(&what) {
            team.place.aos(&["trust", "remove", "acme"]).expect(0);
            team.place.aos(&["trust", "add", "acme", &team.key("acme")]).expect(3).says("was revoked");
            team.refused(&["was revoked on 20"]);
        }
    }
}

#[test]
fn a_component_of_nobodys_can_be_revoked_too() {
    let place = Place::new();
    let probe = guest("probe");
    let bytes = fs::read(&probe).unwrap();
    place.file("mine/probe.wasm", &bytes);
    place.file(
        "mine/agent.toml",
        "[package]\nname = \"mine\"\nversion = \"0.1.0\"\ncomponent = \"probe.wasm\"\n",
    );
    place.aos(&["key", "new", "me"]).expect(0);
    let shown = place.aos(&["sign", "mine", "--key", "me", "--json"]).expect(0).stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let digest = shown["components"]["probe.wasm"].as_str().unwrap();
    place.aos(&["trust", "revoke", digest]).expect(0);
    place.aos(&["run", probe.to_str().unwrap()]).expect(3).says("was revoked");
    for bad in ["sha256:0", "nobody", "a+b", ""] {
        place.aos(&["trust", "revoke", bad]).expect(2);
    }
}

#[test]
fn what_runs_goes_on_unless_it_is_revoked_at_once() {
    let team = Signed::trusted();
    let place = team.place;
    let owner = Owner::of(place, &["up"]);
    let place = &owner.place;
    let waits = json!([{"op": "receive"}]).to_string();
    let run = place.start(&["run", "team", "--input", "-"], waits.as_bytes());
    owner.waiting(1);
    let other = owner.probe(&[], &json!([{"op": "receive"}, {"op": "return", "body": "done"}]));
    owner.waiting(2);
    place.aos(&["trust", "revoke", "acme"]).expect(0).says("what runs goes on");
    std::thread::sleep(Duration::from_millis(1_500));
    owner.waiting(2);
    place.aos_with(&["run", "team", "--input", "-"], b"[]").expect(3).says("was revoked on 20");
    let since = Instant::now();
    place.aos(&["trust", "revoke", "acme", "--now"]).expect(0).says("within a second");
    let ran = run.wait();
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    println!("a run was ended {} ms after its publisher was revoked", since.elapsed().as_millis());
    assert_eq!(ran.code, 1, "{ran}");
    owner.waiting(1);
    // It is on record, and the neighbour is not touched.
    let entries = place.entries(Some("r1"));
    assert!(entries.iter().any(|entry| entry.kind() == "signal"), "the end is on record");
    place.aos(&["stop", "r2"]).expect(0);
    other.wait().expect(0);
    let (place, ran) = owner.down();
    ran.says("r1 ends: the key sha256:");
    place.aos(&["replay", "r1"]).expect(0).answers("identical");
}

#[test]
fn a_run_that_was_cut_off_does_not_go_on_when_it_was_revoked() {
    let team = Signed::trusted();
    let component = verified(&team)["components"]["idle.wasm"].as_str().unwrap().to_owned();
    let mut owner = Owner::of(team.place, &["up"]);
    let waits = json!([{"op": "receive"}]).to_string();
    let run: Started = owner.place.start(&["run", "team", "--input", "-"], waits.as_bytes());
    owner.waiting(1);
    owner.kill();
    run.wait().expect(6);
    owner.place.aos(&["trust", "revoke", &component]).expect(0);
    let refused = owner.place.aos(&["resume", "r1"]).expect(3);
    refused.says("r1: the component").says("was revoked on 20");
}

#[test]
fn a_host_keeps_the_last_list_that_was_signed() {
    let team = Signed::trusted();
    team.place.aos(&["trust", "revoke", &format!("sha256:{}", "0".repeat(64)), "--now"]).expect(0);
    let owner = Owner::of(team.place, &["up"]);
    let place = &owner.place;
    let waits = json!([{"op": "receive"}, {"op": "return", "body": "done"}]).to_string();
    let run = place.start(&["run", "team", "--input", "-"], waits.as_bytes());
    owner.waiting(1);
    let path = place.path("config/aos-host/revoked.dsse");
    let good = fs::read(&path).unwrap();
    fs::write(&path, b"{}\n").unwrap();
    std::thread::sleep(Duration::from_millis(1_200));
    place.aos_with(&["run", "team", "--input", "-"], b"[]").expect(3).says("revoked.dsse");
    owner.waiting(1);
    fs::write(&path, &good).unwrap();
    place.aos_with(&["run", "team", "--input", "-"], b"[]").expect(0);
    until(|| place.aos(&["stop", "r1"]).code == 0);
    run.wait().expect(0);
    let (_, ran) = owner.down();
    ran.says("revoked.dsse is not as this host signed it");
    assert_eq!(ran.stderr.matches("is not as this host signed it").count(), 1, "it is said once: {ran}");
}
