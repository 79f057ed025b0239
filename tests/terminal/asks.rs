//! Rights that ask: a call waits for the operator, on record.

use serde_json::{Value, json};

use super::owner::{Owner, signal, until, whole};
use crate::support::{Entry, Place, guest};

const SITE: [&str; 4] = ["--mount", "site=site:rw", "--ask", "write=site"];

fn write(path: &str) -> Value {
    json!({"op": "write", "mount": "site", "path": path, "body": "hello"})
}

fn hosted() -> Owner {
    let owner = Owner::up();
    owner.place.folder("site");
    owner
}

fn kinds(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| format!("{} {}", entry.kind(), entry.verb()).trim_end().to_owned()).collect()
}

#[test]
fn an_approved_call_is_made_and_a_denied_one_is_not() {
    let owner = hosted();
    let run = owner.probe(&SITE, &json!([write("a"), write("b"), write("b"), write("c")]));
    let question = owner.questions(1).remove(0);
    assert_eq!(
        (&question["run"], &question["pid"], &question["process"]),
        (&json!(1), &json!(1), &json!("probe"))
    );
    assert_eq!(question["call"]["write"]["path"], "a");
    assert_eq!(question["size"], 5);
    let asked = format!("r1#{}", question["entry"]);
    let shown = owner.place.aos(&["ps"]).expect(0);
    shown.answers(&format!("ask {asked} r1/1 probe mount.write site:a")).answers("body 5 bytes: hello");
    shown.answers(&format!("aos-host approve {asked}")).answers("asks mount.write site:a");
    assert!(!owner.place.path("site/a").exists(), "nothing happens before the answer");
    let done = owner.place.aos(&["approve", &asked]).expect(0);
    done.answers(&format!("approved {asked}: mount.write site:a (#"));
    let second = format!("r1#{}", next(&owner, "b")["entry"]);
    owner.place.aos(&["deny", &second]).expect(0).answers(&format!("denied {second}: mount.write site:b"));
    // The same call again in a row is the same refusal: an agent cannot wear the operator out.
    let third = format!("r1#{}", next(&owner, "c")["entry"]);
    owner.place.aos(&["approve", &third]).expect(0);
    let ran = run.wait().expect(0);
    ran.says(&format!("ask {asked} r1/1 probe mount.write site:a"))
        .says(&format!("  aos-host approve {asked}"));
    ran.says(&format!("approved {asked}"))
        .says(&format!("denied {second}"))
        .says("you were asked, and denied it");
    let results: Value = serde_json::from_str(ran.stdout.trim()).unwrap();
    assert!(results[0].get("ok").is_some() && results[3].get("ok").is_some(), "{results}");
    assert_eq!(results[1], json!({"err": {"denied": null}}));
    assert_eq!(results[2], json!({"err": {"denied": null}}));
    assert_eq!(owner.place.text("site/a"), "hello");
    assert!(!owner.place.path("site/b").exists());
    let entries = owner.entries("r1");
    assert_eq!(
        kinds(&entries)[2..],
        [
            "ask write",
            "rule",
            "intent write",
            "outcome",
            "ask write",
            "rule",
            "call write",
            "ask write",
            "rule",
            "intent write",
            "outcome",
            "exit",
            "end",
        ]
    );
    let rule = entries.iter().find(|entry| entry.kind() == "rule").unwrap();
    assert_eq!(rule.event()["leaf"], question["leaf"], "the answer is bound to the question");
    let (place, _) = owner.down();
    whole(&place, "r1");
}

/// The question about a path, once it is the open one.
fn next(owner: &Owner, path: &str) -> Value {
    let mut open = Value::Null;
    until(|| {
        open = owner.shown("question").pop().unwrap_or_default();
        open["call"]["write"]["path"] == path
    });
    open
}

/// An answer is to one question: the same call with other bytes is another, of the same size too.
#[test]
fn a_denied_call_with_another_body_is_asked_again() {
    let owner = hosted();
    let write = |body: &str| json!({"op": "write", "mount": "site", "path": "a", "body": body});
    let publish = |body: &str| json!({"op": "publish", "topic": "news", "body": body});
    let flags = [&SITE[..], &["--allow", "publish=news", "--ask", "publish=news"]].concat();
    let script = [write("one"), write("one"), write("two"), publish("one"), publish("one"), publish("two")];
    let run = owner.probe(&flags, &json!(script));
    let mut before = 0;
    for _ in 0..4 {
        let mut question = Value::Null;
        until(|| {
            question = owner.shown("question").pop().unwrap_or_default();
            question["entry"].as_u64().is_some_and(|entry| entry > before)
        });
        before = question["entry"].as_u64().unwrap();
        owner.place.aos(&["deny", &format!("r1#{before}")]).expect(0);
    }
    let ran = run.wait().expect(0);
    let results: Vec<Value> = serde_json::from_str(ran.stdout.trim()).unwrap();
    assert!(results.iter().all(|result| *result == json!({"err": {"denied": null}})), "{results:?}");
    let entries = owner.entries("r1");
    let denied = entries.iter().filter(|entry| entry.kind() == "call");
    let times: Vec<u64> =
        denied.map(|entry| entry.event()["repeat"]["times"].as_u64().unwrap_or(1)).collect();
    assert_eq!(times, [2, 1, 2, 1]);
    let (place, _) = owner.down();
    whole(&place, "r1");
}

#[test]
fn a_question_waits_until_its_process_ends() {
    let owner = hosted();
    for (end, code) in [("stop", 0), ("kill", 1), ("INT", 1), ("wall", 5)] {
        let mut flags = SITE.to_vec();
        if end == "wall" {
            flags.extend(["--budget", "wall-time=300ms"]);
        }
        let run = owner.probe(&flags, &json!([write(end)]));
        let ran = match end {
            "wall" => run.wait(),
            _ => {
                let asked = owner.questions(1).remove(0);
                match end {
                    "INT" => signal(run.pid(), "INT"),
                    word => drop(owner.place.aos(&[word, &format!("r{}", asked["run"])]).expect(0)),
                }
                run.wait()
            }
        };
        let ran = ran.expect(code);
        if end == "stop" {
            ran.answers("interrupted");
        }
        assert!(owner.questions(0).is_empty());
        assert!(!owner.place.path("site").join(end).exists());
    }
    let (place, _) = owner.down();
    ["r1", "r2", "r3", "r4"].iter().for_each(|run| whole(&place, run));
}

#[test]
fn children_and_other_calls_ask_too() {
    let owner = Owner::up();
    let team = owner.place.team(
        "[package]\nname = \"team\"\nversion = \"0.1.0\"\ncomponent = \"probe.wasm\"\n[needs]\nspawn = [\"probe\"]\n\
         publish = [\"news\"]\n[needs.delegate]\npublish = [\"news\"]\n[children.probe]\ncomponent = \"probe.wasm\"\n\
         needs = { publish = [\"news\"] }\n",
    );
    let publish = json!({"op": "publish", "topic": "news", "body": "x"});
    let script = json!([
        {"op": "spawn", "component": "probe", "input": [publish], "as": "c"}, publish, {"op": "wait", "on": "c"},
    ]);
    let words =
        ["run", team.to_str().unwrap(), "--ask", "publish=news", "--ask", "spawn=probe", "--input", "-"];
    let run = owner.place.start(&words, script.to_string().as_bytes());
    let spawn = owner.questions(1).remove(0);
    assert_eq!(spawn["call"]["spawn"]["component"], "probe");
    owner.place.aos(&["approve", &format!("r1#{}", spawn["entry"])]).expect(0);
    let both = owner.questions(2);
    for question in &both {
        assert_eq!(question["call"]["publish"]["topic"], "news");
        owner.place.aos(&["approve", &format!("r1#{}", question["entry"])]).expect(0);
    }
    let ran = run.wait().expect(0);
    // What was answered before it could be shown is shown as answered.
    for question in both {
        ran.says(&format!("approved r1#{}", question["entry"]));
    }
    let (place, _) = owner.down();
    whole(&place, "r1");
}

#[test]
fn a_run_of_its_own_is_answered_from_another_terminal() {
    let place = Place::new();
    place.folder("site");
    let probe = guest("probe").to_str().unwrap().to_owned();
    let script = json!([write("a")]).to_string();
    let words = [&["run", &probe, &script, "--quiet"], &SITE[..]].concat();
    let mut owner = Owner::of(place, &words);
    let asked = format!("r1#{}", owner.questions(1)[0]["entry"]);
    owner.place.aos(&["approve", &asked]).expect(0);
    // Even a quiet run says what it waits for.
    owner.wait().expect(0).says(&format!("aos-host approve {asked}"));
    whole(&owner.place, "r1");
}
