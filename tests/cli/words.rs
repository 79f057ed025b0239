//! Help, completions, slips of the pen, and where flags may stand.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::{Place, Started, guest};

const VERBS: [&[&str]; 44] = [
    &["up"],
    &["ps"],
    &["signal"],
    &["stop"],
    &["kill"],
    &["approve"],
    &["deny"],
    &["run"],
    &["grant", "suggest"],
    &["grant", "try"],
    &["grant"],
    &["trust"],
    &["trust", "add"],
    &["trust", "remove"],
    &["trust", "list"],
    &["trust", "revoke"],
    &["key"],
    &["key", "new"],
    &["key", "list"],
    &["key", "export"],
    &["key", "rotate"],
    &["sign"],
    &["verify"],
    &["overlay", "diff"],
    &["overlay", "apply"],
    &["overlay", "discard"],
    &["overlay"],
    &["inspect"],
    &["report"],
    &["logs"],
    &["replay"],
    &["audit", "verify"],
    &["audit", "key"],
    &["audit", "checkpoint"],
    &["audit", "prove"],
    &["audit", "consistency"],
    &["audit", "export"],
    &["audit", "restore"],
    &["doctor"],
    &["completions"],
    &["audit"],
    &["model"],
    &["model", "list"],
    &["model", "check"],
];

#[test]
fn every_verb_has_help_with_an_example() {
    let place = Place::new();
    let page = place.aos(&["--help"]).expect(0);
    for word in ["Usage:", "Run:", "Prove:", "Exit codes:", "--state"] {
        page.answers(word);
    }
    assert!(!page.stdout.contains("compile-child"), "{page}");
    for verb in VERBS {
        let help = place.aos(&[verb, &["--help"]].concat()).expect(0);
        help.answers("Usage: aos-host");
        assert!(
            verb == ["audit"] || help.stdout.contains("aos-host ") && help.stdout.contains("Example"),
            "{help}"
        );
        assert_eq!(help.stderr, "", "{help}");
    }
    place.aos(&["help", "run"]).expect(0).answers("--mount");
    place.aos(&["--version"]).expect(0).answers("aos-host 0.");
}

#[test]
fn slips_are_named() {
    let place = Place::new();
    place.aos(&[]).expect(2).says("Usage:");
    place.aos(&["rnu"]).expect(2).says("rnu");
    place.aos(&["run"]).expect(2).says("TARGET");
    place.aos(&["run", "x.wasm", "--buget", "fuel=1"]).expect(2).says("--buget");
    place.aos(&["inspect", "run-one"]).expect(2).says("r1, r2");
    place.aos(&["completions", "cmd"]).expect(2).says("bash");
    for verb in ["inspect", "logs", "replay"] {
        place.aos(&[verb]).expect(2).says("no log here yet");
    }
    place.aos(&["audit", "verify"]).expect(2).says("no log here yet");
    place.probe(&[], &json!([])).expect(0);
    for verb in ["inspect", "logs", "replay"] {
        place.aos(&[verb, "r99"]).expect(2).says("r99");
    }
    place.aos(&["audit", "export", "r99"]).expect(2).says("r99");
}

#[test]
fn words_that_are_no_text() {
    let place = Place::new();
    for words in [
        &[&b"run"[..], b"\xff.wasm"][..],
        &[b"\xff\xfe"],
        &[b"run", b"x.wasm", b"--mount", b"\xff=\xff"],
        &[b"--state", b"\xff", b"inspect"],
    ] {
        let mut command = place.command(&[]);
        command.args(words.iter().map(|word| OsStr::from_bytes(word)));
        let ran = Started::new(command, b"").wait();
        assert!(ran.code == 2 && !ran.stderr.contains("panicked"), "{ran}");
        assert_eq!(ran.stdout, "", "{ran}");
    }
    let mut command = place.command(&["run", guest("probe").to_str().unwrap(), "--quiet"]);
    command.arg(OsStr::from_bytes(b"\xff"));
    let ran = Started::new(command, b"").wait();
    assert!([1, 2].contains(&ran.code) && !ran.stderr.contains("panicked"), "{ran}");
}

#[test]
fn completions_know_the_verbs() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Place::new().aos(&["completions", shell]).expect(0);
        for word in ["inspect", "replay", "audit", "mount"] {
            script.answers(word);
        }
        assert!(!script.stdout.contains("compile-child"), "{shell}");
    }
}

#[test]
fn the_state_directory_can_be_named_anywhere() {
    let place = Place::new();
    let probe = guest("probe").to_str().unwrap().to_owned();
    place.aos(&["run", &probe, "[]", "--state", "one"]).expect(0);
    place.aos(&["--state", "two", "run", &probe, "[]"]).expect(0);
    assert!(place.path("one/log.db").exists() && place.path("two/log.db").exists());
    place.aos(&["audit", "verify", "--state", "one"]).expect(0).answers("audit ok");
    assert!(!place.path("state/log.db").exists());
}

#[test]
fn the_doctor_tells_what_is_wrong() {
    let place = Place::new();
    let doctor = ["doctor", "--state", "own"];
    place.aos(&doctor).expect(0).answers("ok   host").answers("ok   sandbox").answers("none yet");
    place.aos(&["run", guest("probe").to_str().unwrap(), "[]", "--state", "own"]).expect(0);
    place.aos(&doctor).expect(0).answers("newest run r1");
    fs::set_permissions(place.path("own"), fs::Permissions::from_mode(0o755)).unwrap();
    place.aos(&doctor).expect(1).answers("warn state").answers("can be entered by other users");
    fs::set_permissions(place.path("own"), fs::Permissions::from_mode(0o700)).unwrap();
    place.file("own/log.db", b"no database at all, but long enough to be one".repeat(100));
    place.aos(&doctor).expect(6).answers("warn log");
}

#[test]
fn exit_codes_tell_how_it_ended() {
    let place = Place::new();
    let probe = guest("probe").to_str().unwrap().to_owned();
    for (script, flags, code) in [
        ("[]", &[][..], 0),
        (r#"[{"op":"fail","message":"no"}]"#, &[], 1),
        (r#"[{"op":"trap"}]"#, &[], 1),
        ("[]", &["--mount", "docs=missing"], 2),
        (r#"[{"op":"spin"}]"#, &["--budget", "fuel=1M"], 5),
        (r#"[{"op":"receive"}]"#, &["--budget", "wall-time=20ms"], 5),
    ] {
        place.aos(&[&["run", &probe, script], flags].concat()).expect(code);
    }
}
