//! Files: small, named after what they are, and free of the machine that they were written on.

use super::Complaints;
use super::tree::{all, root, rust};

/// Lines of a Rust file; most have 100 to 300.
const LONGEST: usize = 400;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] =
    ["util", "utils", "helper", "helpers", "manager", "managers", "misc", "common"];

/// Where cargo's packages come from, as every lock file in the world names it.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[test]
fn no_rust_file_is_long() {
    let mut complaints = Complaints::default();
    for file in rust(&["host/", "xtask/", "guest-sdk/", "examples/", "tests/"]) {
        let lines = file.text.lines().count();
        if lines > LONGEST {
            let remedy = format!("split it by what it does into files of at most {LONGEST}");
            complaints.at(&file.path, lines, format!("{lines} lines"), remedy);
        }
    }
    complaints.check();
}

#[test]
fn no_name_is_empty() {
    let mut complaints = Complaints::default();
    for file in all() {
        if let Some(name) = empty_name(&file.path) {
            complaints.at(&file.path, 1, format!("`{name}` says nothing"), "name it after the thing inside");
        }
    }
    complaints.check();
}

/// The part of a path that says nothing.
fn empty_name(path: &str) -> Option<&str> {
    path.split(['/', '.', '_', '-']).find(|word| EMPTY_NAMES.contains(&word.to_lowercase().as_str()))
}

/// The beginnings of paths that exist on one machine only, put together here so that this file does not hold them.
fn machine_paths() -> Vec<String> {
    let mut beginnings: Vec<String> = [
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/wo", "rk/main"),
        concat!("/wo", "rk/shared"),
        concat!("C:", "\\Users"),
    ]
    .map(str::to_owned)
    .to_vec();
    // This machine's own; a checkout right under `/` would match too much.
    beginnings.extend(
        [Some(root()), std::env::home_dir()]
            .into_iter()
            .flatten()
            .filter(|path| path.components().count() > 2)
            .map(|path| path.display().to_string()),
    );
    beginnings
}

#[test]
fn no_file_knows_a_machine() {
    let mut complaints = Complaints::default();
    let beginnings = machine_paths();
    for file in all() {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(beginning) = beginnings.iter().find(|beginning| line.contains(beginning.as_str())) {
                let remedy = "write it relative to the project, or take it from the environment";
                complaints.at(
                    &file.path,
                    index + 1,
                    format!("`{beginning}` is a path of one machine"),
                    remedy,
                );
            }
        }
    }
    complaints.check();
}

#[test]
fn packages_come_from_the_public_registries() {
    let mut complaints = Complaints::default();
    let files = all();
    assert!(files.iter().any(|file| file.path == "Cargo.lock"), "there is no Cargo.lock: commit it");
    for file in &files {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(what) = foreign(&file.path, line) {
                complaints.at(
                    &file.path,
                    index + 1,
                    what,
                    "use the public registry; mirrors belong in a user's own configuration",
                );
            }
        }
    }
    complaints.check();
}

/// What in a line of a lock file or of a tool's configuration names a registry that is not the public one.
fn foreign(path: &str, line: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let line = line.trim();
    let host = |prefix: &str, public: &str| {
        let url = line.split_once(prefix)?.1;
        (!url.starts_with(public)).then(|| format!("`{prefix}{url}`"))
    };
    match name {
        "Cargo.lock" => host("source = \"", REGISTRY),
        "package-lock.json" => host("\"resolved\": \"", "https://registry.npmjs.org/"),
        "go.sum" | "go.mod" => None,
        "config.toml" if path.contains(".cargo/") => {
            ["replace-with", "registry =", "[source", "[registries", "index ="]
                .iter()
                .find(|key| line.starts_with(*key))
                .map(|key| format!("`{key}` in cargo's configuration"))
        }
        "requirements.txt" | "pyproject.toml" | "pip.conf" | ".npmrc" => {
            ["index-url", "find-links", "trusted-host", "registry="]
                .iter()
                .find(|key| line.contains(*key))
                .map(|key| format!("`{key}`"))
        }
        _ => None,
    }
}

#[test]
fn the_rules_see_what_they_are_for() {
    assert_eq!(empty_name("host/src/kernel/test_utils.rs"), Some("utils"));
    assert_eq!(empty_name("tests/common/mod.rs"), Some("common"));
    assert_eq!(empty_name("docs/misconceptions.md"), None);
    assert_eq!(foreign("Cargo.lock", &format!("source = \"{REGISTRY}\"")), None);
    assert!(foreign("Cargo.lock", "source = \"registry+https://mirror.example/index\"").is_some());
    assert!(
        foreign("guest-sdk/js/package-lock.json", "\"resolved\": \"http://mirror.example/x.tgz\"").is_some()
    );
    assert!(foreign(".cargo/config.toml", "replace-with = \"x\"").is_some());
}
