//! `tests/verify_export.py`: what the verifier in Rust accepts, it accepts, and what was changed it refuses.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::sample::{Log, keys};
use crate::support::Place;
use crate::support::program::{Ran, Started, found};
use crate::tidy::root;

/// Lines of the script at most, so that it can be read before it is believed.
const LINES: usize = 119;
/// Changed exports that are tried.
const CHANGES: usize = 40;

/// Checks a file with the script.
pub fn check(file: &Path, key: &str, witnesses: &[&str]) -> Ran {
    let mut command = Command::new(found("AOS_PYTHON", "python/bin/python"));
    command.arg(root().join("tests/verify_export.py")).arg(file).arg(key);
    for witness in witnesses {
        command.args(["--witness", witness]);
    }
    Started::new(command, b"").wait()
}

fn export(place: &Place, text: impl AsRef<[u8]>) -> PathBuf {
    place.file("run.aos", text)
}

#[test]
fn the_script_is_short_and_stands_alone() {
    let text = std::fs::read_to_string(root().join("tests/verify_export.py")).unwrap();
    assert!(text.lines().count() <= LINES, "{} lines", text.lines().count());
    let imports = text.lines().filter(|line| line.starts_with("import ") || line.starts_with("from "));
    let modules = imports.flat_map(|line| line.split([' ', ',']).nth(1)).collect::<Vec<_>>();
    assert_eq!(modules.len(), 3, "{modules:?}");
    assert!(modules[1..].iter().all(|module| module.starts_with("cryptography.")), "{modules:?}");
}

#[test]
fn what_is_sound_is_shown() {
    let (place, log, [key, witness]) = (Place::new(), Log::new(500), keys());
    let (key, witness) = (key.to_string(), witness.to_string());
    for (first, last) in [(1, 500), (3, 495), (257, 257), (500, 500)] {
        let file = export(&place, log.export(first, last));
        let said = check(&file, &key, &[&witness]).expect(0);
        said.answers(&format!("ok · log.example · #{first} to #{last} of 500"));
        said.answers("signed by log.example, w.example/1 (1970-01-01)");
        check(&file, &key, &[]).expect(0).answers("signed by log.example\n");
    }
}

#[test]
fn other_keys_are_refused() {
    let (place, log, [key, witness]) = (Place::new(), Log::new(9), keys());
    let file = export(&place, log.export(1, 9));
    let other = ::audit::SignerKey::new("log.example", ::audit::Kind::Author, &[7; 32]).unwrap();
    check(&file, &other.public().to_string(), &[])
        .expect(1)
        .answers("FAILED checkpoint: log.example did not sign it");
    check(&file, &witness.to_string(), &[]).expect(1).answers("FAILED checkpoint: it is of log.example");
    let stranger = ::audit::SignerKey::new("w.example/2", ::audit::Kind::Witness, &[7; 32]).unwrap();
    let said = check(&file, &key.to_string(), &[&stranger.public().to_string()]).expect(1);
    said.answers("FAILED checkpoint: w.example/2 did not sign it");
    check(&file, &key.to_string().replace("log.", "lag."), &[]).expect(1).answers("FAILED the key");
}

#[test]
fn the_first_bad_entry_is_named() {
    let (place, log, [key, _]) = (Place::new(), Log::new(40), keys());
    let text = log.export(2, 39);
    let changed = text.replace("\"seq\":7}", "\"seq\":8}");
    check(&export(&place, changed), &key.to_string(), &[]).expect(1).answers("FAILED #7: it is not the line");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = lines.iter().position(|line| line.contains("\"seq\":8}")).unwrap();
    let fewer = [&lines[..at], &lines[at + 1..]].concat().concat();
    check(&export(&place, fewer), &key.to_string(), &[])
        .expect(1)
        .answers("FAILED #8: it says that it is another");
    for end in ["", "more\n"] {
        let cut = text.strip_suffix("end\n").unwrap().to_owned() + end;
        check(&export(&place, cut), &key.to_string(), &[]).expect(1);
        check(&export(&place, text.clone() + end + "x"), &key.to_string(), &[]).expect(1);
    }
}

#[test]
fn single_bits_that_change_are_noticed() {
    let (place, log, [key, witness]) = (Place::new(), Log::new(60), keys());
    let text = log.export(5, 55).into_bytes();
    for change in 0..CHANGES {
        let mut bytes = text.clone();
        let at = change * (text.len() - 1) / (CHANGES - 1);
        bytes[at] ^= 1 << (change % 8);
        let said = check(&export(&place, &bytes), &key.to_string(), &[&witness.to_string()]);
        assert_eq!((said.code, &said.stdout[..6]), (1, "FAILED"), "byte {at}: {said}");
        assert_eq!(said.stderr, "", "byte {at}");
    }
}

#[test]
fn exports_of_a_real_run_are_read() {
    let place = Place::new();
    super::logged(&place, 40);
    let key = super::logged(&place, 300);
    let bodies = place.entries(Some("r2")).iter().filter(|entry| entry.body()["digest"].is_string()).count();
    let file = place.path("r2.aos").to_str().unwrap().to_owned();
    place.aos(&["audit", "export", "r2", "-o", &file, "--bodies"]).expect(0);
    let said = check(&place.path("r2.aos"), &key, &[]).expect(0);
    said.answers(&format!("bodies {bodies}/{bodies} · signed by aos-host/"));
    place.aos(&["audit", "export", "r2", "-o", &file]).expect(0);
    check(&place.path("r2.aos"), &key, &[]).expect(0).answers(&format!("bodies 0/{bodies}"));
    // Whatever is changed in it, both verifiers refuse.
    let text = place.text("r2.aos").into_bytes();
    for change in 0..CHANGES {
        let mut bytes = text.clone();
        let at = change * (text.len() - 1) / (CHANGES - 1);
        bytes[at] ^= 1 << (change % 8);
        let file = export(&place, &bytes);
        check(&file, &key, &[]).expect(1);
        place.aos(&["audit", "verify", file.to_str().unwrap(), "--key", &key]).expect(4);
    }
}
