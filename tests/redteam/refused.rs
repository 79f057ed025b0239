//! Components that are turned away before anything of them runs.

use std::fs;

use serde_json::json;

use super::forge::{Agent, importing};
use crate::support::{Place, Ran, guest};

/// Offers a component and answers what was said; nothing may have been written, and an innocent agent then runs.
#[track_caller]
fn offer(number: u32, name: &str, bytes: &[u8], words: &str) -> (Place, Ran) {
    let place = Place::new();
    let file = place.file(&format!("{name}.wasm"), bytes);
    let ran = place.aos(&["run", file.to_str().unwrap()]).expect(2);
    println!("| {number:2} | {name} | {} |", ran.stderr.trim().replace(file.to_str().unwrap(), "FILE"));
    ran.says(&format!("{name}.wasm")).says(words);
    assert_eq!(ran.stdout, "");
    assert!(!place.path("state/log.db").exists(), "a refused component opens no log: {ran}");
    place.probe(&[], &json!([{"op": "return", "body": "unharmed"}])).expect(0).ran.answers("unharmed");
    (place, ran)
}

#[test]
fn what_needs_more_than_it_is_given() {
    let many = format!("(core module $M) {}", "(core instance (instantiate $M))".repeat(40));
    offer(9, "forty-instances", &Agent { outside: &many, ..Agent::default() }.forge(), "instances");
    let tables = "(table 1 funcref)".repeat(20);
    offer(9, "twenty-tables", &Agent { items: &tables, ..Agent::default() }.forge(), "table");
    offer(6, "memory-at-the-start", &Agent { pages: "20000", ..Agent::default() }.forge(), "--budget memory");
    let memories =
        "(core module $M (memory 1)) (core instance (instantiate $M)) (core instance (instantiate $M))";
    offer(6, "three-memories", &Agent { outside: memories, ..Agent::default() }.forge(), "memories");
    offer(
        7,
        "table-at-the-start",
        &Agent { items: "(table 100000 funcref)", ..Agent::default() }.forge(),
        "table",
    );
}

#[test]
fn what_is_damaged() {
    let whole = fs::read(guest("probe")).unwrap();
    for cut in [9, 100, whole.len() / 2, whole.len() - 1] {
        offer(17, &format!("cut-at-{cut}"), &whole[..cut], "not a valid component");
    }
    // Every 40 KiB a bit turned over: refused, or harmless, but never a panic.
    let place = Place::new();
    for at in (8..whole.len()).step_by(40 << 10) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let file = place.file("bent.wasm", &bytes);
        let ran = place.aos(&["run", file.to_str().unwrap(), "[]"]);
        assert!(
            [0, 1, 2].contains(&ran.code) && !ran.stderr.contains("panicked"),
            "bit 4 of byte {at}: {ran}"
        );
    }
}

#[test]
fn what_imports_what_nobody_granted() {
    offer(
        18,
        "undeclared-import",
        &importing("wasi:http/outgoing-handler@0.2.0", ""),
        "`wasi:http/outgoing-handler@0.2.0`",
    );
    offer(
        18,
        "import-of-another-host",
        &importing("evil:thing/backdoor@1.0.0", ""),
        "`evil:thing/backdoor@1.0.0`",
    );
}

/// The host's own compiled code, offered back to it.
#[test]
fn machine_code_is_never_run() {
    let cache = crate::support::program::target().join("test-cache/aos-host");
    Place::new().probe(&[], &json!([]));
    let compiled = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    let code = compiled.into_iter().find(|path| path.extension().is_some_and(|end| end == "cwasm")).unwrap();
    offer(19, "compiled-code", &fs::read(code).unwrap(), "compiled machine code, which is never run");
    offer(19, "native-code", b"\x7fELF\x02\x01\x01", "compiled machine code, which is never run");
}
