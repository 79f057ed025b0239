use std::fs;

use serde_json::{Value, json};

use super::{Signed, TEAM};
use crate::support::Place;

/// Bits of each file of a package that are flipped in a test run; AOS_SOAK=1 flips every one of the small files.
const BITS: usize = 125;

#[test]
fn a_stranger_is_refused_and_the_line_that_trusts_it_is_told() {
    let team = Signed::new();
    let key = team.key("acme");
    let fingerprint = team.publisher(&["key", "list", "--json"]).expect(0);
    let fingerprint: Value = serde_json::from_str(&fingerprint.stdout).unwrap();
    let fingerprint = fingerprint["fingerprint"].as_str().unwrap();
    team.refused(&[
        "team/agent.dsse: it is signed with a key that is not trusted here",
        fingerprint,
        "aos-host trust add NAME KEY",
    ]);
    team.place.aos(&["trust", "add", "acme", &key]).expect(0).says(fingerprint).says("all packages");
    let verified = team.place.aos(&["verify", "team"]).expect(0);
    verified.answers("verified team 1.2.0 · acme (").answers("for aos:host@0.1.0").answers("idle.wasm");
    let run = team.runs();
    run.ran.says("team (signed by acme) may:");
    // The body of the run's first entry is its grant, which says who signed.
    let log = rusqlite::Connection::open(team.place.path("state/log.db")).unwrap();
    let grant: Vec<u8> = log.query_row("SELECT data FROM body WHERE seq = 1", [], |row| row.get(0)).unwrap();
    let grant: Value = serde_json::from_slice(&grant).unwrap();
    assert_eq!(grant["signed"], true);
    assert_eq!(
        (&grant["signer"]["publisher"], &grant["signer"]["key"]),
        (&json!("acme"), &json!(fingerprint))
    );
}

#[test]
fn the_operator_calls_a_publisher_as_it_likes() {
    let team = Signed::new();
    team.publisher(&["key", "export", "acme", "-o", "acme.pub"]).expect(0);
    team.place.aos(&["trust", "add", "those-people", "acme.pub", "--packages", "other,team"]).expect(0);
    team.runs().ran.says("signed by those-people");
    let json = team.place.aos(&["verify", "team", "--json"]).expect(0);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["publisher"], &json["version"]), (&json!("those-people"), &json!("1.2.0")));
    assert_eq!(json["components"].as_object().unwrap().len(), 2);
}

#[test]
fn no_flipped_bit_of_a_package_starts() {
    let team = Signed::trusted();
    let every = std::env::var_os("AOS_SOAK").is_some();
    let mut flipped = 0;
    for name in ["agent.toml", "agent.dsse", "probe.wasm", "idle.wasm"] {
        let good = team.bytes(name);
        let bits = good.len() * 8;
        let step = if every && bits < 1 << 16 { 1 } else { (bits / BITS).max(1) };
        for bit in (0..bits).step_by(step) {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            team.put(name, &bad);
            let ran = team.place.aos(&["verify", "team"]);
            assert_eq!(ran.code, 3, "bit {bit} of {name}: {ran}");
            flipped += 1;
        }
        team.refused(&["team/"]);
        team.put(name, &good);
    }
    println!("{flipped} flipped bits of a package: none was taken");
    team.runs();
}

#[test]
fn what_was_signed_is_checked_before_it_is_parsed_or_compiled() {
    let team = Signed::trusted();
    team.put("agent.toml", b"[package\nthis is no manifest");
    team.refused(&["team/agent.toml: it is not the manifest that was signed"]);
    team.put("agent.toml", TEAM.as_bytes());
    team.put("idle.wasm", b"\0asm this cannot be compiled");
    team.refused(&["team/idle.wasm: it is not the component that was signed", "aos-host sign FOLDER"]);
    fs::copy(team.folder.join("command.wasm"), team.folder.join("idle.wasm")).unwrap();
    team.refused(&["team/idle.wasm: it is not the component that was signed"]);
}

#[test]
fn a_signature_that_is_gone_leaves_a_local_build_which_inherits_nothing() {
    let team = Signed::trusted();
    team.runs();
    fs::remove_file(team.folder.join("agent.dsse")).unwrap();
    team.place.aos(&["verify", "team"]).expect(3).says("is not signed").says("aos-host sign team --key NAME");
    team.runs().ran.says("team (unsigned) may:");
    // What is there and is no signature is no local build.
    team.put("agent.dsse", b"");
    team.refused(&["team/agent.dsse", "this is no signed document"]);
    team.put("agent.dsse", &vec![b'x'; 4 << 20]);
    team.refused(&["larger than"]);
    fs::remove_file(team.folder.join("agent.dsse")).unwrap();
    std::os::unix::fs::symlink("nowhere", team.folder.join("agent.dsse")).unwrap();
    team.refused(&["team/agent.dsse: No such file"]);
}

#[test]
fn a_signature_over_another_kind_of_document_is_none() {
    let team = Signed::trusted();
    let statement = team.bytes("agent.dsse");
    team.publisher(&["key", "rotate", "acme", "-o", "rotation"]).expect(0);
    team.put("agent.dsse", &fs::read(team.place.path("rotation")).unwrap());
    team.refused(&["it is signed as a key rotation, not as a package statement"]);
    team.put("agent.dsse", &fs::read(team.place.path("config/aos-host/trust.dsse")).unwrap());
    team.refused(&["it is signed as a trust list, not as a package statement"]);
    // Relabelled, it is no signature at all.
    let text = String::from_utf8(fs::read(team.place.path("rotation")).unwrap()).unwrap();
    team.put("agent.dsse", text.replace("aos.rotation", "aos.package").as_bytes());
    team.refused(&["the signature is not valid"]);
    team.put("agent.dsse", &statement);
    let ran = team.place.aos(&["trust", "add", "acme", "team/agent.dsse"]).expect(3);
    ran.says("it is signed as a package statement, not as a key rotation");
    team.runs();
}

#[test]
fn an_older_version_starts_only_when_the_operator_says_so() {
    let team = Signed::trusted();
    team.version("1.10.0");
    team.runs();
    let trust = fs::read(team.place.path("config/aos-host/trust.dsse")).unwrap();
    team.runs();
    assert_eq!(
        fs::read(team.place.path("config/aos-host/trust.dsse")).unwrap(),
        trust,
        "it changes when it rises"
    );
    team.version("1.9.9");
    team.refused(&["team 1.9.9 is older than 1.10.0, which was started here", "run it with --older"]);
    let older = |flags: &[&str]| {
        let words = [&["run", "team", "--input", "-"], flags].concat();
        team.place.aos_with(&words, b"[]")
    };
    older(&["--older"]).expect(0);
    older(&[]).expect(3).says("--older");
    team.version("1.10.1");
    team.runs();
    // One that does not start raises nothing.
    fs::write(
        team.folder.join("agent.toml"),
        TEAM.replace("1.2.0", "2.0.0").replace("[needs]", "[needs]\nread = [\"a\"]"),
    )
    .unwrap();
    team.sign("acme");
    older(&[]).expect(3).says("--mount a=DIR");
    team.version("1.10.1");
    team.runs();
}

#[test]
fn what_cannot_be_signed_is_told() {
    let place = Place::new();
    let folder = place.team(TEAM);
    place
        .aos(&["sign", "team", "--key", "acme"])
        .expect(2)
        .says("there is no key \"acme\"")
        .says("key new acme");
    place.aos(&["key", "new", "acme"]).expect(0);
    place.aos(&["sign", "team/probe.wasm", "--key", "acme"]).expect(2).says("only a package is signed");
    place.aos(&["sign", "team", "--key", "../acme"]).expect(2).says("cannot be a key's name");
    fs::remove_file(folder.join("idle.wasm")).unwrap();
    place.aos(&["sign", "team", "--key", "acme"]).expect(2).says("team/idle.wasm");
    fs::write(folder.join("agent.toml"), "[package]\n").unwrap();
    place.aos(&["sign", "team", "--key", "acme"]).expect(2).says("agent.toml:1:2");
    assert!(!folder.join("agent.dsse").exists());
}
