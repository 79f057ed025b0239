//! Evidence for grants: the least grant that a run needed refuses it nothing, and without any of its rights it does.

use serde_json::{Value, json};

use super::team::team;
use crate::support::{Place, Run, guest};

/// What `grant suggest` says of a run: its flags, a word each, and its file.
#[track_caller]
fn suggested(place: &Place, run: &str) -> (Vec<String>, String) {
    let ran = place.aos(&["grant", "suggest", run, "--json"]).expect(0);
    let line: Value = serde_json::from_str(ran.stdout.trim()).unwrap();
    let flags = line["flags"].as_array().unwrap().iter();
    let words = flags.flat_map(|flag| {
        let (name, value) = flag.as_str().unwrap().split_once(' ').unwrap();
        [name.to_owned(), value.trim_matches('\'').to_owned()]
    });
    (words.collect(), line["toml"].as_str().unwrap().to_owned())
}

/// A file without each of its rights in turn.
fn lessened(toml: &str) -> Vec<String> {
    let lines: Vec<&str> = toml.lines().collect();
    let mut files = Vec::new();
    let mut mounts = false;
    for (at, line) in lines.iter().enumerate() {
        mounts = if line.starts_with('[') { line.starts_with("[mounts") } else { mounts };
        let Some((verb, list)) = line.split_once(" = [").filter(|_| !mounts) else { continue };
        let list = list.strip_suffix(']').unwrap();
        let items: Vec<&str> = if list.contains('{') { vec![list] } else { list.split(", ").collect() };
        for left_out in 0..items.len() {
            let kept: Vec<&str> = items
                .iter()
                .enumerate()
                .filter(|(item, _)| *item != left_out)
                .map(|(_, item)| *item)
                .collect();
            let mut file: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            file[at] = format!("{verb} = [{}]", kept.join(", "));
            files.push(file.join("\n"));
        }
    }
    files
}

/// That a run's suggestion refuses nothing, and is least; answers its flags and how many rights it has.
#[track_caller]
fn least(place: &Place, run: &str) -> (Vec<String>, usize) {
    let (flags, toml) = suggested(place, run);
    place.file("least.toml", &toml);
    place.aos(&["grant", "try", "least.toml", run]).expect(0);
    let less = lessened(&toml);
    for file in &less {
        place.file("less.toml", file);
        let tried = place.aos(&["grant", "try", "less.toml", run]);
        assert_eq!(tried.code, 3, "it should refuse something under\n{file}\nof\n{toml}: {tried}");
        tried.answers("would refuse ").answers("  allow: [");
    }
    (flags, less.len())
}

fn files() -> Place {
    let place = Place::new();
    place.file("docs/a", "one");
    place.file("more/a", "two");
    place.folder("site");
    place.file("script.toml", "[[answer]]\ntext = \"x\"\n");
    place
}

#[test]
fn an_agent_alone() {
    let place = files();
    let script = json!([
        {"op": "read", "mount": "docs", "path": "a"},
        {"op": "write", "mount": "site", "path": "a", "body": "x"},
        {"op": "publish", "topic": "progress.a", "body": "x"},
        {"op": "publish", "topic": "progress.b", "body": "x"},
        {"op": "subscribe", "pattern": "news.*"},
        {"op": "subscribe", "pattern": "news.a"},
        {"op": "acquire", "name": "lock", "ttl_ms": 1_000},
        {"op": "put", "kind": "finding", "body": "x"},
        {"op": "artifacts"},
        {"op": "generate", "prompt": "go"},
        {"op": "declassify", "label": "personal"},
        {"op": "read", "mount": "none", "path": "a"},
        {"op": "log", "text": "x"},
        {"op": "write", "mount": "scratch", "path": "a", "body": "x"},
    ]);
    let flags = [
        "--mount",
        "docs=docs:rw",
        "--mount",
        "more=more",
        "--mount",
        "site=site:rw",
        "--model",
        "default=scripted:script.toml",
        "--allow",
        "publish=*",
        "--allow",
        "subscribe=*",
        "--allow",
        "lease=*",
        "--allow",
        "put=*",
        "--allow",
        "get=*",
        "--allow",
        "send=*",
        "--allow",
        "declassify=*",
        "--unless",
        "infer=*,label=secret",
    ];
    let first = place.probe(&flags, &script);
    let (flags, rights) = least(&place, "r1");
    assert_eq!(rights, 10, "{flags:?}");
    assert!(
        !flags
            .iter()
            .any(|flag| flag.starts_with("more=") || flag.starts_with("docs=") && flag.ends_with(":rw"))
    );
    assert!(flags.contains(&"infer=default,label=secret".to_owned()), "{flags:?}");
    let words: Vec<&str> = flags.iter().map(String::as_str).collect();
    let again = place.probe(&words, &script);
    // What a call answers may name its entry, which is another in another run.
    let refused = |run: &Run| run.results().iter().map(|result| result["err"].clone()).collect::<Vec<_>>();
    assert_eq!(refused(&again), refused(&first));
    let tried = place.aos(&["grant", "try", guest("probe").to_str().unwrap(), "r1"]).expect(2);
    tried.says("error:");
}

/// What a list of models told is a part of what a run was given: a shorter one is another answer.
#[test]
fn a_list_of_models_is_an_answer_too() {
    let place = files();
    let flags = ["--model", "default=scripted:script.toml", "--model", "other=scripted:script.toml"];
    let run = place.probe(&flags, &json!([{"op": "models"}, {"op": "generate", "prompt": "go"}]));
    assert_eq!(run.results()[0]["ok"].as_array().map(Vec::len), Some(2));
    let (_, rights) = least(&place, "r1");
    assert_eq!(rights, 2);
    place.file("one.toml", "[needs]\ninfer = [\"default\"]\n");
    let tried = place.aos(&["grant", "try", "one.toml", "r1"]).expect(3);
    tried.answers("would refuse r1/1 probe infer.models (#3): it would not be told of all models");
    tried.answers("  allow: [needs] infer = [\"*\"]").says("r1: 1 of 2 calls would have been refused");
    // What asks for each question tells of the model all the same.
    place.file("ask.toml", "[needs]\ninfer = [{ object = \"*\", ask = true }]\n");
    place.aos(&["grant", "try", "ask.toml", "r1"]).expect(0).answers("would ask r1/1 probe infer.generate");
}

#[test]
fn a_team_that_hands_on() {
    let place = files();
    let needs = "spawn = [\"middle\"]\n[needs.delegate]\nread = [\"*\"]\nwrite = [\"site\"]\nspawn = [\"leaf\"]\nput = [\"*\"]";
    let middle = "needs = { spawn = [\"leaf\"], delegate = { read = [\"docs\", \"more\"], write = [\"site\"], put = [\"a\", \"b\"] } }\nbudget = { children = 1 }";
    let leaf = "needs = { read = [\"docs\", \"more\"], write = [\"site\"], put = [\"a\", \"b\"], send = [\"parent\"] }";
    let leaves = json!([
        {"op": "read", "mount": "docs", "path": "a"},
        {"op": "put", "kind": "a", "body": "x"},
        {"op": "write", "mount": "site", "path": "a", "body": "x"},
        {"op": "send", "to": "parent"},
    ]);
    let asked = json!([["read", "docs"], ["put", "a"], ["put", "b"]]);
    let middles = json!([
        {"op": "spawn", "component": "leaf", "input": leaves, "as": "l", "capabilities": asked, "must": true},
        {"op": "wait", "on": "l"},
    ]);
    let script = json!([{"op": "spawn", "component": "middle", "input": middles, "as": "m", "must": true}, {"op": "wait", "on": "m"}]);
    let flags = ["--mount", "docs=docs", "--mount", "more=more", "--mount", "site=site:rw"];
    place.probes(&team(needs, &[("middle", middle), ("leaf", leaf)]), &flags, &script).results();
    let (flags, rights) = least(&place, "r1");
    // The leaf was not handed `write`: its denied write is no evidence.
    assert!(!flags.iter().any(|flag| flag.starts_with("site=")), "{flags:?}");
    assert!(rights >= 9, "{rights}");
}

#[test]
fn another_grant_says_what_it_would_have_refused() {
    let place = files();
    let read = json!({"op": "read", "mount": "docs", "path": "a"});
    let script =
        json!([{"op": "repeat", "n": 3, "steps": [read]}, {"op": "publish", "topic": "out", "body": "x"}]);
    place.probe(&["--mount", "docs=docs", "--allow", "publish=*"], &script).results();
    place.file("none.toml", "");
    let tried = place.aos(&["grant", "try", "none.toml", "r1"]).expect(3);
    tried.answers("mount.read docs:a (#3)").answers("×3").answers("  allow: [needs] read = [\"docs\"]");
    tried.says("r1: 4 of 4 calls would have been refused");
    place.file("ask.toml", "[needs]\nread = [{ object = \"docs\", ask = true }]\npublish = [\"out\"]\n");
    place.aos(&["grant", "try", "ask.toml", "r1"]).expect(0).answers("would ask r1/1");
    // The same directory as something personal, after which nothing is to be published.
    let rights = "[needs]\nread = [\"docs\"]\npublish = [{ object = \"out\", unless = [\"personal\"] }]\n";
    place.file("personal.toml", format!("{rights}[mounts.docs]\nlabels = [\"personal\"]\n"));
    let tried = place.aos(&["grant", "try", "personal.toml", "r1"]).expect(3);
    tried.answers("ipc.publish out").answers("it carries \"personal\"");
    tried.says("r1: 1 of 4 calls would have been refused");
    place.file("bad.toml", "[needs]\nfly = [\"a\"]\n");
    place.aos(&["grant", "try", "bad.toml", "r1"]).expect(2).says("bad.toml:2:1");
    place.aos(&["grant", "suggest", "r7"]).expect(2).says("there is no run r7");
}
