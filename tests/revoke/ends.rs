//! Rights with an end, and rights that reach only so deep.

use serde_json::{Value, json};

use super::{answers, denied, write};
use crate::support::{Place, guest};
use crate::syscalls::team::team;

#[test]
fn a_right_ends_at_its_time() {
    let place = Place::new();
    place.folder("site");
    place.folder("other");
    let other = json!({"op": "write", "mount": "other", "path": "a", "body": "x"});
    let script = json!([write("a"), {"op": "sleep", "ms": 1_600}, write("b"), write("b"), other]);
    let flags = ["--mount", "site=site:rw", "--mount", "other=other:rw", "--until", "write=site,1s"];
    let run = place.probe(&flags, &script);
    let steps = answers(&run.ran.stdout);
    assert!(steps[0].get("ok").is_some() && denied(&steps[2]) && denied(&steps[3]), "{steps:?}");
    assert!(steps[4].get("ok").is_some(), "{steps:?}");
    let revoked: Vec<&Value> =
        run.entries.iter().filter(|entry| entry.kind() == "revoke").map(|entry| entry.event()).collect();
    assert_eq!(revoked, [&json!({"pid": 1, "what": "ended"})]);
    assert!(!place.path("site/b").exists());
}

/// An agent that is busy does not outrun the end: the call after it is denied, whether the timer came or not.
#[test]
fn no_call_passes_after_the_end() {
    let place = Place::new();
    place.folder("site");
    let script = json!([{"op": "repeat", "n": 100_000_000, "until_err": true, "steps": [
        {"op": "write", "mount": "site", "path": "a", "body": "x"}
    ]}]);
    let run = place.probe(
        &[
            "--mount",
            "site=site:overlay",
            "--until",
            "1s",
            "--budget",
            "calls=unlimited",
            "--budget",
            "bytes-stored=unlimited",
        ],
        &script,
    );
    assert!(denied(&answers(&run.ran.stdout)[0]["ok"]["last"][0]), "{}", run.ran);
    let ended = run.entries.iter().position(|entry| entry.kind() == "revoke").unwrap();
    let made = |entry: &&crate::support::Entry| entry.verb() == "write" && entry.out().get("Ok").is_some();
    assert!(run.entries[ended..].iter().all(|entry| !made(&entry)), "nothing was written after the end");
    assert!(run.entries[..ended].iter().any(|entry| made(&entry)), "it wrote before");
}

#[test]
fn what_has_ended_before_the_start_gives_nothing() {
    let place = Place::new();
    place.folder("site");
    let run = place.probe(&["--mount", "site=site:rw", "--until", "2020-01-01"], &json!([write("a")]));
    assert!(denied(&answers(&run.ran.stdout)[0]), "{}", run.ran);
    let probe = guest("probe");
    for bad in ["soon", "write=site", "fly=site,1h", "write=site,", "write=site,-1s", "9999999999d"] {
        place.aos(&["run", probe.to_str().unwrap(), "--until", bad]).expect(2);
    }
    for bad in ["write=site", "write=site,-1", "write=site,256", "1"] {
        place.aos(&["run", probe.to_str().unwrap(), "--depth", bad]).expect(2);
    }
}

/// root → a → b → c: a depth of 1 reaches a, of 2 also b.
fn reached(depth: &str, flags: &[&str]) -> Vec<bool> {
    let place = Place::new();
    place.folder("site");
    let next = |label: &str, fuel: u32| {
        let (needs, delegate) =
            (format!("[children.{label}.needs]"), format!("[children.{label}.needs.delegate]"));
        let rights = "write = [\"site\"]\nspawn = [\"*\"]";
        format!(
            "{needs}\n{rights}\n{delegate}\n{rights}\n[children.{label}.budget]\nchildren = 3\nfuel = \"{fuel}G\"\nmemory = \"{fuel}0MiB\""
        )
    };
    let needs = format!(
        "spawn = [\"*\"]\n[needs.delegate]\nspawn = [\"*\"]\nwrite = [{{ object = \"site\"{depth} }}]"
    );
    let manifest = team(&needs, &[("a", &next("a", 4)), ("b", &next("b", 2)), ("c", &next("c", 1))]);
    let child = |label: &str, then: Vec<Value>| {
        let input = [vec![write(label)], then].concat();
        json!({"op": "spawn", "component": label, "as": label, "input": input})
    };
    let wait = |label: &str| json!({"op": "wait", "on": label});
    let script =
        json!([child("a", vec![child("b", vec![child("c", vec![]), wait("c")]), wait("b")]), wait("a")]);
    place.probes(&manifest, &[&["--mount", "site=site:rw"], flags].concat(), &script);
    ["a", "b", "c"].iter().map(|path| place.path("site").join(path).exists()).collect()
}

#[test]
fn a_right_reaches_only_so_deep() {
    assert_eq!(reached("", &[]), [true, true, true]);
    assert_eq!(reached(", depth = 1", &[]), [true, false, false]);
    assert_eq!(reached(", depth = 2", &[]), [true, true, false]);
    assert_eq!(reached(", depth = 2", &["--depth", "write=site,1"]), [true, false, false]);
    assert_eq!(reached("", &["--depth", "write=*,0"]), [false, false, false]);
}
