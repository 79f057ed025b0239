//! Keys, which are in a header on their way to their own server, and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::forms::{says, streams};
use super::{KEY, ask, configured, generate, prompt, stream, table};
use crate::support::server::{Asked, Reply, Server};
use crate::support::{Place, Started, guest};

/// A server that gives the key back wherever it can.
fn echo(asked: &Asked) -> Reply {
    let key = asked.header("authorization").trim_start_matches("Bearer ").to_owned();
    let (a, b) = key.split_at(key.len() / 2);
    match (prompt(&asked.body).as_str(), asked.body["stream"] == true) {
        ("text", true) => streams(&["say ", a, b, " twice ", &key[..4], &key[4..]]),
        ("text", false) => says(&format!("your key is {key}{key}")),
        ("tool", _) => {
            let function = json!({"name": key, "arguments": json!({"k": key}).to_string()});
            let message = json!({"tool_calls": [{"id": key, "function": function}]});
            Reply::json(200, &json!({"choices": [{"message": message, "finish_reason": "tool_calls"}]}))
        }
        ("error", true) => Reply::events(&[json!({"error": {"message": format!("bad key {key}")}})]),
        (code, _) => {
            let body = json!({"error": {"message": format!("bad key {key}")}});
            Reply::json(code.parse().unwrap_or(500), &body).with("location", &format!("/{key}"))
        }
    }
}

/// Fails when a file under a folder holds the key, as it is or in a part that would be enough.
fn clean(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            clean(&path);
        } else if let Ok(bytes) = fs::read(&path) {
            let part = &KEY.as_bytes()[..20];
            assert!(
                !bytes.windows(part.len()).any(|window| window == part),
                "the key is in {}",
                path.display()
            );
        }
    }
}

#[test]
fn a_key_is_nowhere() {
    let server = Server::new(|asked: &Asked, _| echo(asked));
    let place = configured(&table("a", &server.url(), "key-file = \"key\"\nattempts = 1"));
    let mut script: Vec<Value> =
        ["text", "tool", "400", "401", "500", "307"].map(|word| generate("a", word)).to_vec();
    script.extend(stream("a", "text", 9));
    script.extend(stream("a", "error", 2));
    let run = ask(&place, &["a"], &[], &script);
    assert_eq!(run.results()[0]["ok"]["parts"], json!([{"text": "your key is [key][key]"}]));
    let streamed: String =
        run.results().iter().filter_map(|result| result["ok"]["text"].as_str().map(str::to_owned)).collect();
    assert_eq!(streamed, "say [key] twice [key]");
    assert!(server.asked().iter().all(|asked| asked.header("authorization") == format!("Bearer {KEY}")));
    let inspected = place.aos(&["inspect"]).expect(0);
    let exported = place.aos(&["audit", "export"]).expect(0);
    let checked = place.aos(&["model", "check", "a"]);
    let listed = place.aos(&["model", "list", "--json"]).expect(0);
    for ran in [&run.ran, &inspected, &exported, &checked, &listed] {
        assert!(!ran.stdout.contains(&KEY[..20]) && !ran.stderr.contains(&KEY[..20]), "{ran}");
    }
    clean(&place.path("state"));
    clean(&place.path("home"));
}

/// A key in a variable reaches its server, and the guest does not see the variable.
#[test]
fn a_key_in_a_variable() {
    let server = Server::new(|_: &Asked, _| says("hi"));
    let place = configured(&table("a", &server.url(), "key-env = \"MY_KEY\""));
    let probe = guest("probe");
    let words = ["run", probe.to_str().unwrap(), "--model", "default=a", "--input", "-"];
    let run = |key: Option<&str>| {
        let mut command = place.command(&words);
        command.envs(key.map(|key| ("MY_KEY", key)));
        Started::new(command, json!([generate("default", "hi")]).to_string().as_bytes()).wait()
    };
    run(None).expect(2).says("model a: its key is not there: MY_KEY is not set").says("export MY_KEY=");
    run(Some("a b")).expect(2).says("MY_KEY cannot be used");
    run(Some(KEY)).expect(0);
    assert_eq!(server.asked().len(), 1);
    assert_eq!(server.asked()[0].header("authorization"), format!("Bearer {KEY}"));
    clean(&place.path("state"));
}

#[track_caller]
fn refused(place: &Place, words: &[&str]) {
    let ran = place.aos(&["run", guest("probe").to_str().unwrap(), "--model", "default=a", "[]"]).expect(2);
    for word in words {
        ran.says(word);
    }
    assert!(!ran.stderr.contains(KEY) && !place.path("state/log.db").exists(), "{ran}");
}

#[test]
fn a_key_that_others_could_read_is_not_used() {
    let place = configured(&table("a", "http://localhost:1", "key-file = \"key\""));
    fs::set_permissions(place.path("config/aos-host/key"), fs::Permissions::from_mode(0o644)).unwrap();
    refused(&place, &["others can read its key", "chmod 600"]);
    fs::remove_file(place.path("config/aos-host/key")).unwrap();
    refused(&place, &["its key cannot be read", "key-file"]);
}

#[test]
fn a_key_does_not_travel_in_the_clear() {
    let place = configured(&table("a", "http://models.example", "key-file = \"key\""));
    refused(&place, &["its key would travel unencrypted to http://models.example/v1", "https"]);
}
