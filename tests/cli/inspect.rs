//! `inspect`: what a run did, from its entries alone, as text and as lines of JSON.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Place, Run};

/// A team whose root does a little of everything, and whose child waits for one message.
const TEAM: &str = "[package]\nname = \"busy\"\nversion = \"0.1.0\"\ncomponent = \"probe.wasm\"\n[needs]\n\
    spawn = [\"idle\"]\nsend = [\"idle\"]\npublish = [\"news\"]\nread = [\"docs\"]\nwrite = [\"site\", \"over\"]\n\
    infer = [\"default\"]\nput = [\"*\"]\nlog = [\"*\"]\n[children.idle]\ncomponent = \"idle.wasm\"\n";

const MODEL: &str = "[model]\nprice-in = 1000000\nprice-out = 2000000\n\
    [[answer]]\ncontains = \"fail\"\nfail = { detail = \"over<b>loaded\", retryable = false }\n\
    [[answer]]\ntext = \"x\"\ntokens-in = 3\ntokens-out = 7\n";

const FLAGS: [&str; 8] = [
    "--mount",
    "docs=docs,label=personal",
    "--mount",
    "site=site:rw",
    "--mount",
    "over=over:overlay",
    "--model",
    "default=scripted:script.toml",
];

/// What a busy run leaves in a place; its log was verified and replayed.
pub fn busy(place: &Place) -> Run {
    place.file("docs/plan.md", "the plan");
    place.file("site/old.html", "old");
    place.file("over/page.md", "base");
    place.file("script.toml", MODEL);
    let write = |mount: &str, path: &str, body: &str| json!({"op": "write", "mount": mount, "path": path, "body": body});
    let script = json!([
        {"op": "spawn", "component": "idle", "as": "child"},
        write("scratch", "own", "one"),
        write("scratch", "own", "two"),
        {"op": "read", "mount": "docs", "path": "plan.md"},
        write("site", "old.html", "new"),
        {"op": "remove", "mount": "site", "path": "old.html"},
        write("over", "page.md", "changed"),
        write("over", "page.md", "changed again"),
        {"op": "generate", "prompt": "go", "max_tokens": 50},
        {"op": "generate", "prompt": "fail", "max_tokens": 50},
        {"op": "put", "kind": "note", "body": "one"},
        {"op": "put", "kind": "page", "body": "two", "parents": [ONE]},
        {"op": "publish", "topic": "news", "body": "hear"},
        {"op": "read", "mount": "site", "path": "x"},
        {"op": "send", "to": "idle", "body": "end"},
        {"op": "wait", "on": "child"},
    ]);
    place.probes(TEAM, &FLAGS, &script).expect(0)
}

/// Of `one`.
const ONE: &str = "sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";

fn digest(text: &str) -> String {
    let hex: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[test]
fn all_that_a_run_did_is_in_json() {
    let place = Place::new();
    busy(&place);
    let shown = place.aos(&["inspect", "--json"]).expect(0);
    let lines: Vec<Value> = shown.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| -> Vec<&Value> { lines.iter().filter(|line| line["kind"] == kind).collect() };

    let run = of("run")[0];
    for (what, count) in [("messages", 2), ("reads", 1), ("changes", 6), ("inferences", 2), ("artifacts", 2)]
    {
        assert_eq!(run[what], count, "{what} of {run}");
        assert_eq!(run["ended"], true);
    }
    let processes = of("process");
    assert_eq!(processes.len(), 2);
    assert_eq!(processes[0]["labels"][0]["label"], "personal");
    // Only what is outside is waited for whatever the machine's pace is.
    for (verb, count) in [("mount.write", 1), ("mount.remove", 1), ("infer.generate", 2)] {
        assert_eq!(processes[0]["waits"][verb]["count"], count, "{verb} of {}", processes[0]);
    }
    for process in &processes {
        let [started, ended] = ["started", "ended"].map(|at| process[at].as_u64().unwrap());
        let spent: u64 = process["times"].as_object().unwrap().values().map(|ms| ms.as_u64().unwrap()).sum();
        assert_eq!(spent, ended - started, "it was at something all the time: {process}");
        assert_eq!(process["phase"], Value::Null);
    }
    let files: Vec<Value> = of("file")
        .iter()
        .map(|file| json!([file["act"], file["mount"], file["path"], file["before"], file["after"]]))
        .collect();
    let expected = [
        json!(["read", "docs", "plan.md", digest("the plan"), digest("the plan")]),
        json!(["write", "scratch", "own", null, digest("one")]),
        json!(["write", "scratch", "own", digest("one"), digest("two")]),
        json!(["write", "site", "old.html", digest("old"), digest("new")]),
        json!(["remove", "site", "old.html", digest("new"), null]),
        json!(["write", "over", "page.md", digest("base"), digest("changed")]),
        json!(["write", "over", "page.md", digest("changed"), digest("changed again")]),
    ];
    assert_eq!(files, expected);
    let asked = of("inference");
    assert_eq!(
        (&asked[0]["asked"], &asked[0]["tokens_in"], &asked[0]["micro_usd"]),
        (&json!("answered"), &json!(3), &json!(17))
    );
    assert_eq!(asked[1]["asked"], "failed");
    assert!(asked[1]["fault"].as_str().unwrap().contains("loaded"), "{}", asked[1]);
    let model = of("model")[0];
    assert_eq!((&model["asked"], &model["failed"], &model["tokens_out"]), (&json!(2), &json!(1), &json!(7)));
    assert_eq!(of("artifact")[1]["artifact"]["parents"], json!([ONE]));
    let sent = of("message");
    assert_eq!((&sent[0]["topic"], &sent[0]["reached"]), (&json!("news"), &json!(0)));
    assert_eq!(
        (&sent[1]["to"], &sent[1]["size"], &sent[1]["labels"]),
        (&json!(2), &json!(3), &json!(["personal"]))
    );
    assert_eq!(sent[1]["received"][0], 2);
    assert_eq!(of("refusal").len(), 1);
}

#[test]
fn a_page_of_text_says_the_same() {
    let place = Place::new();
    busy(&place);
    let shown = place.aos(&["inspect"]).expect(0);
    for text in [
        "└2 idle",
        "Messages 2",
        "→ 2 idle",
        "news (reached 0)",
        "Files changed 6",
        "wrote scratch:own",
        "Questions to models 2",
        "3 + 7 tokens",
        "Artifacts 2",
        "labels 1 busy: personal",
        "denied 1",
    ] {
        shown.answers(text);
    }
    assert!(shown.stdout.lines().count() <= 40, "one screen: {shown}");
    assert!(!shown.stdout.contains('\u{1b}'), "no colours for a pipe: {shown}");
}

/// Asked calls show when they were asked, and that nobody has answered yet.
#[test]
fn an_asked_call_is_an_approval_without_an_answer() {
    let place = Place::new();
    let folder = place.team(TEAM);
    for inside in ["docs", "site", "over"] {
        place.folder(inside);
    }
    place.file("script.toml", MODEL);
    let script = json!([{"op": "write", "mount": "site", "path": "a", "body": "x"}]).to_string();
    let words = [
        &["run", folder.to_str().unwrap(), &script, "--ask", "write=site", "--budget", "wall-time=300ms"],
        &FLAGS[..],
    ];
    place.aos(&words.concat()).expect(5);
    let shown = place.aos(&["inspect", "--json"]).expect(0);
    let approval = shown.stdout.lines().find(|line| line.contains("\"kind\":\"approval\"")).unwrap();
    let approval: Value = serde_json::from_str(approval).unwrap();
    assert_eq!(
        (&approval["verb"], &approval["object"], &approval["ruled"]),
        (&json!("mount.write"), &json!("site:a"), &Value::Null)
    );
    place.aos(&["inspect"]).expect(0).answers("Approvals 1").answers("not answered");
    place.aos(&["report", "-o", "-"]).expect(0).answers("<h2>Approvals").answers("not answered");
}
