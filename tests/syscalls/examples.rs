//! The examples, and every command that the documentation tells a reader to type.

use std::fs;
use std::path::{Path, PathBuf};

use super::case::fits;
use crate::support::Place;

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A place that looks like the checkout to someone who has built the examples in it.
pub fn place() -> Place {
    let place = Place::new();
    for example in ["docs-merge", "fact-sheet", "hello", "reviewed-merge"] {
        let folder = format!("examples/{example}");
        copy(&checkout().join(&folder), &place.folder(&folder));
    }
    let hello = built("examples/hello/hello.wasm");
    place.file("target/wasm32-wasip2/release/hello.wasm", fs::read(hello).unwrap());
    place.folder("OUT");
    place.folder("SITE");
    place
}

/// Something that `cargo xtask guests` makes.
pub fn built(path: &str) -> PathBuf {
    let path = checkout().join(path);
    assert!(path.exists(), "there is no {}: run `cargo xtask guests`, or `cargo xtask test`", path.display());
    path
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn hello_greets() {
    let place = place();
    let run = place.run(&place.path("examples/hello/hello.wasm"), &[], "world").expect(0);
    assert_eq!(run.ran.stdout, "Hello, world\n");
    run.ran.says("greeting world");
    place.aos(&["logs"]).expect(0).answers("greeting world");
}

#[test]
fn docs_merge_merges_and_the_writer_is_denied_the_notes() {
    for member in ["coordinator", "synthesizer", "writer"] {
        built(&format!("examples/docs-merge/{member}.wasm"));
    }
    let place = place();
    let flags = [
        "--mount",
        "notes=examples/docs-merge/input",
        "--mount",
        "site=OUT:rw",
        "--model",
        "default=scripted:examples/docs-merge/answers.toml",
    ];
    let run = place.run(&place.path("examples/docs-merge/agent.toml"), &flags, "").expect(0);
    assert!(run.ran.stdout.starts_with("merged 3 notes into site/index.html (sha256:"), "{}", run.ran);
    assert!(place.text("OUT/index.html").contains("<h1>Backup and restore of the wiki</h1>"));
    let denied: Vec<&str> =
        run.entries.iter().filter(|e| e.out()["Err"] == "denied").map(|entry| entry.verb()).collect();
    assert_eq!(denied, ["list"], "the writer asks for the notes, once");
    let names =
        run.entries.iter().filter(|entry| entry.kind() == "start").map(|entry| entry.event()["name"].clone());
    assert!(fits(&names.collect(), &serde_json::json!(["docs-merge", "synthesizer", "writer"])));
    place.aos(&["inspect"]).expect(0).answers("denied 1");
}

/// The same team, unchanged, over a directory that only the operator changes.
#[test]
fn docs_merge_can_be_looked_at_before_it_is_applied() {
    let place = place();
    place.file("SITE/index.html", "<h1>The page before</h1>\n");
    let flags = [
        "--mount",
        "notes=examples/docs-merge/input",
        "--mount",
        "site=SITE:overlay",
        "--model",
        "default=scripted:examples/docs-merge/answers.toml",
    ];
    let run = place.run(&place.path("examples/docs-merge/agent.toml"), &flags, "").expect(0);
    assert!(run.ran.stdout.starts_with("merged 3 notes into site/index.html (sha256:"), "{}", run.ran);
    run.ran.says("overlay site: its changes are kept: aos-host overlay diff r1 site");
    assert_eq!(place.text("SITE/index.html"), "<h1>The page before</h1>\n");
    let diff = place.aos(&["overlay", "diff", "r1", "site"]).expect(0);
    diff.answers("changed index.html 25 B → ").answers("-<h1>The page before</h1>\n");
    diff.answers("<h1>Backup and restore of the wiki</h1>");
    place.aos(&["overlay", "apply", "r1", "site"]).expect(0).answers("applied 1 change to");
    assert!(place.text("SITE/index.html").contains("<h1>Backup and restore of the wiki</h1>"));
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
}

/// Commands that cannot be run inside a test, with the reason.
const ELSEWHERE: [(&str, &str); 6] = [
    ("cargo xtask demo", "builds and runs a release; CI runs it as a step of its own"),
    ("cargo xtask test", "this test is part of it"),
    ("cargo xtask guests", "`cargo xtask test` has run it before"),
    ("cargo build --release --target wasm32-wasip2", "is what `cargo xtask guests` runs, in another profile"),
    ("rustup target add wasm32-wasip2", "changes the machine; `cargo xtask guests` asks for it"),
    ("cargo ", "for contributors; CI runs what it needs"),
];

/// Where a reader is told to type something.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![checkout().join("README.md"), checkout().join("guest-sdk/rust/README.md")];
    for folder in ["docs", "examples"] {
        for entry in fs::read_dir(checkout().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let document = if path.is_dir() { path.join("README.md") } else { path };
            found.extend(
                // What is in `models.md` needs a server: `remote::settings` has one and types it. What is in
                // `signed-package.md` needs a person: `consent::transcript` has one.
                Some(document)
                    .filter(|it| it.extension().is_some_and(|end| end == "md") && it.exists())
                    .filter(|it| !it.ends_with("docs/models.md") && !it.ends_with("docs/signed-package.md")),
            );
        }
    }
    found.sort();
    found
}

/// The lines of the blocks marked `sh` or `console`, without comments and what a console answers.
fn commands(document: &str) -> Vec<String> {
    let (mut commands, mut inside, mut console) = (Vec::new(), false, false);
    for line in document.lines() {
        if let Some(mark) = line.strip_prefix("```") {
            console = mark == "console";
            inside = !inside && (mark == "sh" || console);
            continue;
        }
        let line = match line.strip_prefix("$ ") {
            Some(command) => command,
            None if console => continue,
            None => line,
        };
        let command = line.split(" #").next().unwrap_or_default().trim();
        if inside && !command.is_empty() && !command.starts_with('#') {
            commands.push(command.to_owned());
        }
    }
    commands
}

#[test]
fn what_the_documentation_says_can_be_typed() {
    let mut typed = 0;
    for document in documents() {
        let place = place();
        for command in commands(&fs::read_to_string(&document).unwrap()) {
            let at = document.strip_prefix(checkout()).unwrap().display().to_string();
            if ELSEWHERE.iter().any(|(elsewhere, _)| command.starts_with(elsewhere)) {
                continue;
            }
            let words: Vec<&str> = command.split_whitespace().collect();
            assert_eq!(words[0], "aos-host", "{at}: `{command}` is neither run here nor listed in ELSEWHERE");
            let ran = place.aos(&words[1..]);
            assert_eq!(ran.code, 0, "{at}: {ran}");
            typed += 1;
        }
    }
    assert!(typed >= 6, "only {typed} commands were found: are the blocks still marked `sh`?");
}

#[test]
fn commands_are_found_in_their_blocks() {
    let text = "`x`\n```sh\n# a comment\na b    # why\n\nc\n```\nd\n```console\n$ e f\nan answer\n```\n```toml\ng = 1\n```\n";
    assert_eq!(commands(text), ["a b", "c", "e f"]);
}
