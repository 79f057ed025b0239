//! Mounts, models, capabilities and budgets that cannot be given.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::refused;
use crate::support::{Place, guest};

#[test]
fn a_mount_that_is_not_there() {
    let place = Place::new();
    refused(
        &place,
        &guest("probe"),
        &["--mount", "docs=missing"],
        2,
        &["cannot mount", "missing", "no such directory"],
    );
    place.file("file", "");
    refused(
        &place,
        &guest("probe"),
        &["--mount", "docs=file"],
        2,
        &["cannot mount", "file", "not a directory"],
    );
}

/// A mount may not hold, be, or lie in the directories of state, keys and compiled code, whatever its name is.
#[test]
fn a_mount_over_the_hosts_own_directories() {
    let place = Place::new();
    place.folder("state/inner");
    place.folder("config/aos-host/inner");
    symlink(place.path("state"), place.path("innocent")).unwrap();
    symlink(place.path("config/aos-host/inner"), place.path("harmless")).unwrap();
    let cache = crate::support::program::target().join("test-cache/aos-host");
    fs::create_dir_all(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&cache, place.path("code")).unwrap();
    for (mount, what) in [
        (".", "state directory"),
        ("state", "state directory"),
        ("state/inner", "state directory"),
        ("innocent", "state directory"),
        ("innocent/inner", "state directory"),
        ("config", "key directory"),
        ("config/aos-host", "key directory"),
        ("harmless", "key directory"),
        ("code", "cache directory"),
        ("/", "directory"),
    ] {
        for mode in ["ro", "rw", "overlay"] {
            let flag = format!("x={mount}:{mode}");
            let words = ["cannot mount", what, "mount a folder"];
            refused(&place, &guest("probe"), &["--mount", &flag], 2, &words);
        }
    }
}

#[test]
fn a_model_that_is_not_there() {
    let place = Place::new();
    let probe = guest("probe");
    refused(
        &place,
        &probe,
        &["--model", "default=scripted:missing.toml"],
        2,
        &["missing.toml", "cannot read the script"],
    );
    place.file("bad.toml", "[[answer]]\ntxt = \"yes\"\n");
    refused(&place, &probe, &["--model", "default=scripted:bad.toml"], 2, &["bad.toml:2:1", "txt"]);
    place.file("deep.toml", format!("x = {}", "[".repeat(100_000)));
    refused(&place, &probe, &["--model", "default=scripted:deep.toml"], 2, &["deep.toml:1:"]);
}

/// What a manifest needs and nobody offers is refused before it starts, with the flags to add and the whole command.
#[test]
fn what_is_needed_and_not_offered() {
    let place = Place::new();
    let team = place.team(
        "[package]\nname = \"team\"\nversion = \"1.0.0\"\ndescription = \"A team.\"\ncomponent = \"probe.wasm\"\n\
         [needs]\nread = [\"docs\"]\ninfer = [\"default\"]\n",
    );
    let words = ["--mount docs=", "--model default=", "aos-host run"];
    refused(&place, &team, &[], 3, &words);
    let docs = place.folder("docs");
    let mount = format!("docs={}", docs.display());
    let ran = refused(&place, &team, &["--mount", &mount], 3, &["--model default="]);
    assert!(ran.stderr.contains(&mount), "what was given is in the command again: {ran}");
}

#[test]
fn flags_with_slips() {
    let place = Place::new();
    for (flags, word) in [
        (["--mount", "docs"], "LABEL=DIR"),
        (["--mount", "=x"], "LABEL=DIR"),
        (["--model", "default"], "LABEL=scripted:FILE"),
        (["--model", "default=remote:x"], "remote"),
        (["--allow", "fly=moon"], "fly"),
        (["--allow", "publish"], "VERB=OBJECT"),
        (["--budget", "fuel"], "METER=AMOUNT"),
        (["--budget", "petrol=1"], "petrol"),
        (["--budget", "fuel=much"], "much"),
        (["--budget", "memory=unlimited"], "memory"),
        (["--budget", "fuel=99999999999999999999"], "limit"),
        (["--threads", "0"], "threads"),
        (["--log-limit", "much"], "log-limit"),
        (["--input", "missing.json"], "missing.json"),
    ] {
        let ran = place.aos(&[&["run", guest("probe").to_str().unwrap()], &flags[..]].concat()).expect(2);
        ran.says(word);
        assert_eq!(ran.stdout, "", "{ran}");
        assert!(!place.path("state/log.db").exists(), "{ran}");
    }
    let twice = ["--mount", "a=config", "--mount", "a=home"];
    place.aos(&[&["run", guest("probe").to_str().unwrap()], &twice[..]].concat()).expect(2).says("twice");
}

#[test]
fn an_input_that_is_too_large() {
    let place = Place::new();
    let ran = place
        .aos_with(&["run", guest("probe").to_str().unwrap(), "--input", "-"], &vec![b' '; (1 << 20) + 1]);
    ran.clone().expect(2).says("1048576").says("mount");
}
