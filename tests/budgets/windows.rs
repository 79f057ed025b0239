//! Windows, warnings, and what is added.

use serde_json::{Value, json};

use super::{answers, ten, unpaid};
use crate::support::{Entry, Place, guest};
use crate::terminal::owner::{Owner, whole};

fn of<'a>(entries: &'a [Entry], kind: &str) -> Vec<&'a Value> {
    entries.iter().filter(|entry| entry.kind() == kind).map(|entry| entry.event()).collect()
}

#[test]
fn what_was_used_comes_back_with_the_next_window() {
    let script = json!([
        ten(), ten(), ten(), {"op": "sleep", "ms": 2_300}, ten(), ten(), ten(),
    ]);
    let run = Place::new().probe(&["--allow", "publish=t", "--budget", "bytes-sent=20/s"], &script);
    let steps = answers(&run.ran.stdout);
    let paid: Vec<bool> = [0, 1, 2, 4, 5, 6].iter().map(|at| !unpaid(&steps[*at])).collect();
    assert_eq!(paid, [true, true, false, true, true, false], "{}", run.ran);
    let funds = of(&run.entries, "fund");
    assert_eq!(funds[0], &json!({"pid": 1, "add": [["bytes-sent", 20]], "window": true}), "{funds:?}");
    run.ran.says("; more at 20").says("may spend bytes-sent 20");
    // At most as much as was used comes back, however many windows passed.
    assert_eq!(funds.len(), 1, "{funds:?}");
}

#[test]
fn a_window_is_for_what_is_counted_one_by_one() {
    let place = Place::new();
    let probe = guest("probe");
    for (bad, said) in [
        ("fuel=1G/h", "only tokens, money, bytes, calls and children"),
        ("memory=1MiB/h", "only tokens"),
        ("wall-time=1min/h", "only tokens"),
        ("calls=0/h", "nothing comes back of none"),
        ("calls=unlimited/d", "nothing is limited"),
        ("calls=5/week", "write /s, /min, /h or /d"),
        ("calls=5/", "is no period"),
        ("calls=-5/h", "calls"),
        ("calls=1.5.5/h", "calls"),
        ("calls=99999999999999999999/h", "calls"),
        ("calls=NaN/h", "calls"),
    ] {
        place.aos(&["run", probe.to_str().unwrap(), "--budget", bad]).expect(2).says(said);
    }
}

/// The operator is warned once, before it is too late.
#[test]
fn most_of_a_budget_is_warned_of_once() {
    let script = json!([{"op": "repeat", "n": 10, "steps": [ten()]}]);
    let run = Place::new().probe(&["--allow", "publish=t", "--budget", "bytes-sent=100"], &script);
    let warned = of(&run.entries, "warn");
    assert_eq!(warned, [&json!({"meter": "bytes-sent", "used": 80, "granted": 100})]);
    run.ran.says("warning r1: 80 B of 100 B bytes-sent are used");
}

/// A run that was cut off goes on with more.
#[test]
fn a_run_that_is_resumed_can_be_given_more() {
    let mut owner = Owner::up();
    let flags = ["--allow", "publish=t", "--budget", "bytes-sent=20"];
    let run = owner.probe(&flags, &json!([ten(), ten(), ten(), {"op": "receive"}, ten(), ten()]));
    owner.waiting(1);
    owner.kill();
    run.wait().expect(6);
    let place = std::mem::replace(&mut owner.place, Place::new());
    place.aos(&["resume", "r1", "--add", "bytes-sent=10/h"]).expect(2).says("added once");
    place.aos(&["resume", "r1", "--add", "memory=1MiB"]).expect(2);
    let owner = Owner::of(place, &["resume", "r1", "--add", "bytes-sent=15", "--add", "fuel=1M"]);
    owner.waiting(1);
    owner.place.aos(&["stop", "r1"]).expect(0);
    owner.place.aos(&["logs", "-f", "r1"]).expect(0);
    let mut owner = owner;
    let ran = owner.wait().expect(0);
    let steps = answers(&ran.stdout);
    assert!(unpaid(&steps[2]) && !unpaid(&steps[4]) && unpaid(&steps[5]), "{ran}");
    let place = std::mem::replace(&mut owner.place, Place::new());
    let entries = place.entries(Some("r1"));
    assert_eq!(of(&entries, "fund"), [&json!({"pid": 1, "add": [["bytes-sent", 15], ["fuel", 1_000_000]]})]);
    whole(&place, "r1");
}
