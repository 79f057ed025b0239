use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::Signed;
use crate::support::Place;

/// Bits of each list that are flipped in a test run; AOS_SOAK=1 flips every one.
const BITS: usize = 60;

#[test]
fn another_key_of_the_same_name_does_not_count() {
    let team = Signed::new();
    team.place.aos(&["key", "new", "acme"]).expect(0);
    let own = team.place.aos(&["key", "export", "acme"]).expect(0).stdout;
    team.place.aos(&["trust", "add", "acme", own.trim_end()]).expect(0);
    team.refused(&["a key that is not trusted here"]);
    let error = team.place.aos(&["trust", "add", "acme", &team.key("acme")]).expect(2);
    error.says("a key is pinned as \"acme\" already").says("aos-host trust remove acme");
    team.place.aos(&["trust", "remove", "acme"]).expect(0);
    team.place.aos(&["trust", "add", "acme", &team.key("acme")]).expect(0);
    team.place.aos(&["trust", "add", "again", &team.key("acme")]).expect(2).says("already, as \"acme\"");
    team.runs();
    team.place.aos(&["trust", "remove", "acme"]).expect(0);
    team.place.aos(&["trust", "remove", "acme"]).expect(2).says("no key is pinned as \"acme\"");
    team.refused(&["a key that is not trusted here"]);
}

#[test]
fn a_key_counts_for_its_packages_its_time_and_its_role() {
    let team = Signed::new();
    let key = team.key("acme");
    let add = |flags: &[&str]| {
        team.place.aos(&["trust", "remove", "acme"]);
        team.place.aos(&[&["trust", "add", "acme", &key], flags].concat())
    };
    add(&["--packages", "hello,other"]).expect(0);
    team.refused(&[
        "the key of \"acme\" is trusted for hello,other, not for team",
        "--packages hello,other,team",
    ]);
    add(&["--operator"]).expect(0);
    team.refused(&["\"acme\" is pinned as a key of operator, and this has to be signed by publisher"]);
    add(&["--until", "1s"]).expect(0);
    sleep(Duration::from_millis(1_100));
    team.refused(&["the key of \"acme\" was trusted until 20", "--until DATE"]);
    team.place.aos(&["trust", "list"]).expect(0).answers("expired 20");
    add(&["--until", "2001-01-01"]).expect(2).says("that day has passed");
    add(&["--until", "soon"]).expect(2).says("2027-01-31");
    add(&["--packages", "a b"]).expect(2).says("no package's name");
    add(&["--until", "9999-12-31"]).expect(0).says("through 9999-12-31");
    team.runs();
    // The line that a refusal tells can be typed.
    add(&["--packages", "hello"]).expect(0);
    let told = team.place.aos(&["verify", "team"]).expect(3).stderr;
    let line = told.split("too: ").nth(1).unwrap().trim();
    for command in line.split(" && ") {
        team.place.aos(&command.split(' ').skip(1).collect::<Vec<_>>()).expect(0);
    }
    team.runs();
}

#[test]
fn a_clock_that_was_put_back_makes_no_key_count_again() {
    let team = Signed::new();
    team.place.aos(&["trust", "add", "acme", &team.key("acme"), "--until", "1h"]).expect(0);
    team.runs();
    team.place.aos(&["verify", "team"]).expect(0);
    // As if the log had been written two hours later than this clock says.
    let log = rusqlite::Connection::open(team.place.path("state/log.db")).unwrap();
    let (first, lines): (i64, Vec<u8>) = log
        .query_row("SELECT first, lines FROM chunk ORDER BY first DESC", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    let text = String::from_utf8(lines).unwrap();
    let last = text.rsplit("\"t\":").next().unwrap().split(',').next().unwrap().to_owned();
    let later = (last.parse::<u64>().unwrap() + 7_200_000).to_string();
    let text = text.replace(&format!("\"t\":{last}"), &format!("\"t\":{later}"));
    log.execute("UPDATE chunk SET lines = ?1 WHERE first = ?2", (text.into_bytes(), first)).unwrap();
    drop(log);
    team.place.aos(&["verify", "team"]).expect(3).says("was trusted until 20");
}

#[test]
fn what_is_no_key_is_not_trusted() {
    let place = Place::new();
    let good = {
        place.aos(&["key", "new", "acme"]).expect(0);
        place.aos(&["key", "export", "acme"]).expect(0).stdout.trim_end().to_owned()
    };
    place.file("long", vec![b'x'; 1 << 20]);
    place.file("binary", [0xff, 0xfe, 0]);
    let mistyped = good.replacen('+', "+0", 1);
    for (key, word) in [
        ("nothing-there", "No such file"),
        ("long", "that long"),
        ("binary", "a key is written NAME+ID+KEY"),
        (mistyped.as_str(), "a key is written NAME+ID+KEY"),
        (&good.replace("acme", "acne"), "the key's id does not follow"),
        (&good[..good.len() - 8], ""),
        ("acme+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "no public key"),
        ("a\u{1b}[2J+0+0", "a\\u{1b}[2J"),
    ] {
        place.aos(&["trust", "add", "x", key]).expect(2).says(word);
    }
    for name in ["operator", "../x", "A", "", "a\u{202e}b"] {
        place.aos(&["trust", "add", name, &good]).expect(2);
        place.aos(&["key", "new", name]).expect(2);
    }
    assert!(!place.path("config/aos-host/trust.dsse").exists());
}

#[test]
fn a_key_takes_the_place_of_the_one_that_says_so() {
    let team = Signed::trusted();
    team.version("1.5.0");
    team.runs();
    let old = team.bytes("agent.dsse");
    let before = team.key("acme");
    team.publisher(&["key", "rotate", "acme"]).expect(0).says("aos-host trust add acme acme.rotation.dsse");
    assert_ne!(team.key("acme"), before);
    let next = team.key("acme");
    team.publisher(&["key", "rotate", "acme"]).expect(2).says("acme.rotation.dsse is there already");
    assert_eq!(team.key("acme"), next);
    team.sign("acme");
    team.refused(&["a key that is not trusted here"]);
    // Nobody else can say it, and not for another name.
    team.publisher(&["key", "new", "mallory"]).expect(0);
    team.publisher(&["key", "rotate", "mallory", "-o", "theirs"]).expect(0);
    let add = |name: &str, file: &str| team.place.aos(&["trust", "add", name, file]);
    add("acme", "theirs").expect(3).says("this rotation does not count for \"acme\"");
    add("other", "acme.rotation.dsse").expect(2).says("no key is pinned as \"other\"");
    let good = fs::read(team.place.path("acme.rotation.dsse")).unwrap();
    for bit in (0..good.len() * 8).step_by(97) {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        team.place.file("flipped", bad);
        let ran = add("acme", "flipped");
        assert!([2, 3].contains(&ran.code), "bit {bit}: {ran}");
    }
    team.refused(&["a key that is not trusted here"]);
    let flagged = team.place.aos(&["trust", "add", "acme", "acme.rotation.dsse", "--until", "1d"]);
    flagged.expect(2).says("leave the flags out");
    add("acme", "acme.rotation.dsse").expect(0).says("is trusted in the place of");
    team.runs();
    // What the old key signed counts no more, and the version floor went over to the new one.
    let new = team.bytes("agent.dsse");
    team.put("agent.dsse", &old);
    team.refused(&["a key that is not trusted here"]);
    team.put("agent.dsse", &new);
    team.version("1.4.0");
    team.refused(&["older than 1.5.0"]);
    add("acme", "acme.rotation.dsse").expect(3);
}

#[test]
fn a_list_that_was_touched_is_refused_and_nothing_starts() {
    let team = Signed::trusted();
    team.place.aos(&["trust", "revoke", &format!("sha256:{}", "0".repeat(64))]).expect(0);
    let every = std::env::var_os("AOS_SOAK").is_some();
    let mut flipped = 0;
    for name in ["trust.dsse", "revoked.dsse"] {
        let path = team.place.path("config/aos-host").join(name);
        let good = fs::read(&path).unwrap();
        let step = if every { 1 } else { good.len() * 8 / BITS };
        for bit in (0..good.len() * 8).step_by(step) {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bad).unwrap();
            team.place.aos(&["verify", "team"]).expect(3).says(name);
            flipped += 1;
        }
        team.refused(&[name, "bring"]);
        // An unsigned component does not start either: whether it was revoked cannot be told.
        team.place.aos(&["run", "team/probe.wasm"]).expect(3).says(name);
        team.place.aos(&["trust", "list"]).expect(3).says(name);
        fs::remove_file(&path).unwrap();
        team.refused(&["is missing"]);
        fs::write(&path, good).unwrap();
    }
    println!("{flipped} flipped bits of the lists: none was taken");
    team.runs();
    fs::remove_file(team.place.path("config/aos-host/host.key")).unwrap();
    team.refused(&["host.key"]);
}

#[test]
fn keys_are_their_owners_alone_and_never_shown() {
    let team = Signed::trusted();
    let mode = |path: &str| fs::metadata(team.place.path(path)).unwrap().mode() & 0o777;
    assert_eq!(mode("publisher/aos-host/keys"), 0o700);
    assert_eq!(mode("publisher/aos-host/keys/acme.key"), 0o600);
    for name in ["trust.dsse", "trust.lock", "host.key"] {
        assert_eq!(mode(&format!("config/aos-host/{name}")), 0o600, "{name}");
    }
    let secret = team.place.text("publisher/aos-host/keys/acme.key");
    let secret = secret.trim_end().rsplit(' ').next().unwrap().to_owned();
    for words in [
        &["key", "list"][..],
        &["key", "list", "--json"],
        &["key", "export", "acme"],
        &["key", "new", "acme"],
        &["sign", "team", "--key", "acme"],
        &["sign", "team", "--key", "acme", "--json"],
        &["key", "rotate", "acme", "-o", "rotation"],
    ] {
        let ran = team.publisher(words);
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(&secret), "{}", ran.line);
    }
    for folder in ["team", "state", "config/aos-host", "publisher/aos-host/keys"] {
        holds_not(&team.place.path(folder), &secret);
    }
    let key = team.place.path("publisher/aos-host/keys/acme.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    team.publisher(&["sign", "team", "--key", "acme"]).expect(2).says("others can read");
    let list: Value =
        serde_json::from_str(team.place.aos(&["trust", "list", "--json"]).stdout.trim()).unwrap();
    assert_eq!((&list["name"], &list["role"]), (&"acme".into(), &"publisher".into()));
}

/// No file in a folder holds a text; the one that held it was replaced.
fn holds_not(folder: &Path, text: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds_not(&path, text);
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(text.len()).any(|part| part == text.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}
