//! Attacks with paths, links and mounts. What is outside a mount stays as it was, and so does a mount that is only read.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::siege::{Attack, By, Ends, Siege};
use crate::support::Place;

/// Paths that no mount takes.
fn hostile() -> Vec<String> {
    let plain = [
        "..",
        "../secret",
        "a/../../secret",
        "./a",
        "a/./b",
        "/etc/passwd",
        "/",
        "//a",
        "a//b",
        "a/",
        "in/",
        "a\\b",
        "..\\secret",
        "a\u{0}b",
        "a\nb",
        "a\u{85}b",
        "in/../../secret",
        "in/..",
        ".aos-1.tmp",
    ];
    let mut all: Vec<String> = plain.map(str::to_owned).to_vec();
    all.extend(["x".repeat(256), "d/".repeat(40) + "f", vec!["y".repeat(200); 6].join("/")]);
    all
}

/// Every function of a mount, with this path.
fn every(path: &str) -> Vec<Value> {
    vec![
        json!({"op": "read", "mount": "site", "path": path}),
        json!({"op": "stat", "mount": "site", "path": path}),
        json!({"op": "list", "mount": "site", "path": path}),
        json!({"op": "write", "mount": "site", "path": path, "body": "evil"}),
        json!({"op": "remove", "mount": "site", "path": path}),
        json!({"op": "rename", "mount": "site", "source": path, "target": "stolen"}),
        json!({"op": "rename", "mount": "site", "source": "in/file", "target": path}),
    ]
}

const BOTH: &[&str] = &["read = [\"site\"]", "write = [\"site\"]"];

fn scripted(number: u32, name: &'static str, needs: &'static [&'static str], script: Value) -> Attack {
    let budget: &[&str] = &["bytes-stored = \"8MiB\"", "memory = \"40MiB\"", "fuel = \"9G\""];
    Attack { number, name, by: By::Script(script), needs, budget, ends: Ends::Refused }
}

#[test]
fn no_path_leads_out_of_a_mount() {
    let place = Place::new();
    place.file("secret", "secret");
    place.file("outside/secret", "secret");
    let site = place.folder("site");
    place.file("site/in/file", "mine");
    symlink(place.path("secret"), site.join("link")).unwrap();
    symlink("../secret", site.join("relative")).unwrap();
    symlink(place.path("outside"), site.join("folder")).unwrap();
    symlink("/", site.join("root")).unwrap();
    symlink("loop", site.join("loop")).unwrap();
    symlink("../not-there", site.join("dangling")).unwrap();
    let through = ["folder/secret", "folder/new", "root/etc/passwd", "loop/a", "dangling/a"];
    let mut links: Vec<Value> = through.iter().flat_map(|path| every(path)).collect();
    for link in ["link", "relative", "loop"] {
        links.push(json!({"op": "read", "mount": "site", "path": link}));
        links.push(json!({"op": "stat", "mount": "site", "path": link}));
        links.push(json!({"op": "list", "mount": "site", "path": link}));
    }
    let long = ["read", "write"].map(|op| json!({"op": op, "mount": "site", "huge_path": 10 << 20}));
    let paths: Vec<Value> = hostile().iter().flat_map(|path| every(path)).collect();
    let attacks = [
        scripted(20, "hostile-paths", BOTH, json!(paths)),
        scripted(20, "links-that-lead-out", BOTH, json!(links)),
        scripted(20, "path-of-10-mib", BOTH, json!(long)),
    ];
    let before = tree(place.path("").as_path());
    for mode in ["rw", "overlay"] {
        let mount = format!("site={}:{mode}", site.display());
        let siege = Siege::lay(&place, &["--mount", &mount], &attacks);
        siege.ran.says("links-that-lead-out mount.read site:folder/secret").says("it leads out of the mount");
        assert_eq!(
            tree(place.path("").as_path()),
            before,
            "nothing outside the log and the team has changed"
        );
    }
    let last = place.entries(None).last().map(|entry| entry.run()).unwrap();
    place.aos(&["overlay", "apply", &format!("r{last}"), "site"]).expect(0).answers("nothing to apply");
}

#[test]
fn what_is_only_read_is_not_changed() {
    let place = Place::new();
    let docs = place.folder("docs");
    place.file("docs/file", "mine");
    let change = |mount: &str| {
        json!([
            {"op": "write", "mount": mount, "path": "file", "body": "evil"},
            {"op": "write", "mount": mount, "path": "new", "body": "evil"},
            {"op": "write", "mount": mount, "path": "file", "body": ""},
            {"op": "remove", "mount": mount, "path": "file"},
            {"op": "rename", "mount": mount, "source": "file", "target": "other"},
        ])
    };
    let attacks = [
        scripted(21, "writes-where-it-may-read", &["read = [\"docs\"]"], change("docs")),
        scripted(21, "writes-where-it-may-nothing", &[], change("docs")),
        scripted(21, "a-mount-that-is-not-there", &["read = [\"docs\"]"], change("Docs")),
    ];
    let mount = format!("docs={}", docs.display());
    let siege = Siege::lay(&place, &["--mount", &mount], &attacks);
    assert_eq!(fs::read_dir(&docs).unwrap().count(), 1);
    assert_eq!(place.text("docs/file"), "mine");
    assert!(siege.entries.iter().all(|entry| entry.kind() != "intent"), "no effect was begun");
}

/// Every path below a folder with its contents, without what a run leaves there.
fn tree(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy().into_owned();
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_symlink() {
            all.push((name, fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()));
        } else if kind.is_file() {
            all.push((name, fs::read(&path).unwrap()));
        } else if !["state", "team", "home", "config"].iter().any(|own| path.ends_with(own)) {
            all.extend(tree(&path));
        }
    }
    all.sort();
    all
}
