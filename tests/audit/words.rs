//! What the commands say, word for word.

use rusqlite::params;
use serde_json::Value;

use super::{database, keep, key, logged};
use crate::support::Place;

/// The signatures' id of a key, as it is shown.
fn id(key: &str) -> String {
    format!("{}…", &key.split('+').nth(1).unwrap()[..4])
}

#[test]
fn a_sound_log() {
    let place = Place::new();
    let key = logged(&place, 60);
    let size = place.entries(None).len();
    let ran = place.aos(&["audit", "verify"]).expect(0);
    let bodies = place.entries(None).iter().filter(|entry| entry.body()["digest"].is_string()).count();
    assert_eq!(
        ran.stdout,
        format!("audit ok · {size} entries · 1 checkpoint · bodies {bodies}/{bodies} · views match\n")
    );
    assert_eq!(
        ran.stderr,
        format!(
            "key {} is this host's own: finds damage, not a dishonest owner.\n\
             For a stranger: aos-host audit export r1 -o r1.aos\n                aos-host audit verify r1.aos --key KEY\n",
            id(&key)
        )
    );
    let kept = keep(&place, "kept.note");
    let pinned = place.aos(&["audit", "verify", "--key", &key, "--checkpoint", &kept]).expect(0);
    assert_eq!((pinned.stdout, pinned.stderr.as_str()), (ran.stdout, ""));
    // A key in a file is a key.
    let file = place.file("log.key", format!("{key}\n"));
    place.aos(&["audit", "verify", "--key", file.to_str().unwrap()]).expect(0).answers("audit ok");
    let json = place.aos(&["audit", "verify", "--json"]).expect(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["signed"], size);
    assert_eq!((&json["ok"], &json["checkpoints"], &json["own_key"]), (&true.into(), &1.into(), &key.into()));
}

#[test]
fn parts_of_a_log() {
    let place = Place::new();
    let key = logged(&place, 300);
    logged(&place, 20);
    let entries = place.entries(None);
    let (all, first) = (entries.len(), entries.iter().filter(|entry| entry.run() == 1).count());
    let ran = place.aos(&["audit", "verify", "r1"]).expect(0);
    ran.answers(&format!(
        "audit ok · {first} entries of #1–{first} · in the checkpoint of #1–{all} · bodies "
    ));
    place.aos(&["audit", "verify", "r2", "--key", &key]).expect(0).answers("audit ok · ");
    let ran = place.aos(&["audit", "verify", "250-260", "--key", &key]).expect(0);
    ran.answers("audit ok · 11 entries of #250–260 ·");
    place.aos(&["audit", "verify", "1-1"]).expect(0).answers("audit ok · 1 entry of #1–1 ·");
    place.aos(&["audit", "verify", "r9"]).expect(2).says("there is no run r9");
    place.aos(&["audit", "verify", "1-9999"]).expect(2).says("there is no #9999");
    place.aos(&["audit", "verify", "5-4"]).expect(2).says("write 1-64");
    place.aos(&["audit", "verify", "nowhere.aos"]).expect(2).says("nowhere.aos");
    let kept = keep(&place, "kept.note");
    place.aos(&["audit", "verify", "r1", "--checkpoint", &kept]).expect(0).answers("audit ok");
}

#[test]
fn a_fault_is_where_it_is_and_what_holds_is_said() {
    let place = Place::new();
    let key = logged(&place, 40);
    let first = place.entries(None).len();
    logged(&place, 100);
    let all = place.entries(None).len();
    assert!(all < 256, "the entry below is in a tile that is not full");
    let db = database(&place);
    // One entry, with every tile as it was.
    let changed = |seq: usize| {
        let (at, lines): (i64, Vec<u8>) = db
            .query_row(
                "SELECT first, lines FROM chunk WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
                [seq as i64],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        let mut text = String::from_utf8(lines.clone()).unwrap();
        let field = text.find(&format!("\"seq\":{seq},")).unwrap();
        let fuel = field + text[field..].find("\"fuel\":").unwrap() + 7;
        let digit = if &text[fuel..=fuel] == "1" { "2" } else { "1" };
        text.replace_range(fuel..=fuel, digit);
        db.execute("UPDATE chunk SET lines = ?2 WHERE first = ?1", params![at, text.as_bytes()]).unwrap();
        (at, lines)
    };
    let seq = first + 20;
    let (at, lines) = changed(seq);
    for words in [&["audit", "verify"][..], &["audit", "verify", "--key", &key]] {
        let ran = place.aos(words).expect(4);
        assert_eq!(
            ran.stdout,
            format!("FAILED #{seq}: leaf differs from its tile; checkpoint 1 (#1–{first}) holds\n")
        );
        assert_eq!(ran.stderr, "");
    }
    place
        .aos(&["audit", "verify", "r2"])
        .expect(4)
        .answers(&format!("FAILED #{seq}: leaf differs from its tile"));
    place.aos(&["audit", "verify", "r1"]).expect(0);
    // No stored hash tells any more: then the checkpoints around it do.
    db.execute("DELETE FROM edge", []).unwrap();
    let ran = place.aos(&["audit", "verify"]).expect(4);
    let interval = format!("#{} to #{all}: the entries do not give the root of checkpoint 2", first + 1);
    assert_eq!(ran.stdout, format!("FAILED {interval}; checkpoint 1 (#1–{first}) holds\n"));
    db.execute("UPDATE chunk SET lines = ?2 WHERE first = ?1", params![at, lines]).unwrap();
    place.aos(&["audit", "verify"]).expect(0);
    // A checkpoint whose signature is not its own.
    let note: Vec<u8> =
        db.query_row("SELECT note FROM checkpoint WHERE size = ?1", [all as i64], |row| row.get(0)).unwrap();
    let root = String::from_utf8(note).unwrap();
    let other = root.replacen("aos-host/", "aos-host/0", 1);
    db.execute("UPDATE checkpoint SET note = ?2 WHERE size = ?1", params![all as i64, other.as_bytes()])
        .unwrap();
    let ran = place.aos(&["audit", "verify"]).expect(4);
    ran.answers(&format!("FAILED checkpoint 2 (#1–{all}): it is of another log"));
}

#[test]
fn keys_that_are_none_are_refused() {
    let place = Place::new();
    let good = logged(&place, 3);
    let refused = |words: &[&str], what: &str| {
        place.aos(&[&["audit", "verify"][..], words].concat()).expect(2).says(what);
    };
    refused(&["--key", "x"], "a key is written NAME+ID+KEY");
    refused(&["--key", "missing.key"], "a key is written NAME+ID+KEY");
    refused(&["--key", &good.replace("+", "")], "a key is written NAME+ID+KEY");
    refused(&["--key", &good.replacen("aos-host/", "aos-host/1", 1)], "id does not follow");
    refused(&["--witness", &good], "this is a log's key");
    refused(&["--quorum", "1"], "--witness");
    let file = place.file("not.key", "nothing\n");
    refused(&["--key", file.to_str().unwrap()], "not.key");
    let big = place.file("big.key", vec![b'x'; 100_000]);
    refused(&["--key", big.to_str().unwrap()], "is longer than");
    let _ = key(&place);
    place
        .aos(&["audit", "verify", "--checkpoint", file.to_str().unwrap()])
        .expect(4)
        .says("it is no checkpoint");
}
