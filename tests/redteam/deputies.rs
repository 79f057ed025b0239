//! Rights that are not one's own any more, and rights of others: both with an innocent agent beside the attacker.

use serde_json::{Value, json};

use crate::support::Place;
use crate::syscalls::team::team;
use crate::terminal::owner::{Owner, until, whole};

fn answers(stdout: &str) -> Vec<Value> {
    serde_json::from_str(stdout.trim()).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

fn denied(answer: &Value) -> bool {
    *answer == json!({"err": {"denied": null}})
}

/// An attacker writes as fast as it can, and in its children, while its right is taken; a neighbour of another run goes on.
#[test]
fn what_was_taken_back_is_of_no_use() {
    let owner = Owner::up();
    owner.place.folder("site");
    let write = json!({"op": "write", "mount": "site", "path": "a", "body": "x"});
    let grab = json!({"op": "repeat", "n": 100_000_000, "until_err": true, "steps": [write]});
    let needs = "spawn = [\"imp\"]\nwrite = [\"site\"]\n[needs.delegate]\nwrite = [\"site\"]";
    let imp =
        "[children.imp.needs]\nwrite = [\"site\"]\n[children.imp.budget]\nfuel = \"4G\"\ncalls = 4000000";
    let folder = owner.place.team(&team(needs, &[("imp", imp)]));
    let again = json!({"op": "repeat", "n": 50, "steps": [write]});
    let script = json!([
        {"op": "spawn", "component": "imp", "as": "i", "input": [grab, again]}, grab, again, {"op": "wait", "on": "i"},
        {"op": "spawn", "component": "imp", "as": "j", "input": [write]}, {"op": "wait", "on": "j"},
    ]);
    let site = [
        "--mount",
        "site=site:overlay",
        "--budget",
        "calls=unlimited",
        "--budget",
        "bytes-stored=unlimited",
        "--budget",
        "fuel=20G",
    ];
    let words = [&["run", folder.to_str().unwrap(), "--input", "-"], &site[..]].concat();
    let attack = owner.place.start(&words, script.to_string().as_bytes());
    until(|| owner.shown("process").iter().filter(|process| process["run"] == 1).count() == 2);
    let innocent = owner.probe(
        &["--mount", "site=site:overlay"],
        &json!([{"op": "repeat", "n": 30, "steps": [{"op": "sleep", "ms": 10}, write]}, {"op": "return", "body": "unharmed"}]),
    );
    std::thread::sleep(std::time::Duration::from_millis(100));
    owner.place.aos(&["revoke", "r1", "write=site"]).expect(0).answers("is taken from 2 processes");
    let ran = attack.wait().expect(0);
    let steps = answers(&ran.stdout);
    let of = |step: &Value| answers(step["ok"]["returned"].as_str().unwrap_or_else(|| panic!("{step}")));
    assert!(denied(&steps[1]["ok"]["last"][0]) && denied(&steps[2]["ok"]["last"][0]), "{ran}");
    assert!(denied(&of(&steps[3])[0]["ok"]["last"][0]) && denied(&of(&steps[5])[0]), "{ran}");
    assert_eq!(innocent.wait().expect(0).stdout.trim(), "unharmed");
    let (place, _) = owner.down();
    let entries = place.entries(Some("r1"));
    let taken = entries.iter().position(|entry| entry.kind() == "revoke").unwrap();
    let wrote = |entry: &&crate::support::Entry| entry.verb() == "write" && entry.out().get("Ok").is_some();
    assert!(
        entries[..taken].iter().any(|entry| wrote(&entry))
            && !entries[taken..].iter().any(|entry| wrote(&entry))
    );
    let refusals: Vec<_> = entries[taken..].iter().filter(|entry| entry.verb() == "write").collect();
    assert!(refusals.len() < 10, "50 denials in a row are one entry: {}", refusals.len());
    println!(
        "| 25 | a right that was taken back | denied from the next call on, in {} entries |",
        refusals.len()
    );
    whole(&place, "r1");
    whole(&place, "r2");
}

/// An imp that may do nothing has a clerk who may publish, and may not after personal data.
#[test]
fn a_message_carries_no_rights() {
    let place = Place::new();
    place.file("notes/a", "a secret of somebody's");
    let needs = "spawn = [\"imp\", \"clerk\"]\n[needs.delegate]\nread = [\"notes\"]\nsend = [\"clerk\"]\npublish = [{ object = \"news\", unless = [\"personal\"] }]";
    let imp = "[children.imp.needs]\nread = [\"notes\"]\nsend = [\"clerk\"]";
    let clerk = "[children.clerk.needs]\npublish = [\"news\"]";
    let publish = json!({"op": "publish", "topic": "news", "body": "as I was told"});
    let tell = json!({"op": "send", "to": "clerk", "body": "{\"capabilities\":[[\"write\",\"site\"]],\"publish\":\"news\"}"});
    let imps = json!([
        publish, tell, {"op": "read", "mount": "notes", "path": "a"}, tell,
        {"op": "spawn", "component": "clerk", "name": "mine", "as": "m", "input": [publish]},
    ]);
    let clerks = json!([
        publish, {"op": "receive"}, publish, {"op": "write", "mount": "site", "path": "a", "body": "x"}, {"op": "receive"}, publish,
    ]);
    let script = json!([
        {"op": "spawn", "component": "clerk", "as": "c", "input": clerks},
        {"op": "spawn", "component": "imp", "as": "i", "input": imps},
        {"op": "wait", "on": "i"}, {"op": "wait", "on": "c"}, {"op": "return", "body": "unharmed"},
    ]);
    let flags = ["--mount", "notes=notes,label=personal"];
    let run = place.probes(&team(needs, &[("imp", imp), ("clerk", clerk)]), &flags, &script);
    assert_eq!(run.ran.stdout.trim(), "unharmed", "{}", run.ran);
    let of = |pid: u64| -> Vec<(String, bool)> {
        let calls = run.of(pid).into_iter().filter(|entry| ["call", "outcome"].contains(&entry.kind()));
        calls.map(|entry| (entry.verb().to_owned(), entry.out().get("Ok").is_some())).collect()
    };
    let made = |pid: u64, verb: &str| -> Vec<bool> {
        of(pid).into_iter().filter(|(of, _)| of == verb).map(|(_, made)| made).collect()
    };
    assert_eq!(made(3, "publish"), [false], "the imp may not, and cannot spawn one that may");
    assert_eq!(made(3, "spawn"), [false]);
    assert_eq!(
        made(2, "publish"),
        [true, true, false],
        "the clerk's own right, until what was read came with a message"
    );
    assert_eq!(made(2, "write"), [false], "what a message says is no capability");
    println!(
        "| 26 | a deputy is told to act | its own rights alone; personal data closes the topic to it too |"
    );
}
