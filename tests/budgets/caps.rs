//! What all runs together may spend: `caps.toml`.

use serde_json::{Value, json};

use super::ten;
use crate::support::{Place, Ran, guest};
use crate::terminal::owner::Owner;

fn place(caps: &str) -> Place {
    let place = Place::new();
    place.file("config/aos-host/caps.toml", caps);
    place
}

fn run(place: &Place, budget: u64) -> Ran {
    let probe = guest("probe");
    let budget = format!("bytes-sent={budget}");
    place.aos(&[
        "run",
        probe.to_str().unwrap(),
        &json!([ten()]).to_string(),
        "--allow",
        "publish=t",
        "--budget",
        &budget,
    ])
}

const CAP: &str = "[caps]\nbytes-sent = \"100/d\"\n";

#[test]
fn a_run_takes_its_budget_and_gives_back_what_it_did_not_use() {
    let place = place(CAP);
    run(&place, 101)
        .expect(3)
        .says("all runs together may spend 100 B bytes-sent each d")
        .says("--budget bytes-sent=100 fits");
    run(&place, 100).expect(0);
    let over = run(&place, 91).expect(3);
    over.says("90 B are left until the window ends")
        .says("--budget bytes-sent=90 fits; the window ends at 20");
    run(&place, 90).expect(0);
    let bills: Vec<u64> = place
        .entries(None)
        .iter()
        .filter(|entry| entry.kind() == "bill")
        .map(|entry| entry.event()["used"]["bytes-sent"].as_u64().unwrap())
        .collect();
    assert_eq!(bills, [10, 10]);
    // What nobody limits takes all there is, which is more than a cap.
    let probe = guest("probe");
    place.aos(&["run", probe.to_str().unwrap(), "[]"]).expect(3).says("bytes-sent=80 fits");
    place.aos(&["audit", "verify"]).expect(0);
    place.aos(&["replay", "r1"]).expect(0).answers("identical");
}

/// Runs that go on hold their whole budgets, also when their host was killed; the owner decides for all terminals.
#[test]
fn what_is_promised_outlives_the_host() {
    let place = place(CAP);
    let mut owner = Owner::of(place, &["up"]);
    let waits = owner
        .probe(&["--allow", "publish=t", "--budget", "bytes-sent=60"], &json!([ten(), {"op": "receive"}]));
    owner.waiting(1);
    run(&owner.place, 41).expect(3).says("40 B are left");
    run(&owner.place, 40).expect(0);
    let cap: Value = owner.shown("cap").remove(0);
    assert_eq!((&cap["meter"], &cap["taken"], &cap["cap"]), (&json!("bytes-sent"), &json!(70), &json!(100)));
    owner.place.aos(&["ps"]).expect(0).answers("all runs: 70 B of 100 B bytes-sent taken, until 20");
    owner.kill();
    waits.wait().expect(6);
    let place = std::mem::replace(&mut owner.place, Place::new());
    run(&place, 31).expect(3).says("30 B are left");
    let owner = Owner::of(place, &["up"]);
    owner.waiting(1);
    owner.place.aos(&["stop", "r1"]).expect(0);
    owner.place.aos(&["logs", "-f", "r1"]).expect(0);
    run(&owner.place, 81).expect(3).says("80 B are left");
    run(&owner.place, 80).expect(0);
    let _place = owner.down();
}

#[test]
fn a_wrong_file_is_told_with_its_place() {
    for (text, said) in [
        ("[caps]\nbytes-sent = \"100\"\n", "caps.toml:2:14: a cap has a period"),
        ("[caps]\nfuel = \"1G/h\"\n", "caps.toml:2:8: fuel cannot come back"),
        ("[caps]\nfly = \"1/h\"\n", "no meter"),
        ("[caps]\ncalls = 5\n", "caps.toml:2:9"),
        ("[caps]\ncalls = \"5/h\"\ncalls = \"6/h\"\n", "caps.toml:3:1"),
        ("[cap]\n", "caps.toml:1:2: unknown field"),
        ("[caps\n", "caps.toml:1"),
    ] {
        run(&place(text), 1).expect(2).says(said);
    }
    run(&place("[caps]\n"), 1).expect(0);
}
