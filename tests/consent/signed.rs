//! Standing grants of signed packages, and grants that were signed elsewhere.

use std::fs;

use super::{READS, team};
use crate::support::Place;

const OFFER: [&str; 4] = ["--mount", "notes=notes", "--mount", "site=out:overlay"];

fn place() -> Place {
    let place = Place::new();
    place.file("notes/a", "a note");
    place.folder("out");
    place
}

/// Makes a key, signs the team with it and pins it.
fn signed(place: &Place, publisher: &str, manifest: &str) {
    place.team(manifest);
    if !place.path(&format!("config/aos-host/keys/{publisher}.key")).exists() {
        place.aos(&["key", "new", publisher]).expect(0);
        let key = place.aos(&["key", "export", publisher]).expect(0).stdout;
        place.aos(&["trust", "add", publisher, key.trim()]).expect(0);
    }
    place.aos(&["sign", "team", "--key", publisher]).expect(0);
}

fn add(place: &Place) {
    place.aos(&[&["grant", "add", "team"], &OFFER[..]].concat()).expect(0);
}

#[test]
fn it_is_for_a_publishers_package_whatever_its_version() {
    let place = place();
    signed(&place, "acme", &team(""));
    place.aos(&["run", "team", READS]).expect(3).says("docs needs what is not granted");
    add(&place);
    place.aos(&["run", "team", READS]).expect(0).answers("a note");
    signed(&place, "acme", &team("").replace("1.0.0", "1.1.0"));
    place.aos(&["run", "team", READS]).expect(0).answers("a note");
    // It is not bound to a place.
    fs::rename(place.path("team"), place.path("moved")).unwrap();
    place.aos(&["run", "moved", READS]).expect(0).answers("a note");
    signed(&place, "acme", &team("publish = [\"news\"]").replace("1.0.0", "1.2.0"));
    place.aos(&["run", "team", READS]).expect(3).says("  + publish news");
    // Another publisher's package of the same name is another one.
    signed(&place, "mallory", &team("").replace("1.0.0", "1.3.0"));
    place.aos(&["run", "team", READS]).expect(3).says("docs needs what is not granted");
}

#[test]
fn signed_and_unsigned_share_no_grant() {
    let place = place();
    signed(&place, "acme", &team(""));
    add(&place);
    fs::remove_file(place.path("team/agent.dsse")).unwrap();
    place.aos(&["run", "team", READS]).expect(3).says("docs needs what is not granted");
    // A grant of the local build, of the same place and name.
    place.aos(&[&["grant", "add", "team", "--name", "local"], &OFFER[..]].concat()).expect(0);
    place.aos(&["run", "team", READS]).expect(0);
    place.aos(&["grant", "revoke", "docs"]).expect(0);
    place.aos(&["sign", "team", "--key", "acme"]).expect(0);
    place.aos(&["run", "team", READS]).expect(3).says("docs needs what is not granted");
}

#[test]
fn a_grant_may_be_signed_elsewhere_with_a_pinned_operators_key() {
    let place = place();
    place.team(&team(""));
    place.aos(&["key", "new", "boss"]).expect(0);
    let key = place.aos(&["key", "export", "boss"]).expect(0).stdout.trim().to_owned();
    let elsewhere = [&["grant", "add", "team", "--key", "boss", "-o", "docs.dsse"], &OFFER[..]].concat();
    place.aos(&elsewhere).expect(0).says("docs.dsse: the grant docs");
    place.aos(&["grant", "add", "docs.dsse"]).expect(3).says("aos-host trust add NAME KEY --operator");
    // A publisher signs packages, not grants.
    place.aos(&["trust", "add", "boss", &key]).expect(0);
    place.aos(&["grant", "add", "docs.dsse"]).expect(3);
    place.aos(&["trust", "remove", "boss"]).expect(0);
    place.aos(&["trust", "add", "boss", &key, "--operator"]).expect(0);
    place.aos(&["grant", "add", "docs.dsse"]).expect(0);
    place.aos(&["grant", "list"]).expect(0).answers("signed by boss");
    place.aos(&["run", "team", READS]).expect(0).answers("a note");
    // Who is trusted no more has granted nothing.
    place.aos(&["trust", "remove", "boss"]).expect(0);
    place.aos(&["run", "team", READS]).expect(3);
}

#[test]
fn a_signature_over_another_kind_of_document_is_none() {
    let place = place();
    signed(&place, "acme", &team(""));
    add(&place);
    let folder = place.path("config/aos-host/grants");
    let file = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    fs::copy(place.path("team/agent.dsse"), &file).unwrap();
    place.aos(&["run", "team", READS]).expect(3).says("signed as a package statement");
    place.aos(&["grant", "list"]).expect(3).says("signed as a package statement");
}
