//! The host's layers: a module uses what is below it, and nothing points up.

use super::Complaints;
use super::source::{code, lines_with, without_tests};
use super::tree::{File, rust};

/// Each layer of `host/src`, and the others that it may name. Naming a layer includes what is in it; of the kernel,
/// effects see the ports alone, and paths, which scratch mounts have too. `limits` is numbers.
const LAYERS: &[(&str, &[&str])] = &[
    ("cli", &["host", "sandbox", "syscall", "kernel", "journal", "mounts", "infer", "witness", "limits"]),
    ("host", &["sandbox", "syscall", "kernel", "journal", "mounts", "infer", "limits"]),
    ("sandbox", &["syscall", "kernel", "journal", "limits"]),
    ("syscall", &["kernel", "journal", "limits"]),
    ("kernel", &["journal", "limits"]),
    ("journal", &["limits"]),
    ("mounts", &["kernel::ports", "kernel::path", "limits"]),
    ("infer", &["kernel::ports", "kernel::request", "limits"]),
    ("witness", &["limits"]),
    ("limits", &[]),
];

/// What prints or ends the process.
const LOUD: [&str; 6] = ["println!", "print!", "eprintln!", "eprint!", "dbg!", "process::exit"];

/// The files that may say `unsafe`: one loads code that this host compiled itself; one gives the functions that a page calls
/// their names; and one of the tests stands between SQLite, which is C, and the disk.
const UNSAFE: [&str; 3] =
    ["host/src/sandbox/cache.rs", "host/crates/verify-web/src/lib.rs", "tests/crash/power/vfs.rs"];

fn host() -> Vec<File> {
    rust(&["host/src/"])
}

/// The layer that a file belongs to; none for `main.rs` and `lib.rs`, which wire them.
fn layer(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("host/src/")?;
    let name = inside.split('/').next()?.trim_end_matches(".rs");
    (inside != "main.rs" && inside != "lib.rs").then_some(name)
}

#[test]
fn nothing_points_up() {
    let files = host();
    let mut complaints = Complaints::default();
    for (name, _) in
        LAYERS.iter().filter(|(name, _)| !files.iter().any(|file| layer(&file.path) == Some(name)))
    {
        complaints.at(
            format!("host/src/{name}"),
            1,
            "there is no such layer",
            "mend LAYERS (tests/tidy/layers.rs)",
        );
    }
    for file in &files {
        let Some(own) = layer(&file.path) else { continue };
        let Some((_, below)) = LAYERS.iter().find(|(name, _)| *name == own) else {
            complaints.at(
                &file.path,
                1,
                format!("`{own}` is no layer"),
                "give it a place in LAYERS (tests/tidy/layers.rs)",
            );
            continue;
        };
        for (line, used) in paths(&code(&file.text), depth(&file.path)) {
            if !may(own, below, &used) {
                let allowed = if below.is_empty() { "nothing".to_owned() } else { below.join(", ") };
                let remedy = format!("`{own}` may use {allowed}: move the code, or define a port below");
                complaints.at(&file.path, line, format!("`{own}` uses `{used}`"), remedy);
            }
        }
    }
    complaints.check();
}

/// Whether a layer may name a path; what is no layer (a type at the crate's root) is not judged here.
fn may(own: &str, below: &[&str], used: &str) -> bool {
    let first = used.split("::").next().unwrap_or(used);
    let known = LAYERS.iter().any(|(name, _)| *name == first);
    let under = |allowed: &&str| used == *allowed || used.starts_with(&format!("{allowed}::"));
    !known || first == own || below.iter().any(under)
}

/// Every path from the crate's root in a source without comments, with its line: two names deep, groups taken apart.
fn paths(code: &str, depth: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut take = |at: usize, rest: &str| {
        let mut names = Vec::new();
        names_of(rest.trim_start(), "", &mut names);
        let line = code[..at].matches('\n').count() + 1;
        found.extend(names.into_iter().map(|name| (line, name)));
    };
    let begins = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    for root in ["crate::", "aos_host::"] {
        for (at, _) in code.match_indices(root).filter(|(at, _)| begins(*at)) {
            take(at, &code[at + root.len()..]);
        }
    }
    // A chain of `super` as long as the module is deep arrives at the root. A test module is one deeper.
    let chain = "super::".repeat(depth);
    for (at, _) in without_tests(code).match_indices(&chain).filter(|(at, _)| depth > 0 && begins(*at)) {
        take(at, &code[at + chain.len()..]);
    }
    found
}

/// How deep a file's module is: `kernel/mod.rs` and `host.rs` 1, `kernel/gate.rs` 2.
fn depth(path: &str) -> usize {
    let inside = path.trim_start_matches("host/src/").trim_end_matches(".rs").trim_end_matches("/mod");
    inside.split('/').count()
}

/// The names that a path or a group of them begins with, each after `before`.
fn names_of(text: &str, before: &str, names: &mut Vec<String>) {
    if let Some(group) = text.strip_prefix('{') {
        let (mut depth, mut start) = (0_usize, 0);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    names_of(group[start..at].trim(), before, names);
                    start = at + 1;
                    if c == '}' {
                        return;
                    }
                }
                _ => {}
            }
        }
        return;
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    if end == 0 {
        return;
    }
    let name = format!("{before}{}", &text[..end]);
    match text[end..].trim_start().strip_prefix("::") {
        Some(rest)
            if before.is_empty()
                && rest.trim_start().starts_with(|c: char| c == '{' || c.is_alphabetic()) =>
        {
            names_of(rest.trim_start(), &format!("{name}::"), names);
        }
        _ => names.push(name),
    }
}

#[test]
fn only_the_command_line_prints_or_exits() {
    let mut complaints = Complaints::default();
    for file in
        host().iter().filter(|file| file.path != "host/src/main.rs" && layer(&file.path) != Some("cli"))
    {
        let source = code(&file.text);
        for word in LOUD {
            for line in lines_with(without_tests(&source), word) {
                let remedy = "answer a value or an error and let host/src/cli show it, or use tracing";
                complaints.at(&file.path, line, format!("`{word}` outside cli"), remedy);
            }
        }
    }
    complaints.check();
}

#[test]
fn unsafe_code_is_where_it_must_be() {
    let mut complaints = Complaints::default();
    for file in rust(&["host/", "xtask/", "guest-sdk/", "examples/", "tests/"]) {
        for line in lines_with(&code(&file.text), "unsafe").filter(|_| !UNSAFE.contains(&file.path.as_str()))
        {
            complaints.at(
                &file.path,
                line,
                "`unsafe`",
                format!("do it safely; only {} may, and they say why", UNSAFE.join(" and ")),
            );
        }
    }
    complaints.check();
}

#[test]
fn paths_are_found_however_they_are_written() {
    let source = "use crate::journal::Journal;\nuse crate::{kernel::{ports, gate::Gate}, Error};\n\
                  fn f() -> crate::host::Host { super::super::cli::x(super::infer) }\nuse my_crate::syscall::S;\nuse aos_host::{infer};";
    let mut found = paths(source, depth("host/src/kernel/gate.rs"));
    found.sort();
    let expected = [
        (1, "journal::Journal"),
        (2, "Error"),
        (2, "kernel::gate"),
        (2, "kernel::ports"),
        (3, "cli::x"),
        (3, "host::Host"),
        (5, "infer"),
    ];
    assert_eq!(found, expected.map(|(line, name)| (line, name.to_owned())));
}

#[test]
fn upward_and_sideways_uses_are_seen() {
    assert!(may("kernel", &["journal"], "journal::Journal"));
    assert!(may("kernel", &["journal"], "Error") && may("kernel", &["journal"], "kernel::gate"));
    assert!(!may("journal", &[], "kernel::ports"));
    assert!(may("mounts", &["kernel::ports"], "kernel::ports"));
    assert!(
        !may("mounts", &["kernel::ports"], "kernel::gate") && !may("mounts", &["kernel::ports"], "kernel")
    );
}
