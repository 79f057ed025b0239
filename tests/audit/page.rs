//! `docs/verify.html`: the build of the present sources, and in a browser it says what the verifier says, of any file, without
//! a request.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::browser::Browser;
use super::sample::{Log, keys};
use crate::support::Place;
use crate::support::program::found;
use crate::support::server::{Reply, Server};
use crate::tidy::root;

fn built() -> PathBuf {
    found("AOS_VERIFY_PAGE", "verify.html")
}

/// What a page says that made it.
fn compiler(page: &str) -> &str {
    page.split_once("name=\"generator\" content=\"").unwrap().1.split_once('"').unwrap().0
}

/// A page without what the compiler made.
fn plain(page: &str) -> String {
    let (before, rest) = page.split_once("const WASM = \"").unwrap();
    before.replace(compiler(page), "") + rest.split_once('"').unwrap().1
}

#[test]
fn the_page_in_the_checkout_is_the_build_of_these_sources() {
    let kept = std::fs::read_to_string(root().join("docs/verify.html")).unwrap();
    let built = std::fs::read_to_string(built()).unwrap();
    assert_eq!(plain(&kept), plain(&built), "make it anew: cargo xtask page");
    // Another compiler makes other bytes of the same sources.
    if compiler(&kept) == compiler(&built) {
        assert!(kept == built, "docs/verify.html is not what these sources build: cargo xtask page");
    }
}

#[test]
fn the_page_cannot_ask_for_anything() {
    let page = std::fs::read_to_string(built()).unwrap();
    assert!(page.contains("content=\"default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'unsafe-inline';"));
    for part in [" src=", " href=", "http://", "https://", "@import", "url("] {
        assert!(!page.contains(part), "{part}");
    }
    let server = Server::new(|_, _| Reply::json(200, &Value::Null));
    let browser = Browser::new();
    browser.open(&built());
    let ask = "return fetch(arguments[0]).then(() => 'answered', () => 'refused')";
    assert_eq!(browser.script(ask, &json!([server.url()])), json!("refused"));
    let requests = browser.script("return performance.getEntriesByType('resource').length", &json!([]));
    assert_eq!(requests, json!(0));
    assert!(server.asked().is_empty());
}

#[test]
fn a_sound_export_turns_green_and_a_bad_one_names_its_entry() {
    let (place, log, [key, witness]) = (Place::new(), Log::new(3_000), keys());
    let text = log.export(2, 2_990);
    let good = place.file("good.aos", &text);
    let bad = place.file("bad.aos", text.replace("\"seq\":1777}", "\"seq\":1778}"));
    let browser = Browser::new();
    browser.open(&built());
    browser.fill("#file", good.to_str().unwrap());
    let said = browser.shown("#result", "half");
    assert!(said.contains("agrees with itself, no more"), "{said}");
    browser.fill("#keys", &format!("{key}\n{witness}"));
    let said = browser.shown("#result", "good");
    let root = log.note(3_000).text().lines().nth(2).unwrap().to_owned();
    for part in [
        "log.example",
        "#2 to #2\u{202f}990",
        "3\u{202f}000 entries",
        &root,
        "w.example/1, which saw it on 1970-01-01 00:01 UTC",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(said.contains("797 of 797"), "{said}");
    assert!([390, 1280].iter().all(|width| browser.fits(*width)), "it does not fit");
    browser.fill("#file", bad.to_str().unwrap());
    let said = browser.shown("#result", "bad");
    assert!(said.contains("Entry #1777 is not what was logged"), "{said}");
    assert!([390, 1280].iter().all(|width| browser.fits(*width)), "it does not fit");
}

#[test]
fn what_is_dropped_on_the_page_is_checked_and_cannot_speak() {
    let (log, [key, _]) = (Log::new(9), keys());
    let browser = Browser::new();
    browser.open(&built());
    browser.fill("#keys", &key.to_string());
    let drop = "const data = new DataTransfer(); data.items.add(new File([arguments[1]], arguments[0])); \
        document.querySelector('#drop').dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true}))";
    browser.script(drop, &json!(["run.aos", log.export(1, 9)]));
    browser.shown("#result", "good");
    let name = "<img src=x onerror=document.title='spoken'>";
    let other = log.export(1, 9).replace("\nlog.example\n", &format!("\n{name}\n"));
    browser.script(drop, &json!([name, other]));
    let said = browser.shown("#result", "bad");
    assert!(said.contains(name), "{said}");
    assert_eq!(browser.script("return document.title", &json!([])), json!("Verify an aos-host export"));
    browser.fill("#keys", "x");
    let said = browser.shown("#result", "bad");
    assert!(said.contains("a key is written NAME+ID+KEY"), "{said}");
}

#[test]
fn an_export_of_a_real_run_turns_green() {
    let place = Place::new();
    let key = super::logged(&place, 300);
    let file = place.path("r1.aos").to_str().unwrap().to_owned();
    place.aos(&["audit", "export", "r1", "-o", &file, "--bodies"]).expect(0);
    let browser = Browser::new();
    browser.open(&built());
    browser.fill("#keys", &key);
    browser.fill("#file", &file);
    let said = browser.shown("#result", "good");
    assert!(said.contains(key.split('+').next().unwrap()), "{said}");
}
