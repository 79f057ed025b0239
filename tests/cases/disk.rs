//! State directories that are busy, damaged, read-only or full: said plainly, and nothing that was durable is lost.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::{Place, Ran, Started, guest, program::host};

/// Waits until the log of a place holds an entry of this kind.
fn reached(place: &Place, kind: &str) {
    let since = std::time::Instant::now();
    while since.elapsed().as_secs() < 30 {
        let ran = place.aos(&["audit", "export"]);
        if ran.code == 0 && ran.stdout.contains(&format!("\"event\":{{\"{kind}\"")) {
            return;
        }
    }
    panic!("no entry {kind:?} in 30 s");
}

#[test]
fn a_directory_that_a_living_host_owns() {
    let place = Place::new();
    let probe = guest("probe").to_str().unwrap().to_owned();
    let script = json!([{"op": "log", "text": "first"}, {"op": "receive", "timeout_ms": 20_000}]).to_string();
    let mut first = place.start(&["run", &probe, "--input", "-"], script.as_bytes());
    reached(&place, "wait");
    // A second run is handed to the host that has the directory.
    place.aos(&["run", &probe, "[]"]).expect(0).answers("[]");
    // Reading goes on beside it.
    place.aos(&["audit", "verify"]).expect(0);
    place.aos(&["logs", "r1"]).expect(0).answers("first");
    place.aos(&["inspect", "r1"]).expect(0);
    assert!(first.runs(), "the first host is unharmed");
    first.kill();
    place.aos(&["run", &probe, "[]"]).expect(0);
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
}

/// A log of some hundred entries with bodies.
fn filled() -> (Place, String) {
    let place = Place::new();
    let steps: Vec<_> = (0..400).map(|n| json!({"op": "log", "text": format!("line {n}")})).collect();
    place.probe(&["--quiet"], &json!(steps)).expect(0);
    let export = place.aos(&["audit", "export"]).expect(0).stdout;
    (place, export)
}

/// Every verb on a damaged log: 0, 4 or 6, and no panic. When it verifies, it is the log that was.
#[track_caller]
fn damaged(place: &Place, export: &str, what: &str) -> [i32; 2] {
    let mut codes = Vec::new();
    for words in [
        &["audit", "verify"][..],
        &["run", guest("probe").to_str().unwrap(), "[]"],
        &["inspect"],
        &["logs"],
        &["replay"],
        &["audit", "export"],
        &["doctor"],
    ] {
        let ran = place.aos(words);
        assert!([0, 1, 4, 6].contains(&ran.code) && !ran.stderr.contains("panicked"), "{what}: {ran}");
        assert!(ran.code != 1 || words[0] == "doctor", "{what}: {ran}");
        if codes.is_empty() && ran.code == 0 {
            assert_eq!(place.aos(&["audit", "export"]).stdout, export, "{what} verifies, and is another log");
        }
        codes.push(ran.code);
    }
    [codes[0], codes[1]]
}

#[test]
fn a_database_that_is_damaged() {
    let (place, export) = filled();
    let log = place.path("state/log.db");
    let whole = fs::read(&log).unwrap();
    assert!(!place.path("state/log.db-wal").exists(), "a host that ended well leaves one file");
    for (what, bytes) in [
        ("garbage", b"no database at all, but long enough to be one".repeat(100)),
        ("cut to half", whole[..whole.len() / 2].to_vec()),
        ("cut to a page", whole[..4_096].to_vec()),
        ("cut within a page", whole[..whole.len() - 1_000].to_vec()),
        ("zeros in the middle", [&whole[..8_192], &vec![0; 8_192][..], &whole[16_384..]].concat()),
    ] {
        fs::write(&log, bytes).unwrap();
        let [verify, _] = damaged(&place, &export, what);
        assert!(verify == 4 || verify == 6, "{what}: verify must not pass");
    }
    // As a host leaves it that was killed before its first entry.
    fs::write(&log, b"").unwrap();
    place.aos(&["audit", "verify"]).expect(2).says("there is no log here yet");
}

/// A bit turned over anywhere is noticed, or in a place that means nothing.
#[test]
fn bits_that_were_turned_over() {
    let (place, export) = filled();
    let log = place.path("state/log.db");
    let whole = fs::read(&log).unwrap();
    let mut noticed = 0;
    for step in 0..24 {
        // Spread by the golden ratio; the header and the last page are tried as well.
        let at =
            [16, 100, whole.len() - 50].get(step).copied().unwrap_or(step * 40_503 * 1_618 % whole.len());
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (step % 8);
        fs::write(&log, bytes).unwrap();
        let ran = place.aos(&["audit", "verify"]);
        assert!([0, 4, 6].contains(&ran.code) && !ran.stderr.contains("panicked"), "byte {at}: {ran}");
        if ran.code == 0 {
            assert_eq!(
                place.aos(&["audit", "export"]).stdout,
                export,
                "byte {at} verifies, and is another log"
            );
        }
        noticed += usize::from(ran.code != 0);
    }
    assert!(noticed >= 8, "{noticed} of 24 were noticed");
}

#[test]
fn a_line_that_was_rewritten() {
    let (place, _) = filled();
    let log = place.path("state/log.db");
    let mut bytes = fs::read(&log).unwrap();
    let at = bytes.windows(12).position(|part| part == b"\"seq\":100,\"t").unwrap();
    let fuel = at + bytes[at..].windows(7).position(|part| part == b"\"fuel\":").unwrap() + 7;
    bytes[fuel] = if bytes[fuel] == b'1' { b'2' } else { b'1' };
    fs::write(&log, bytes).unwrap();
    place.aos(&["audit", "verify"]).expect(4).answers("FAILED #100: leaf differs from its tile");
}

#[test]
fn bodies_that_were_rewritten() {
    let (place, _) = filled();
    let log = place.path("state/log.db");
    let mut bytes = fs::read(&log).unwrap();
    let at = bytes.windows(8).position(|part| part == b"line 123").unwrap();
    bytes[at] = b'L';
    fs::write(&log, bytes).unwrap();
    place.aos(&["audit", "verify"]).expect(4).answers("its body is not the one that it commits to");
}

#[test]
fn a_log_at_its_limit() {
    let place = Place::new();
    let probe = guest("probe").to_str().unwrap().to_owned();
    let script =
        json!([{"op": "repeat", "n": 2_000, "steps": [{"op": "log", "huge_text": 8_000}]}]).to_string();
    let ran = place.aos(&["run", &probe, "--quiet", "--log-limit", "1MiB", &script]).expect(6);
    ran.says("the log cannot be written").says("full");
    assert_eq!(ran.stdout, "");
    kept(&place, 50);
    place.aos(&["run", &probe, "[]"]).expect(0);
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
}

/// The durable prefix verifies, and has at least so many entries.
#[track_caller]
fn kept(place: &Place, least: usize) {
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
    let entries = place.entries(None);
    assert!(entries.len() >= least, "{} entries", entries.len());
}

/// Runs a script of the shell with mounts of its own; `$1` is the host, `$2` the state directory, `$3` the probe.
#[track_caller]
fn with_mounts(place: &Place, script: &str) -> Ran {
    let command = |unshare: &[&str], script: &str| {
        let mut command = Command::new("unshare");
        let words = [unshare, &["sh", "-euc", script, "sh"]].concat();
        command.args(words).arg(host()).arg(place.path("state")).arg(guest("probe"));
        command.env_clear().current_dir(place.path(""));
        for (name, value) in place.command(&[]).get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command
    };
    let try_out = "mount -t tmpfs -o size=1m tmpfs \"$2\"";
    for unshare in [&["-rm"][..], &["-m"]] {
        if Started::new(command(unshare, try_out), b"").wait().code == 0 {
            return Started::new(command(unshare, script), b"").wait();
        }
    }
    panic!(
        "this test mounts a small disk: install `unshare` (util-linux), and run as root or allow user namespaces \
         (`sysctl -w user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1`)"
    );
}

#[test]
fn a_disk_that_is_full() {
    let place = Place::new();
    let flood = json!([{"op": "repeat", "n": 5_000, "steps": [{"op": "log", "huge_text": 8_000}]}]);
    place.file("flood.json", flood.to_string());
    let ran = with_mounts(
        &place,
        "mount -t tmpfs -o size=16m,mode=700 tmpfs \"$2\"
         set +e
         \"$1\" run \"$3\" --quiet --input flood.json; echo \"run $?\"
         \"$1\" audit verify; echo \"verify $?\"
         \"$1\" replay; echo \"replay $?\"",
    );
    assert!(ran.stdout.starts_with("run 6\n"), "{ran}");
    ran.says("the log cannot be written").says("free some space").answers("audit ok").answers("verify 0");
    assert!(!ran.stderr.contains("panicked"), "{ran}");
}

#[test]
fn a_disk_that_is_full_from_the_start() {
    let ran = with_mounts(
        &Place::new(),
        "mount -t tmpfs -o size=256k,mode=700 tmpfs \"$2\"
         set +e
         \"$1\" run \"$3\" '[]'; echo \"run $?\"",
    );
    assert!(ran.stdout == "run 6\n" && ran.stderr.starts_with("error: "), "{ran}");
    assert!(!ran.stderr.contains("panicked"), "{ran}");
}

#[test]
fn a_disk_that_is_read_only() {
    let place = Place::new();
    place.probe(&["--quiet"], &json!([])).expect(0);
    let before = fs::read(place.path("state/log.db")).unwrap();
    let ran = with_mounts(
        &place,
        "mount --bind \"$2\" \"$2\"
         mount -o remount,bind,ro \"$2\"
         set +e
         \"$1\" run \"$3\" '[]'; echo \"run $?\"",
    );
    assert!(ran.stdout == "run 6\n" && ran.stderr.starts_with("error: "), "{ran}");
    assert!(ran.stderr.to_lowercase().contains("read-only"), "{ran}");
    assert_eq!(fs::read(place.path("state/log.db")).unwrap(), before);
}

#[test]
fn a_state_directory_that_is_a_file() {
    let place = Place::new();
    let file = place.file("file", "mine");
    for state in [file.as_path(), Path::new("file/below")] {
        let words = ["run", guest("probe").to_str().unwrap(), "--state", state.to_str().unwrap(), "[]"]
            .map(str::to_owned);
        let ran = place.aos(&words.each_ref().map(String::as_str)).expect(6);
        ran.says("file");
    }
    assert_eq!(place.text("file"), "mine");
}
