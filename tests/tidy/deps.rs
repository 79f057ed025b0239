//! Dependencies: the pure crates stay pure, and the host is compiled once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use super::Complaints;
use super::source::{code, lines_with};
use super::tree::{root, rust};

/// What a crate that a stranger can build for wasm32 does not have in its tree.
const IMPURE: [&str; 12] = [
    "tokio",
    "mio",
    "wasmtime",
    "wasmtime-wasi",
    "rusqlite",
    "libsqlite3-sys",
    "cap-std",
    "rustix",
    "libc",
    "getrandom",
    "reqwest",
    "hyper",
];

/// What such a crate does not say.
const OUTSIDE: [&str; 7] =
    ["std::fs", "std::net", "std::process", "std::env", "std::thread", "SystemTime", "Instant::now"];

fn pure_crates() -> Vec<String> {
    let folders = fs::read_dir(root().join("host/crates")).unwrap();
    folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// What cargo resolves for some packages: every crate with its features.
fn resolved(arguments: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root())
        .args(["tree", "--offline", "--locked", "--prefix", "none", "--no-dedupe", "--format", "{p} {f}"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo tree {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let mut crates = BTreeMap::<String, BTreeSet<String>>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let mut words = line.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let features = words.next_back().filter(|word| !word.starts_with('(')).unwrap_or_default();
        crates.entry(format!("{name} {version}")).or_default().insert(features.to_owned());
    }
    assert!(crates.len() > 3, "cargo tree {arguments:?} named next to nothing");
    crates
}

#[test]
fn the_pure_crates_are_pure() {
    let mut complaints = Complaints::default();
    for name in pure_crates() {
        let manifest = format!("host/crates/{name}/Cargo.toml");
        for used in
            resolved(&["--package", &name, "--edges", "normal,build", "--target", "wasm32-unknown-unknown"])
                .keys()
        {
            let used = used.split(' ').next().unwrap_or(used);
            if IMPURE.contains(&used) {
                let remedy =
                    format!("`cargo tree -p {name} -i {used}` shows who wants it; do the work in host/src");
                complaints.at(&manifest, 1, format!("`{name}` depends on {used}"), remedy);
            }
        }
        for file in rust(&[&format!("host/crates/{name}/src/")]) {
            let source = code(&file.text);
            for word in OUTSIDE {
                for line in lines_with(&source, word) {
                    complaints.at(
                        &file.path,
                        line,
                        format!("`{word}` in a pure crate"),
                        "take it as an argument",
                    );
                }
            }
        }
    }
    complaints.check();
}

/// Cargo compiles a crate anew for each set of features; were the host's own set smaller than that of all the packages
/// that are tested with it, the demo and the tests would compile wasmtime twice.
#[test]
fn the_host_alone_has_the_features_of_its_tests() {
    let alone = resolved(&["--package", "aos-host", "--edges", "normal,build"]);
    let names = pure_crates();
    let mut arguments =
        vec!["--edges", "normal,build,dev", "-p", "aos-host", "-p", "aos-tests", "-p", "xtask"];
    arguments.extend(names.iter().flat_map(|name| ["-p", name]));
    let together = resolved(&arguments);
    let mut complaints = Complaints::default();
    for (name, features) in &alone {
        let tested = together.get(name).cloned().unwrap_or_default();
        for set in features.difference(&tested) {
            let crate_name = name.split(' ').next().unwrap_or(name);
            let what =
                format!("{name} has features [{set}] for the host alone, and {tested:?} with its tests");
            let remedy = format!(
                "`cargo tree --workspace -e features -i {crate_name}` shows who adds some: add them here"
            );
            complaints.at("host/Cargo.toml", 1, what, remedy);
        }
    }
    complaints.check();
}
