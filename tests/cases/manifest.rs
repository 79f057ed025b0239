//! Slips in `agent.toml`: line, column, what is wrong, and the nearest thing that would be right.

use super::refused;
use crate::support::Place;

const PACKAGE: &str = "[package]\nname = \"team\"\nversion = \"1.0.0\"\ndescription = \"A team.\"\ncomponent = \"probe.wasm\"\n";

/// A manifest is refused with exit code 2; where and what is told.
#[track_caller]
fn slip(manifest: &str, words: &[&str]) {
    let place = Place::new();
    let team = place.team(manifest);
    let ran = refused(&place, &team, &[], 2, words);
    assert!(ran.stderr.contains("agent.toml"), "the file is named: {ran}");
}

#[test]
fn unknown_keys() {
    slip(
        &PACKAGE.replace("component =", "componnet ="),
        &["agent.toml:5:1", "\"componnet\"", "did you mean \"component\"?"],
    );
    slip(&format!("{PACKAGE}[neds]\n"), &["agent.toml:6:2", "\"neds\"", "did you mean \"needs\"?"]);
    slip(&format!("{PACKAGE}[needs]\npublsih = [\"a\"]\n"), &["agent.toml:7:1", "did you mean \"publish\"?"]);
    slip(&format!("{PACKAGE}[budget]\nfule = 1\n"), &["agent.toml:7:1", "did you mean \"fuel\"?"]);
}

#[test]
fn values_that_are_none() {
    slip(&format!("{PACKAGE}[budget]\nfuel = \"10 parsecs\"\n"), &["agent.toml:7:8", "10 parsecs"]);
    slip(&format!("{PACKAGE}[budget]\nfuel = -1\n"), &["agent.toml:7:8", "fuel"]);
    slip(&format!("{PACKAGE}[budget]\nfuel = 99999999999999999999\n"), &["agent.toml:7:8"]);
    slip(&format!("{PACKAGE}[needs]\npublish = \"a\"\n"), &["agent.toml:7:11", "must be a list"]);
    slip(&format!("{PACKAGE}[needs]\npublish = [\"a..b\"]\n"), &["agent.toml:7:12"]);
    slip(&PACKAGE.replace("1.0.0", "one"), &["agent.toml:3:11", "version"]);
    slip(&PACKAGE.replace("\"team\"", "\"../team\""), &["agent.toml:2:8", "name"]);
    slip(&PACKAGE.replace("probe.wasm", "../probe.wasm"), &["agent.toml:5:13"]);
    slip(&PACKAGE.replace("probe.wasm", "/etc/passwd"), &["agent.toml:5:13"]);
}

#[test]
fn missing_parts() {
    slip("", &["[package]", "missing"]);
    slip(&PACKAGE.replace("component = \"probe.wasm\"\n", ""), &["agent.toml:1:2", "\"component\""]);
    let place = Place::new();
    let team = place.team(&PACKAGE.replace("probe.wasm", "absent.wasm"));
    refused(&place, &team, &[], 2, &["team/absent.wasm", "No such file"]);
}

#[test]
fn no_toml() {
    slip("[package\nname", &["agent.toml:1:"]);
    slip(&format!("{PACKAGE}name = \"again\"\n[package]\n"), &["agent.toml:"]);
    slip("\u{feff}\u{0}", &["agent.toml:1:"]);
    slip(&format!("x = {}", "[".repeat(100_000)), &["agent.toml:1:"]);
    slip(&"# a long line\n".repeat(20_000), &["larger than 262144 bytes"]);
}

#[test]
fn not_utf_8() {
    let place = Place::new();
    let team = place.team("");
    std::fs::write(team.join("agent.toml"), b"[package]\nname = \"\xff\"\n").unwrap();
    refused(&place, &team, &[], 2, &["agent.toml", "not UTF-8 at byte 18"]);
}

#[test]
fn a_team_that_cannot_work() {
    slip(
        &format!("{PACKAGE}[needs]\nspawn = [\"writer\"]\n[children.wirter]\ncomponent = \"idle.wasm\"\n"),
        &["did you mean \"wirter\"?"],
    );
    slip(
        &format!("{PACKAGE}[children.a]\ncomponent = \"idle.wasm\"\n"),
        &["nobody may spawn it", "spawn = [\"a\"]"],
    );
    let child = "[children.a]\ncomponent = \"idle.wasm\"\n[children.a.needs]\nread = [\"docs\"]\n";
    slip(
        &format!("{PACKAGE}[needs]\nspawn = [\"a\"]\n{child}"),
        &["no parent may hand on", "[needs.delegate]"],
    );
}

/// Text of a manifest that would steer a terminal is shown escaped.
#[test]
fn text_that_steers_the_terminal() {
    let place = Place::new();
    let team = place.team(&format!("{PACKAGE}\"k\\u001b[2J\\u202e\" = 1\n"));
    let ran = refused(&place, &team, &[], 2, &["unknown key"]);
    assert!(!ran.stderr.contains(['\u{1b}', '\u{202e}']), "{ran}");
}
