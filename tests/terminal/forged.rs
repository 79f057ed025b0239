//! Answers that are none: to another entry, with another hash, too late, twice.

use serde_json::{Value, json};

use super::owner::{Owner, whole};

#[test]
fn only_the_asking_entry_can_be_answered_and_only_once() {
    let owner = Owner::up();
    owner.place.folder("site");
    let flags = ["--mount", "site=site:rw", "--ask", "write=site"];
    let write = json!({"op": "write", "mount": "site", "path": "a", "body": "hello"});
    let first = owner.probe(&flags, &json!([write, {"op": "receive"}]));
    let one = owner.questions(1).remove(0);
    let second = owner.probe(&flags, &json!([write]));
    let two = owner.questions(2).into_iter().find(|question| question["run"] == json!(2)).unwrap();
    let rule = |run: &Value, seq: &Value, leaf: &Value| {
        owner.ask(&json!({"rule": {"run": run, "seq": seq, "leaf": leaf, "allow": true}}))
    };
    let refused = |answer: Value, kind: &str, why: &str| {
        let refused = &answer["refused"];
        assert_eq!(refused["kind"], kind, "{answer}");
        assert!(refused["message"].as_str().unwrap().contains(why), "{answer}");
    };
    let (seq, leaf) = (&one["entry"], &one["leaf"]);
    let forged = json!(format!("sha256:{}", "ab".repeat(32)));
    refused(rule(&json!(1), seq, &forged), "not-authorised", "its hash is another");
    refused(rule(&json!(1), seq, &two["leaf"]), "not-authorised", "its hash is another");
    refused(rule(&json!(2), seq, leaf), "usage", "is of run r1, not of r2");
    refused(rule(&json!(1), &two["entry"], &two["leaf"]), "usage", "is of run r2, not of r1");
    refused(rule(&json!(1), &json!(1), leaf), "usage", "does not ask");
    refused(rule(&json!(1), &json!(99_999), leaf), "usage", "there is no entry");
    refused(rule(&json!(1), &json!(0), leaf), "usage", "there is no entry");
    assert_eq!(owner.questions(2).len(), 2, "both still wait");
    let before = owner.place.entries(None).len();
    let asked = format!("r1#{seq}");
    owner.place.aos(&["approve", &asked]).expect(0);
    owner.waiting(2);
    for late in ["approve", "deny"] {
        owner.place.aos(&[late, &asked]).expect(2).says("waits no more");
    }
    refused(rule(&json!(1), seq, leaf), "usage", "waits no more");
    owner.place.aos(&["kill", "r2"]).expect(0);
    second.wait().expect(1);
    owner.place.aos(&["approve", &format!("r2#{}", two["entry"])]).expect(2).says("waits no more");
    owner.place.aos(&["approve", &format!("r1#{}", two["entry"])]).expect(2).says("is of run r2");
    owner.place.aos(&["deny", "r1#1"]).expect(2).says("does not ask");
    owner.place.aos(&["stop", "r1"]).expect(0);
    first.wait().expect(0);
    let entries = owner.place.entries(None);
    let rules: Vec<_> = entries.iter().filter(|entry| entry.kind() == "rule").collect();
    assert_eq!(rules.len(), 1, "what was refused left nothing");
    assert!(rules[0].seq() > before as u64);
    let (place, _) = owner.down();
    whole(&place, "r1");
    whole(&place, "r2");
}

/// Many answers at once: one counts.
#[test]
fn of_many_answers_one_counts() {
    let owner = Owner::up();
    let run = owner
        .probe(&["--allow", "publish=a", "--ask", "publish=a"], &json!([{"op": "publish", "topic": "a"}]));
    let asked = format!("r1#{}", owner.questions(1)[0]["entry"]);
    let words = |n: usize| if n.is_multiple_of(2) { "approve" } else { "deny" };
    let all: Vec<_> = (0..12).map(|n| owner.place.start(&[words(n), &asked], b"")).collect();
    let won: Vec<i32> = all.into_iter().map(|one| one.wait().code).collect();
    assert_eq!(won.iter().filter(|code| **code == 0).count(), 1, "{won:?}");
    assert!(won.iter().all(|code| [0, 2].contains(code)), "{won:?}");
    run.wait().expect(0);
    let (place, _) = owner.down();
    assert_eq!(place.entries(Some("r1")).iter().filter(|entry| entry.kind() == "rule").count(), 1);
    whole(&place, "r1");
}
