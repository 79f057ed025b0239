//! Standard output is the result; everything else is on standard error.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Place, guest};

fn probe() -> String {
    guest("probe").to_str().unwrap().to_owned()
}

/// A place with a run that logged, was denied, and answered.
fn used() -> Place {
    let place = Place::new();
    let script = json!([
        {"op": "log", "text": "a line"}, {"op": "print", "text": "printed"}, {"op": "publish", "topic": "secret"},
        {"op": "return", "body": "the result"},
    ]);
    let run = place.probe(&[], &script).expect(0);
    assert_eq!(run.ran.stdout, "the result\n", "{}", run.ran);
    run.ran
        .says("r1/1 probe info: a line")
        .says("stdout: printed")
        .says("denied r1/1 ipc.publish secret")
        .says("r1 ok");
    place
}

#[test]
fn a_result_is_alone_on_standard_output() {
    used();
    let quiet =
        Place::new().aos(&["run", &probe(), "--quiet", r#"[{"op":"return","body":"hi\n"}]"#]).expect(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("hi\n", ""));
    let nothing = Place::new().aos(&["run", &probe(), r#"[{"op":"return"}]"#]).expect(0);
    assert_eq!(nothing.stdout, "");
}

#[test]
fn a_command_prints_its_result() {
    let ran = Place::new().run(&guest("command"), &[], "").expect(0).ran;
    assert!(ran.stdout.starts_with("arguments 0\n") && ran.stdout.ends_with("done\n"), "{ran}");
    ran.says("stderr: to standard error");
}

#[test]
fn lines_of_json_begin_with_their_version() {
    let place = used();
    for words in [
        &["inspect", "--json"][..],
        &["logs", "r1", "--json"],
        &["replay", "--json"],
        &["audit", "verify", "--json"],
        &["doctor", "--json", "--state", "own"],
        &["run", &probe(), "--json", "[]"],
    ] {
        let ran = place.aos(words).expect(0);
        assert!(!ran.stdout.is_empty(), "{ran}");
        for line in ran.stdout.lines() {
            assert!(line.starts_with("{\"v\":1,\"kind\":\""), "{line} of {ran}");
            let _parsed: Value = serde_json::from_str(line).unwrap();
        }
    }
    let ran = place.aos(&["audit", "export", "r1"]).expect(0);
    assert!(ran.stdout.lines().all(|line| line.starts_with("{\"v\":1,\"seq\":")), "{ran}");
}

#[test]
fn bytes_that_are_no_text_are_base64_in_json() {
    let ran = Place::new().aos(&["run", &probe(), "--json", r#"[{"op":"return","hex":"ff00"}]"#]).expect(0);
    ran.answers("\"output\":\"/wA=\"").answers("\"encoding\":\"base64\"");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let script =
        json!([{"op": "repeat", "n": 2_000, "steps": [{"op": "log", "text": "a line"}]}]).to_string();
    place.aos(&["run", &probe(), "--quiet", &script]).expect(0);
    for words in [&["audit", "export"][..], &["logs"], &["logs", "--json"]] {
        let mut command = place.command(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{words:?}: {stderr}");
        assert_eq!(stderr, "", "{words:?}");
        assert!(!first.is_empty());
    }
}

#[test]
fn no_colour_where_none_is_wanted() {
    let place = used();
    for words in [&["inspect"][..], &["doctor"], &["help"], &["run", "missing.wasm"], &["rnu"]] {
        let mut command = place.command(words);
        command.env("NO_COLOR", "1").env("TERM", "xterm-256color");
        let ran = crate::support::Started::new(command, b"").wait();
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains('\u{1b}'), "{ran}");
    }
}

#[test]
fn an_export_to_a_file_is_the_export() {
    let place = used();
    let shown = place.aos(&["audit", "export"]).expect(0).stdout;
    let ran = place.aos(&["audit", "export", "-o", "log.jsonl"]).expect(0);
    assert_eq!(ran.stdout, "");
    assert_eq!(place.text("log.jsonl"), shown);
    place.aos(&["audit", "export", "-o", "missing/log.jsonl"]).expect(2).says("missing/log.jsonl");
}
