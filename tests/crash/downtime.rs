//! What the time between a kill and the next host makes of what was due, and of a question to the operator.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Entry, Place, Started, guest};

/// Waits until the log says so, however slow the machine is.
#[track_caller]
fn until(place: &Place, what: impl Fn(&[Entry]) -> bool) -> Vec<Entry> {
    let since = Instant::now();
    loop {
        let exported = place.aos(&["audit", "export"]);
        let entries: Vec<Entry> = exported.stdout.lines().map(|line| Entry::parse(line)).collect();
        if what(&entries) {
            return entries;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "it never came to that: {exported}");
    }
}

fn ended(place: &Place) {
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
    place.aos(&["replay"]).expect(0).answers("identical");
}

fn time(entry: &Entry) -> u64 {
    entry.0["t"].as_u64().unwrap()
}

#[test]
fn downtime_is_nobody_s_wall_time() {
    let place = Place::new();
    let idle = guest("idle");
    let running = place.start(&["run", idle.to_str().unwrap(), "--budget", "wall-time=600ms"], b"");
    until(&place, |entries| entries.iter().any(|entry| entry.kind() == "wait"));
    running.kill();
    std::thread::sleep(Duration::from_millis(700));
    place.aos(&["resume"]).expect(5).says("exhausted: wall-time");
    let entries = place.entries(None);
    let of = |kind: &str| time(entries.iter().find(|entry| entry.kind() == kind).unwrap());
    assert!(of("resume") - of("wait") >= 600, "it was away for longer than it may live");
    assert!(of("exit") - of("resume") + (of("wait") - of("start")) >= 600, "it lived for less than it may");
    ended(&place);
}

#[test]
fn what_is_overdue_comes_in_the_order_of_its_time() {
    let place = Place::new();
    let team = place.team(
        "[package]\nname = \"late\"\nversion = \"1.0.0\"\ncomponent = \"probe.wasm\"\n[needs]\nspawn = [\"probe\"]\n\
         lease = [\"it\"]\n[needs.delegate]\nlease = [\"it\"]\n[children.probe]\ncomponent = \"probe.wasm\"\n[children.probe.needs]\nlease = [\"it\"]\n",
    );
    let child = json!([{"op": "acquire", "name": "it", "ttl_ms": 60_000, "wait_ms": 60_000, "must": true}]);
    let script = json!([
        {"op": "acquire", "name": "it", "ttl_ms": 2_000, "as": "l"},
        {"op": "spawn", "component": "probe", "input": child, "as": "c"},
        {"op": "receive", "timeout_ms": 3_000},
        {"op": "renew", "on": "l", "ttl_ms": 1_000},
        {"op": "wait", "on": "c"},
    ]);
    let running =
        place.start(&["run", team.to_str().unwrap(), "--input", "-"], script.to_string().as_bytes());
    until(&place, |entries| entries.iter().filter(|entry| entry.kind() == "wait").count() == 2);
    let ran = running.kill();
    std::thread::sleep(Duration::from_millis(3_050));
    let resumed = place.aos(&["resume"]).expect(0);
    let results: Value = serde_json::from_str(&resumed.stdout).unwrap();
    assert_eq!(results[2], json!({"ok": null}), "{resumed}{ran}");
    assert!(results[3]["err"]["stale"].is_u64(), "the lease was lost meanwhile: {resumed}");
    let entries = place.entries(None);
    let at = entries.iter().position(|entry| entry.kind() == "resume").unwrap();
    let next: Vec<_> = entries[at + 1..at + 4].iter().map(|entry| (entry.kind(), entry.pid())).collect();
    assert_eq!(next, [("expire", 0), ("outcome", 2), ("outcome", 1)]);
    ended(&place);
}

#[test]
fn a_killed_child_stays_killed() {
    let place = Place::new();
    let team = place.team(
        "[package]\nname = \"kills\"\nversion = \"1.0.0\"\ncomponent = \"probe.wasm\"\n[needs]\nspawn = [\"probe\"]\n\
         [children.probe]\ncomponent = \"probe.wasm\"\n",
    );
    let spins = json!([{"op": "whoami"}, {"op": "spin"}]);
    let script = json!([
        {"op": "spawn", "component": "probe", "input": spins, "as": "c"},
        {"op": "receive", "timeout_ms": 50},
        {"op": "signal", "on": "c", "signal": "kill"},
        {"op": "wait", "on": "c"},
    ]);
    let running =
        place.start(&["run", team.to_str().unwrap(), "--input", "-"], script.to_string().as_bytes());
    until(&place, |entries| entries.iter().any(|entry| entry.verb() == "signal"));
    let ran = running.kill();
    if ran.code != 0 {
        let resumed = place.aos(&["resume"]);
        assert!(resumed.stdout.contains("killed") || resumed.stderr.contains("has ended"), "{resumed}");
    }
    ended(&place);
}

/// Sends the host a line on its socket and answers what it says; none while it does not listen.
fn tell(place: &Place, says: &Value) -> Option<Value> {
    let mut stream = UnixStream::connect(place.path("state/control")).ok()?;
    writeln!(stream, "{}", json!({"v": 1, "says": says})).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

/// Starts the host again, has the question answered, and answers how the host goes on.
fn ruled(place: &Place, seq: u64, leaf: &str, allow: bool) -> Started {
    let mut host = place.start(&["resume"], b"");
    let rule = json!({"rule": {"run": 1, "seq": seq, "leaf": leaf, "allow": allow}});
    let since = Instant::now();
    // Answered last, it may end before it has told us.
    while host.runs() && tell(place, &rule).is_none_or(|reply| reply["says"]["done"].is_null()) {
        assert!(since.elapsed() < Duration::from_secs(30), "the host never took the answer");
        std::thread::sleep(Duration::from_millis(10));
    }
    host
}

#[test]
fn a_question_to_the_operator_outlives_its_host() {
    for allow in [true, false] {
        let place = Place::new();
        let probe = guest("probe");
        // Of three lengths: the same words again would be a run of one refusal.
        let script = json!([
            {"op": "log", "text": "before"},
            {"op": "log", "text": "may I do it?"},
            {"op": "log", "text": "afterwards"},
        ]);
        let words = ["run", probe.to_str().unwrap(), "--input", "-", "--ask", "log=info"];
        let asks = |entries: &[Entry]| entries.iter().filter(|entry| entry.kind() == "ask").count();
        let running = place.start(&words, script.to_string().as_bytes());
        until(&place, |entries| asks(entries) == 1);
        running.kill();
        for answered in 1..=3 {
            let exported = place.aos(&["audit", "export"]).expect(0);
            let asked = exported.stdout.lines().rfind(|line| Entry::parse(line).kind() == "ask").unwrap();
            let mut leaf = Sha256::new();
            leaf.update([0]);
            leaf.update(asked);
            let leaf: String = leaf.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            // Answered and killed at once: the answer is on disk, whether it was used is open.
            let host = ruled(&place, Entry::parse(asked).seq(), &format!("sha256:{leaf}"), allow);
            if answered == 3 {
                let results: Value = serde_json::from_str(&host.wait().expect(0).stdout).unwrap();
                let said = if allow { json!({"ok": null}) } else { json!({"err": {"denied": null}}) };
                assert_eq!(results, json!([said, said, said]));
                break;
            }
            host.kill();
            let next = place.start(&["resume"], b"");
            until(&place, |entries| asks(entries) == answered + 1);
            next.kill();
        }
        assert_eq!(asks(&place.entries(None)), 3, "each is asked once");
        ended(&place);
    }
}
