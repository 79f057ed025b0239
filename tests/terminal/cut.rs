//! A host that is killed while somebody waits for an answer, or for a run: nothing is lost, and nothing happens twice.

use serde_json::json;

use super::owner::{Owner, until, whole};
use crate::support::{Place, guest};

const SITE: [&str; 4] = ["--mount", "site=site:rw", "--ask", "write=site"];

/// The place of a host that was killed, with the next one.
fn again(mut owner: Owner) -> Owner {
    owner.kill();
    Owner::of(std::mem::replace(&mut owner.place, Place::new()), &["up"])
}

#[test]
fn a_question_outlives_its_host() {
    let owner = Owner::up();
    owner.place.folder("site");
    let write =
        |path: &str| json!({"op": "write", "mount": "site", "path": path, "body": "hello", "must": true});
    let run = owner.probe(&SITE, &json!([{"op": "log", "text": "before"}, write("a"), write("b")]));
    let question = owner.questions(1).remove(0);
    let asked = format!("r1#{}", question["entry"]);
    // Twice: what is asked is the same, and so is the entry that asks.
    let owner = again(again(owner));
    run.wait().expect(6).says("the host has gone before r1 ended").says("aos-host resume r1");
    assert_eq!(owner.questions(1)[0], question);
    owner.place.aos(&["approve", &asked]).expect(0);
    until(|| owner.shown("question").first().is_some_and(|next| next["entry"] != question["entry"]));
    // The answer is used once: it does not come back with the next host.
    let owner = again(owner);
    let second = owner.questions(1).remove(0);
    assert_eq!(second["call"]["write"]["path"], "b");
    owner.place.aos(&["approve", &asked]).expect(2).says("waits no more");
    assert_eq!((owner.place.text("site/a").as_str(), owner.place.path("site/b").exists()), ("hello", false));
    owner.place.aos(&["approve", &format!("r1#{}", second["entry"])]).expect(0);
    owner.place.aos(&["logs", "-f", "r1"]).expect(0).answers("before");
    owner.place.aos(&["inspect", "r1"]).expect(0).answers("r1 probe ok");
    assert_eq!(owner.place.text("site/b"), "hello");
    assert_eq!(owner.entries("r1").iter().filter(|entry| entry.kind() == "intent").count(), 2);
    let (place, _) = owner.down();
    whole(&place, "r1");
}

#[test]
fn a_host_that_ends_in_order_leaves_its_runs_to_the_next() {
    let owner = Owner::up();
    let run = owner.probe(&[], &json!([{"op": "receive"}, {"op": "return", "body": "done"}]));
    owner.waiting(1);
    let (place, ran) = owner.down();
    ran.says("not ended: r1; the next `aos-host up` goes on with them");
    run.wait().expect(6);
    let owner = Owner::of(place, &["up"]);
    owner.waiting(1);
    owner.place.aos(&["resume", "r1"]).expect(2).says("r1 is running");
    owner.place.aos(&["stop", "r1"]).expect(0);
    owner.place.aos(&["logs", "-f", "r1"]).expect(0);
    let (place, _) = owner.down();
    place.aos(&["inspect", "r1"]).expect(0).answers("r1 probe ok");
    whole(&place, "r1");
}

/// A run that was cut off is handed to the host that runs now, and its question is shown where it is followed.
#[test]
fn a_run_is_resumed_by_the_host_that_runs() {
    let place = Place::new();
    place.folder("site");
    let probe = guest("probe").to_str().unwrap().to_owned();
    let script = json!([{"op": "write", "mount": "site", "path": "a", "body": "hello"}, {"op": "return", "body": "done"}]);
    let script = script.to_string();
    let words = [&["run", &probe, &script], &SITE[..]].concat();
    let mut first = Owner::of(place, &words);
    let asked = format!("r1#{}", first.questions(1)[0]["entry"]);
    first.kill();
    let idle = json!([{"op": "receive"}]).to_string();
    let place = std::mem::replace(&mut first.place, Place::new());
    let mut owner = Owner::of(place, &["run", &probe, &idle]);
    owner.waiting(1);
    let resumed = owner.place.start(&["resume", "r1"], b"");
    owner.questions(1);
    owner.place.aos(&["approve", &asked]).expect(0);
    let ran = resumed.wait().expect(0);
    ran.answers("done").says(&format!("aos-host approve {asked}")).says("r1 ok");
    owner.place.aos(&["stop", "r2"]).expect(0);
    owner.wait().expect(0);
    whole(&owner.place, "r1");
    whole(&owner.place, "r2");
}
