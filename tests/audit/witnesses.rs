//! What witnesses saw: their signatures beside the log's own.

use std::fs;

use audit::{Kind, Note, SignerKey};
use rusqlite::params;

use super::{database, keep, logged};
use crate::support::Place;

fn witness(name: &str, seed: u8) -> SignerKey {
    SignerKey::new(name, Kind::Witness, &[seed; 32]).unwrap()
}

/// Puts the cosignatures of these witnesses on the stored checkpoint of a size.
fn cosign(place: &Place, witnesses: &[&SignerKey]) {
    let db = database(place);
    let newest = "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1";
    let (size, note): (i64, Vec<u8>) =
        db.query_row(newest, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let mut note = Note::parse(&note).unwrap();
    witnesses.iter().for_each(|witness| note.sign(witness, 1_700_000_000));
    let note = note.to_string();
    db.execute("UPDATE checkpoint SET note = ?2 WHERE size = ?1", params![size, note.as_bytes()]).unwrap();
}

#[test]
fn a_quorum_is_asked_for() {
    let place = Place::new();
    let key = logged(&place, 20);
    let (one, two, three) = (witness("w.example/1", 1), witness("w.example/2", 2), witness("w.example/3", 3));
    let [first, second, third] = [&one, &two, &three].map(|witness| witness.public().to_string());
    cosign(&place, &[&one, &two]);
    let size = place.entries(None).len();
    let verify = |words: &[&str]| place.aos(&[&["audit", "verify", "--key", &key], words].concat());
    let seen = verify(&["--witness", &first, "--witness", &second]).expect(0);
    seen.answers(&format!(" · views match · 2 witnesses saw #1–{size}\n"));
    let all = ["--witness", &first, "--witness", &second, "--witness", &third];
    verify(&all).expect(4).answers("FAILED no checkpoint was seen by 3 of these witnesses; checkpoint 1");
    verify(&[&all[..], &["--quorum", "2"]].concat()).expect(0).answers("2 witnesses saw");
    verify(&[&all[..], &["--quorum", "4"]].concat()).expect(2).says("there are 3 witnesses");
    verify(&[&all[..], &["--quorum", "0"]].concat()).expect(2);
    // One key under two names is one witness.
    let again = witness("other.example", 1).public().to_string();
    verify(&["--witness", &first, "--witness", &again, "--quorum", "2"])
        .expect(2)
        .says("there are 1 witnesses");
    verify(&["r1", "--witness", &first]).expect(0).answers("1 witness\n");
    verify(&["r1", "--witness", &third]).expect(4).answers("0 of these witnesses have seen it, not 1");
    // It goes with what is handed out.
    let (aos, proof) = (place.path("r1.aos"), place.path("p"));
    let (aos, proof) = (aos.to_str().unwrap(), proof.to_str().unwrap());
    place.aos(&["audit", "export", "r1", "-o", aos]).expect(0);
    place.aos(&["audit", "prove", "3", "-o", proof]).expect(0);
    for file in [aos, proof] {
        verify(&[file, "--witness", &first, "--witness", &second]).expect(0);
        verify(&[file, "--witness", &third])
            .expect(4)
            .answers("0 of these witnesses have seen its checkpoint, not 1");
    }
    // What comes after what they saw is said to be unseen.
    let kept = keep(&place, "kept.note");
    logged(&place, 5);
    verify(&["--witness", &first]).expect(0).answers(&format!("1 witness saw #1–{size}\n"));
    verify(&["--witness", &first, "--checkpoint", &kept]).expect(0);
    // A signature in a witness's name that is none is no missing one.
    let text = fs::read_to_string(&kept).unwrap();
    let line = text.lines().find(|line| line.contains("w.example/1")).unwrap();
    let forged = witness("w.example/1", 1).public().to_string();
    assert_eq!(forged, first);
    let mut bytes = line.as_bytes().to_vec();
    let last = bytes.len() - 4;
    bytes[last] = if bytes[last] == b'A' { b'B' } else { b'A' };
    let changed = text.replace(line, &String::from_utf8(bytes).unwrap());
    let changed = place.file("changed.note", changed);
    let ran = verify(&["--witness", &first, "--checkpoint", changed.to_str().unwrap()]);
    ran.expect(4).answers("the signature of w.example/1 is not valid");
}
