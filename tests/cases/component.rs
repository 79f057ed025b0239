//! Files that are no agents.

use std::fs::{self, File};
use std::process::Command;

use super::refused;
use crate::redteam::forge::{Agent, assemble, importing};
use crate::support::{Place, guest};

/// A file in a place of its own is refused with exit code 2; its name and these words are told.
#[track_caller]
fn offered(name: &str, bytes: impl AsRef<[u8]>, words: &[&str]) {
    let place = Place::new();
    let file = place.file(name, bytes);
    refused(&place, &file, &[], 2, &[words, &[name]].concat());
}

#[test]
fn not_webassembly() {
    offered("empty.wasm", "", &["it is not a WebAssembly component"]);
    offered("text.wasm", "hello", &["it is not a WebAssembly component"]);
    offered("script.wasm", "#!/bin/sh\necho no\n", &["it is not a WebAssembly component"]);
    offered("text.wat", "(component)", &["WebAssembly text", "wasm-tools parse"]);
    offered("stub.wasm", b"\0asm\x0d", &["it is cut off"]);
    offered("future.wasm", b"\0asm\x63\0\x07\0", &["known version"]);
}

#[test]
fn a_core_module_without_component_types() {
    offered("core.wasm", assemble("(module (func (export \"run\")))"), &["core module", "wasm32-wasip2"]);
}

#[test]
fn a_component_of_another_world() {
    offered("nothing.wasm", assemble("(component)"), &["exports nothing to run", "wit/world.wit"]);
    let other = r#"(component
        (core module $m (func (export "f") (result i32) i32.const 0)) (core instance $i (instantiate $m))
        (func $f (result u32) (canon lift (core func $i "f"))) (instance $h (export "handle" (func $f)))
        (export "wasi:http/incoming-handler@0.2.0" (instance $h)))"#;
    offered("server.wasm", assemble(other), &["`wasi:http/incoming-handler@0.2.0`"]);
    let run = r#"(component
        (core module $m (func (export "run") (result i32) i32.const 0)) (core instance $i (instantiate $m))
        (func $f (result u32) (canon lift (core func $i "run"))) (export "run" (func $f)))"#;
    offered("other-run.wasm", assemble(run), &["its export `run` has another type", "func(list<u8>)"]);
}

#[test]
fn another_version_of_the_interface() {
    let list = r#"(export "list" (func))"#;
    offered("next.wasm", importing("aos:host/tool@0.2.0", list), &["needs aos:host 0.2.0", "offers 0.1.0"]);
    offered(
        "later.wasm",
        importing("aos:host/vision@0.1.9", list),
        &["needs aos:host 0.1.9", "offers 0.1.0"],
    );
    let whisper = importing("aos:host/tool@0.1.0", r#"(export "whisper" (func))"#);
    offered("lacking.wasm", whisper, &["aos:host/tool@0.1.0/whisper", "does not have"]);
    let type_ = importing("aos:host/process@0.1.0", r#"(export "restored" (func (result u32)))"#);
    offered("typed.wasm", type_, &["aos:host/process@0.1.0", "restored", "type"]);
}

#[test]
fn an_import_outside_the_world() {
    offered("http.wasm", importing("wasi:http/types@0.2.0", ""), &["it imports `wasi:http/types@0.2.0`"]);
    offered(
        "old.wasm",
        importing("wasi:io/poll@0.3.0", r#"(export "poll" (func))"#),
        &["needs wasi:io 0.3.0"],
    );
    offered("func.wasm", assemble(r#"(component (import "steal" (func)))"#), &["it imports `steal`"]);
}

#[test]
fn truncated() {
    let whole = fs::read(guest("probe")).unwrap();
    offered("half.wasm", &whole[..whole.len() / 2], &["not a valid component"]);
}

#[test]
fn too_large() {
    let place = Place::new();
    let path = place.path("large.wasm");
    File::create(&path).unwrap().set_len((64 << 20) + 1).unwrap();
    refused(&place, &path, &[], 2, &["large.wasm", "larger than 67108864 bytes"]);
}

#[test]
fn no_file_that_can_be_read() {
    let place = Place::new();
    refused(&place, &place.path("missing.wasm"), &[], 2, &["missing.wasm", "No such file"]);
    let folder = place.folder("empty");
    refused(&place, &folder, &[], 2, &["empty/agent.toml", "No such file"]);
    let folder = place.folder("folder.wasm/agent.toml");
    refused(&place, folder.parent().unwrap(), &[], 2, &["agent.toml", "it is not a file"]);
    let pipe = place.path("pipe.wasm");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    refused(&place, &pipe, &[], 2, &["pipe.wasm", "it is not a file"]);
}

#[test]
fn a_name_that_steers_the_terminal() {
    let place = Place::new();
    let file = place.file("a\u{1b}[2J\u{202e}\n.wasm", "hello");
    let ran = refused(&place, &file, &[], 2, &["it is not a WebAssembly component"]);
    assert!(!ran.stderr.contains(['\u{1b}', '\u{202e}']), "{ran}");
    assert_eq!(ran.stderr.lines().filter(|line| line.starts_with(".wasm")).count(), 0, "{ran}");
}

/// A component that was refused once is refused in the same words again, without being compiled again.
#[test]
fn a_verdict_is_remembered_and_stays_the_same() {
    let place = Place::new();
    let file = place.file("bad.wasm", importing("evil:thing/again@1.0.0", ""));
    let first = refused(&place, &file, &[], 2, &["`evil:thing/again@1.0.0`"]);
    let again = refused(&place, &file, &[], 2, &[]);
    assert_eq!(first.stderr, again.stderr);
}

#[test]
fn an_honest_component_of_the_same_frame_runs() {
    let place = Place::new();
    let file = place.file("honest.wasm", Agent::default().forge());
    place.run(&file, &[], "input").expect(0);
}
