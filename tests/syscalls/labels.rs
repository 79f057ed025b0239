//! Data categories: each way in which a process takes one on, against each way in which it could pass it on.

use serde_json::{Value, json};

use super::case::fits;
use super::team::team;
use crate::support::Place;

/// Of `one`.
const ONE: &str = "sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";

/// The root may do each of these as long as it carries nothing personal; what it needs to take a category on is free.
const NEEDS: &str = r#"
spawn = ["source", { object = "peer", unless = ["personal"] }]
send = [{ object = "peer", unless = ["personal"] }]
publish = [{ object = "out", unless = ["personal"] }]
subscribe = ["event", { object = "other", unless = ["personal"] }]
lease = [{ object = "out", unless = ["personal"] }]
read = ["people", "shared", "again", "below"]
write = ["people", { object = "notes", unless = ["personal"] }]
put = ["finding", { object = "out", unless = ["personal"] }]
get = ["finding"]
infer = [{ object = "default", unless = ["personal"] }]
tool = [{ object = "t", unless = ["personal"] }]
declassify = ["personal"]
[needs.delegate]
read = ["people"]
write = ["shared"]
publish = ["event"]
put = ["finding"]
"#;

const SOURCE: &str = r#"[children.source.needs]
read = ["people"]
write = ["shared"]
send = ["parent"]
publish = ["event"]
put = ["finding"]
"#;

const FLAGS: [&str; 18] = [
    "--mount",
    "people=people:rw,label=personal",
    "--mount",
    "shared=shared:rw",
    "--mount",
    "again=shared",
    "--mount",
    "below=shared/below",
    "--mount",
    "notes=notes:rw",
    "--model",
    "default=scripted:script.toml",
    "--allow",
    "declassify=personal",
    "--allow",
    "tool=t",
    "--unless",
    "log=info,label=personal",
];

fn place() -> Place {
    let place = Place::new();
    place.file("people/ada", "born 1815");
    place.folder("shared/below");
    place.folder("notes");
    place.file("script.toml", "[[answer]]\ntext = \"x\"\n");
    place
}

/// What the root could pass something on with. Each is new each time, so that nothing but a category is in its way.
fn sinks(round: usize) -> Vec<Value> {
    vec![
        json!({"op": "send", "to": "peer", "body": "x"}),
        json!({"op": "publish", "topic": "out", "body": "x"}),
        json!({"op": "subscribe", "pattern": "other"}),
        json!({"op": "acquire", "name": "out", "ttl_ms": 60_000, "wait_ms": 0}),
        json!({"op": "write", "mount": "notes", "path": format!("{round}"), "body": "x"}),
        json!({"op": "rename", "mount": "notes", "source": format!("{round}"), "target": "a"}),
        json!({"op": "remove", "mount": "notes", "path": "a"}),
        json!({"op": "put", "kind": "out", "body": format!("{round}")}),
        json!({"op": "generate", "prompt": "go"}),
        json!({"op": "stream", "prompt": "go", "as": "stream"}),
        json!({"op": "call", "name": "t"}),
        json!({"op": "log", "text": "x"}),
        json!({"op": "spawn", "component": "peer", "name": format!("p{round}"), "input": [{"op": "receive"}], "budget": {"fuel": 50_000_000, "memory": 4_194_304, "bytes-sent": 0, "bytes-stored": 1_000, "tokens-in": 0, "tokens-out": 0, "calls": 5}}),
    ]
}

/// A child that reads what is personal and then does something.
fn source(name: &str, then: Value) -> Value {
    let mut steps = vec![json!({"op": "read", "mount": "people", "path": "ada", "must": true})];
    steps.extend(then.as_array().unwrap().iter().cloned());
    json!({"op": "spawn", "component": "source", "name": name, "as": name, "input": steps, "budget": {"fuel": 100_000_000, "memory": 4_194_304, "tokens-in": 0, "tokens-out": 0}})
}

/// How the root takes the category on: steps before, which it may do without it, and the one with which it does.
type Source = (Vec<Value>, Value);

fn sources() -> Vec<Source> {
    [marked(), peers(), left_behind(), ends()].concat()
}

/// What a marked directory tells, and what is not there.
fn marked() -> Vec<Source> {
    let people = |op: &str, path: &str| json!({"op": op, "mount": "people", "path": path});
    let steps = [
        people("read", "ada"),
        people("list", ""),
        people("stat", "ada"),
        people("read", "grace"),
        people("remove", "grace"),
        json!({"op": "rename", "mount": "people", "source": "x", "target": "y"}),
        json!({"op": "write", "mount": "people", "path": "ada", "body": "x", "if": "absent"}),
    ];
    steps.map(|step| (Vec::new(), step)).to_vec()
}

/// A message, an event, and the notice of its sender's end after each.
fn peers() -> Vec<Source> {
    let receive = json!({"op": "receive"});
    vec![
        (vec![source("sends", json!([{"op": "send", "to": "parent", "body": "x"}]))], receive.clone()),
        (vec![], receive.clone()),
        (vec![source("says", json!([{"op": "publish", "topic": "event", "body": "x"}]))], receive.clone()),
        (vec![], receive),
    ]
}

/// What one left behind that has ended: an artifact, a file in a directory that has three names.
fn left_behind() -> Vec<Source> {
    let put = json!({"op": "put", "kind": "finding", "body": "one"});
    let write = json!({"op": "write", "mount": "shared", "path": "x", "body": "x"});
    vec![
        (vec![source("leaves", json!([put, write]))], json!({"op": "receive"})),
        (vec![], json!({"op": "get", "digest": ONE})),
        (vec![], json!({"op": "artifacts"})),
        (vec![], json!({"op": "put", "kind": "finding", "body": "one", "subject": "s"})),
        (vec![], json!({"op": "read", "mount": "shared", "path": "x"})),
        (vec![], json!({"op": "list", "mount": "again", "path": ""})),
        (vec![], json!({"op": "stat", "mount": "below", "path": "none"})),
    ]
}

/// How a child ended: returned, failed, killed.
fn ends() -> Vec<Source> {
    let receive = json!({"op": "receive"});
    let wait = |name: &str| json!({"op": "wait", "on": name});
    vec![
        (vec![source("returns", json!([{"op": "return", "body": "x"}]))], wait("returns")),
        (vec![], receive.clone()),
        (vec![source("fails", json!([{"op": "fail", "message": "born 1815"}]))], wait("fails")),
        (vec![], receive.clone()),
        (vec![source("waits", json!([{"op": "send", "to": "parent"}, {"op": "receive"}]))], receive),
        (vec![json!({"op": "signal", "on": "waits", "signal": "kill"})], wait("waits")),
    ]
}

#[test]
fn every_source_closes_every_sink() {
    let mut script = vec![
        json!({"op": "spawn", "component": "peer", "input": [{"op": "repeat", "n": 1000, "steps": [{"op": "receive"}]}]}),
        json!({"op": "subscribe", "pattern": "event"}),
    ];
    let mut expected = vec![json!("*"), json!("*")];
    let labels = json!({"op": "labels"});
    for (round, (before, step)) in sources().into_iter().enumerate() {
        let open = sinks(round);
        for step in before {
            script.push(step);
            expected.push(json!("*"));
        }
        script.extend(open.clone());
        expected.extend(open.iter().map(|_| json!("open")));
        script.extend([json!({"op": "cancel", "on": "stream"}), step, labels.clone()]);
        expected.extend([json!("*"), json!("*"), json!({"ok": ["personal"]})]);
        script.extend(open.iter().cloned());
        expected.extend(open.iter().map(|_| json!({"err": {"denied": null}})));
        script.extend([json!({"op": "declassify", "label": "personal"}), labels.clone()]);
        expected.extend([json!({"ok": null}), json!({"ok": []})]);
    }
    let children = [("peer", ""), ("source", SOURCE)];
    let flags =
        [&FLAGS[..], &["--budget", "children=60", "--budget", "tokens-out=100k", "--budget", "tokens-in=1M"]]
            .concat();
    let flags = [&flags[..], &["--budget", "memory=256MiB", "--budget", "fuel=100G"]].concat();
    let run = place().probes(&team(NEEDS, &children), &flags, &Value::Array(script.clone()));
    let results = run.results();
    for (at, ((step, result), expected)) in script.iter().zip(&results).zip(&expected).enumerate() {
        let denied = result["err"].get("denied").is_some();
        let good = if expected == "open" { !denied } else { fits(result, expected) };
        let before = &results[at.saturating_sub(1)];
        assert!(good, "{step} should answer {expected}, not {result}, after {before}");
    }
    let shed = run.calls("declassify").len();
    assert_eq!(shed, sources().len(), "each declassification is on record");
}

#[test]
fn a_child_begins_with_what_its_parent_carries_and_a_stop_carries_it_too() {
    let child = json!([
        {"op": "labels"}, {"op": "publish", "topic": "out", "body": "x"}, {"op": "declassify", "label": "personal"}
    ]);
    let needs = "spawn = [\"child\"]\nread = [\"people\"]\n[needs.delegate]\npublish = [\"out\"]";
    let rest = "needs = { publish = [{ object = \"out\", unless = [\"personal\"] }], send = [\"parent\"] }";
    let early = json!([{"op": "send", "to": "parent"}, {"op": "receive"}, {"op": "labels"}]);
    let script = json!([
        {"op": "spawn", "component": "child", "name": "early", "as": "early", "input": early},
        {"op": "receive"},
        {"op": "read", "mount": "people", "path": "ada"},
        {"op": "spawn", "component": "child", "as": "c", "input": child},
        {"op": "wait", "on": "c"},
        {"op": "signal", "on": "early", "signal": "stop"},
        {"op": "wait", "on": "early"},
    ]);
    let place = place();
    let run =
        place.probes(&team(needs, &[("child", rest)]), &["--mount", "people=people,label=personal"], &script);
    let results = run.results();
    let returned = |at: usize| results[at]["ok"]["returned"].as_str().unwrap().to_owned();
    assert_eq!(
        returned(4),
        "[{\"ok\":[\"personal\"]},{\"err\":{\"denied\":null}},{\"err\":{\"denied\":null}}]"
    );
    assert!(returned(6).ends_with("{\"ok\":[\"personal\"]}]"), "{}", returned(6));
    let shown = place.aos(&["inspect", "r1"]).expect(0);
    shown
        .answers("labels 1 team: personal (#")
        .answers("mount.read people:ada)")
        .answers("labels 3 child: personal (#");
    run.ran.says("it carries \"personal\", taken on with #");
    run.ran.says("  or: have a process do it that has not read \"personal\" data");
    let json = place.aos(&["inspect", "r1", "--json"]).expect(0);
    let flows: Vec<Value> = json
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["kind"] == "flow")
        .collect();
    assert!(
        flows.iter().any(|flow| flow["how"] == "took" && flow["verb"] == "mount.read" && flow["pid"] == 1)
    );
    assert!(flows.iter().any(|flow| flow["how"] == "passed" && flow["verb"] == "process.spawn"));
}

/// Declassifying needs its right, and is on record; what was left behind keeps its category.
#[test]
fn what_is_shed_is_on_record_and_what_was_written_stays_marked() {
    let flags = [
        "--mount",
        "people=people,label=personal",
        "--mount",
        "shared=shared:rw",
        "--allow",
        "declassify=personal",
    ];
    let script = json!([
        {"op": "read", "mount": "people", "path": "ada"},
        {"op": "write", "mount": "shared", "path": "x", "body": "born 1815"},
        {"op": "declassify", "label": "personal"},
        {"op": "labels"},
        {"op": "write", "mount": "shared", "path": "y", "body": "nothing"},
        {"op": "labels"},
        {"op": "read", "mount": "shared", "path": "y"},
        {"op": "labels"},
    ]);
    let place = place();
    let results = place.probe(&flags, &script).results();
    let seen: Vec<&Value> = [3, 5, 7].iter().map(|at| &results[*at]["ok"]).collect();
    assert_eq!(seen, [&json!([]), &json!([]), &json!(["personal"])]);
    place.aos(&["inspect"]).expect(0).answers("shed 1 (#").answers("passed on 2 (#");
}
