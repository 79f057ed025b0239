//! Clients that do what they should not: each takes a bounded part of the host, and others are served.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::owner::{Owner, answer, until, whole};
use crate::support::guest;

#[test]
fn garbage_is_refused_in_words() {
    let mut owner = Owner::up();
    let deep = format!("{{\"v\":1,\"says\":{}\n", "[".repeat(60_000));
    for (line, why) in [
        (&b"\n"[..], "EOF"),
        (b"GET / HTTP/1.1\r\n", "expected"),
        (b"\0\xff\xfe\n", "expected"),
        (b"{}\n", "missing field"),
        (b"{\"v\":2,\"says\":\"glance\"}\n", "version 2"),
        (b"{\"v\":1,\"says\":\"fly\"}\n", "unknown variant"),
        (b"{\"v\":1,\"says\":{\"signal\":{\"run\":-1,\"pid\":1,\"signal\":\"kill\"}}}\n", "invalid value"),
        (b"{\"v\":1,\"says\":{\"run\":{\"request\":{},\"input\":\"\"}}}\n", "missing field"),
        (deep.as_bytes(), "EOF"),
    ] {
        let refused = owner.say(line)["says"]["refused"].clone();
        assert_eq!(refused["kind"], "usage", "{refused}");
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains(why), "{message:?} should have {why:?}");
    }
    let request = json!({"target": "a", "mounts": [], "models": [], "allow": [], "narrow": [], "budget": []});
    let answered = owner.ask(&json!({"run": {"request": request, "input": "?"}}));
    let words = answered["refused"]["message"].as_str().unwrap_or_default();
    assert!(words.contains("base 64") || words.contains("missing field"), "{answered}");
    for pid in ["0", "4294967295"] {
        let line =
            format!("{{\"v\":1,\"says\":{{\"signal\":{{\"run\":1,\"pid\":{pid},\"signal\":\"kill\"}}}}}}\n");
        assert!(
            owner.say(line.as_bytes())["says"]["refused"]["message"]
                .as_str()
                .unwrap()
                .contains("does not live")
        );
    }
    owner.answers();
}

#[test]
fn a_question_without_an_end_is_cut_off() {
    let mut owner = Owner::up();
    let mut stream = owner.connect();
    let chunk = vec![b'x'; 1 << 20];
    let mut said = 0_u64;
    // It hangs up long before 64 MiB.
    while said < 64 << 20 && stream.write_all(&chunk).is_ok() {
        said += chunk.len() as u64;
    }
    assert!(said <= 16 << 20, "{said} bytes were taken");
    let mut rest = Vec::new();
    let _cut = stream.read_to_end(&mut rest);
    owner.answers();
}

#[test]
fn the_silent_and_the_many_do_not_keep_others_out() {
    let mut owner = Owner::up();
    let silent: Vec<UnixStream> = (0..200)
        .map(|n| {
            let mut stream = owner.connect();
            if n % 2 == 0 {
                stream.write_all(b"{\"v\":1,\"says\":").unwrap();
            }
            stream
        })
        .collect();
    owner.answers();
    // More than there is place for: those that come later are sent away, and a patient client gets its turn.
    let more: Vec<UnixStream> = (0..200).map(|_| owner.connect()).collect();
    until(|| {
        let mut stream = owner.connect();
        stream.write_all(b"{\"v\":1,\"says\":\"glance\"}\n").is_ok()
            && answer(&stream)["says"].get("glance").is_some()
    });
    drop((silent, more));
    owner.answers();
}

#[test]
fn who_does_not_read_waits_alone() {
    let mut owner = Owner::up();
    let deaf: Vec<UnixStream> = (0..100)
        .map(|_| {
            let mut stream = owner.connect();
            stream.write_all(b"{\"v\":1,\"says\":\"glance\"}\n").unwrap();
            stream
        })
        .collect();
    owner.answers();
    let run = owner.probe(&[], &json!([{"op": "log", "text": "x"}]));
    run.wait().expect(0);
    for stream in &deaf {
        assert!(answer(stream)["says"].get("glance").is_some(), "the answer was there all the time");
    }
}

/// Hundreds of runs from the socket at once: all end, or are told to try again; the host lives.
#[test]
fn hundreds_of_handed_runs_are_bounded() {
    let mut owner = Owner::up();
    let target = guest("probe").to_str().unwrap().to_owned();
    let request = json!({"target": target, "mounts": [], "models": [], "allow": [], "narrow": [],
        "budget": [["memory", 4 << 20], ["fuel", 100_000_000]]});
    let input = "W3sib3AiOiJyZWNlaXZlIn1d"; // [{"op":"receive"}]
    let ask = format!("{}\n", json!({"v": 1, "says": {"run": {"request": request, "input": input}}}));
    let mut streams: Vec<UnixStream> = Vec::new();
    let mut busy = 0;
    for _ in 0..300 {
        let mut stream = owner.connect();
        stream.write_all(ask.as_bytes()).unwrap();
        match answer(&stream)["says"].as_str() {
            Some("taken") => streams.push(stream),
            Some("busy") => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((streams.len(), busy), (128, 172));
    until(|| owner.shown("process").len() == 128);
    owner.answers();
    for run in 1..=128 {
        let signalled = owner.ask(&json!({"signal": {"run": run, "pid": 1, "signal": "stop"}}));
        assert!(signalled.get("done").is_some(), "{signalled}");
    }
    for stream in &streams {
        // One reader for all that is left: two answers may come at once.
        let last: Value = BufReader::new(stream)
            .lines()
            .map_while(Result::ok)
            .map(|line| serde_json::from_str::<Value>(&line).unwrap())
            .find(|said| said["says"].get("ended").is_some())
            .unwrap_or_default();
        assert!(last["says"]["ended"]["exit"].as_u64() > Some(0), "{last}");
    }
    owner.probe(&[], &json!([])).wait().expect(0);
    let (place, _) = owner.down();
    whole(&place, "r128");
}

/// A client that hangs up before its run was opened does not get it.
#[test]
fn who_hangs_up_before_its_run_begins_does_not_get_it() {
    let mut owner = Owner::up();
    let target = guest("probe").to_str().unwrap().to_owned();
    let request =
        json!({"target": target, "mounts": [], "models": [], "allow": [], "narrow": [], "budget": []});
    let input = "W3sib3AiOiJyZWNlaXZlIn1d";
    let ask = format!("{}\n", json!({"v": 1, "says": {"run": {"request": request, "input": input}}}));
    for _ in 0..20 {
        let mut stream = owner.connect();
        stream.write_all(ask.as_bytes()).unwrap();
        drop(stream);
    }
    // What was opened before it was noticed is ended again.
    owner.probe(&[], &json!([])).wait().expect(0);
    until(|| owner.shown("process").is_empty());
    owner.answers();
}
