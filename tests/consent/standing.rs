//! Standing grants of local builds: given, shown, used, taken away.

use std::fs;

use serde_json::Value;

use super::{READS, place, team};
use crate::support::{Place, Ran};

const OFFER: [&str; 4] = ["--mount", "notes=notes", "--mount", "site=out:overlay"];

fn add(place: &Place, more: &[&str]) -> Ran {
    place.aos(&[&["grant", "add", "team"], &OFFER[..], more].concat())
}

fn file(place: &Place) -> std::path::PathBuf {
    let folder = place.path("config/aos-host/grants");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn a_standing_grant_starts_what_it_was_given_for() {
    let place = place();
    place.aos(&["run", "team", READS]).expect(3);
    // What is not offered cannot be granted.
    place.aos(&["grant", "add", "team", "--mount", "notes=notes"]).expect(3).says("--mount site=DIR:rw");
    add(&place, &[])
        .expect(0)
        .answers("docs: the local build ")
        .answers("may start from now on, unless it asks for more");
    place.aos(&["run", "team", READS]).expect(0).answers("a note");

    let shown = place.aos(&["grant", "show", "docs"]).expect(0);
    shown
        .answers("signed by operator")
        .answers("--mount notes=")
        .answers("--mount site=")
        .answers(":overlay");
    shown.answers("[children.\"writer\".needs]").answers("write = [\"site\"]");
    let line: Value =
        serde_json::from_str(place.aos(&["grant", "show", "docs", "--json"]).expect(0).stdout.trim())
            .unwrap();
    let opening = place.aos(&["audit", "show", "1"]).expect(0).stdout;
    let digest = line["digest"].as_str().unwrap();
    assert!(opening.contains(&format!("\"standing\":\"{digest}\"")), "the run names its grant: {opening}");

    // Flags go over what stands.
    place.file("other/a", "another note");
    place.aos(&["run", "team", READS, "--mount", "notes=other"]).expect(0).answers("another note");
    // It is for that place, whatever is built there; not for another place.
    fs::rename(place.path("team"), place.path("moved")).unwrap();
    place.aos(&["run", "moved", READS]).expect(3);
}

#[test]
fn what_was_taken_away_does_not_come_back() {
    let place = place();
    add(&place, &[]).expect(0);
    let (file, copy) = (file(&place), fs::read(file(&place)).unwrap());
    place.aos(&["grant", "revoke", "other"]).expect(2).says("there are docs");
    place.aos(&["grant", "revoke", "docs"]).expect(0).answers("docs: revoked");
    place.aos(&["run", "team", READS]).expect(3);
    fs::write(&file, copy).unwrap();
    place.aos(&["run", "team", READS]).expect(3).says("revoked");
    // A new one is another one.
    add(&place, &[]).expect(0);
    place.aos(&["run", "team", READS]).expect(0);
}

#[test]
fn it_may_be_for_exactly_one_build_and_for_a_time() {
    let place = place();
    add(&place, &["--exact"]).expect(0);
    place.aos(&["run", "team", READS]).expect(0);
    place.team(&team("").replace("merges notes", "merges all notes"));
    let ran = place.aos(&["run", "team", READS]).expect(3);
    ran.says("the standing grant docs is for exactly sha256:").says("and this package is sha256:");
    add(&place, &["--expires", "1h"]).expect(0);
    place.aos(&["run", "team", READS]).expect(0);
    add(&place, &["--expires", "2020-01-01"]).expect(2).says("it would have ended before");
    add(&place, &["--expires", "soon"]).expect(2).says("2027-01-31");
    add(&place, &["--name", "No Name"]).expect(2).says("a-z");
}

/// Whatever is done to the file, it is refused or says the same.
#[test]
fn a_changed_file_is_refused() {
    let place = place();
    add(&place, &[]).expect(0);
    let (file, good) = (file(&place), fs::read(file(&place)).unwrap());
    let changed = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        place.aos(&["run", "team", READS])
    };
    let bits = good.len() * 8;
    let step = if std::env::var_os("AOS_SOAK").is_some() { 1 } else { bits / 100 };
    let mut flipped = 0;
    for bit in (0..bits).step_by(step) {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        changed(&bad).expect(3).says(".dsse");
        flipped += 1;
    }
    println!("{flipped} flipped bits of a grant: none was taken");
    changed(&good[..good.len() / 2]).expect(3);
    changed(b"").expect(3);
    changed(&vec![b' '; 8 << 20]).expect(3);
    changed(&good).expect(0);
}
