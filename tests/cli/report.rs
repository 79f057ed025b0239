//! `report`: a run as one HTML file that asks for nothing, in which no agent's text is more than text; of a long run too.

use std::fs;

use serde_json::json;

use super::inspect::busy;
use crate::support::{Place, Started, guest};

/// Memory that a report may take at most, whatever the run's length: KiB.
const MEMORY_KIB: u64 = 128 << 10;
/// A report's size at most, whatever the run's length: bytes.
const PAGE: usize = 2 << 20;
/// Messages to and fro in a test run, six entries each; AOS_SOAK=1 makes a million entries of it.
const ROUNDS: u64 = 17_000;
const MANY_ROUNDS: u64 = 170_000;

const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</style></svg></title><b onclick='x'>",
    "a\u{202e}gpj.exe",
    "\u{1b}[31mred\u{7}",
    "&lt;b&gt;<!--",
];

/// Every tag of a page, outside its style.
fn tags(page: &str) -> Vec<String> {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    [before, after]
        .iter()
        .flat_map(|text| text.split('<').skip(1))
        .map(|tag| tag.split_once('>').unwrap_or_else(|| panic!("<{tag} is not closed")).0.to_owned())
        .collect()
}

/// What a page without requests and without a way to make any has.
#[track_caller]
fn harmless(page: &str) {
    const KNOWN: &str = "!DOCTYPE html head meta title style body main header section h1 h2 h3 p span strong bdi code div \
        dl dt dd ol ul li table thead tbody tfoot tr th td svg defs marker path line text rect g";
    for tag in tags(page) {
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        assert!(KNOWN.split(' ').any(|known| known == name), "<{tag}>");
        for part in [" src=", " href=", " style=", " on", "http://", "https://", "javascript:"] {
            assert!(!tag.contains(part), "<{tag}>");
        }
    }
    assert!(
        page.contains(
            "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"
        )
    );
    let marks = ['\u{200b}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2060}'..='\u{206f}'];
    let hidden = |c: char| (c.is_control() && c != '\n') || marks.iter().any(|marks| marks.contains(&c));
    assert_eq!(page.chars().find(|c| hidden(*c)), None);
}

#[test]
fn a_report_has_every_part_and_asks_for_nothing() {
    let place = Place::new();
    busy(&place);
    let ran = place.aos(&["report", "r1", "-o", "report.html"]).expect(0);
    assert_eq!(ran.stdout, "");
    ran.says("r1 in report.html");
    let page = place.text("report.html");
    harmless(&page);
    for title in [
        "Processes",
        "Timeline",
        "Budgets",
        "Refused calls",
        "Messages",
        "Files",
        "Questions to models",
        "Artifacts",
        "Checkpoint",
    ] {
        assert!(page.contains(&format!("<h2>{title}")), "{title}");
    }
    assert!(page.contains("over&lt;b&gt;loaded"), "what a model's server says is text");
    let verified = place.aos(&["audit", "verify", "--json"]).expect(0);
    let verified: serde_json::Value = serde_json::from_str(&verified.stdout).unwrap();
    assert!(page.contains(verified["root"].as_str().unwrap()), "the root that the log has: {verified}");
    let note = place.aos(&["audit", "checkpoint"]).expect(0).stdout;
    for line in note.lines().filter(|line| !line.is_empty()) {
        assert!(page.contains(&format!("<code><bdi>{line}</bdi></code>")), "the checkpoint's {line:?}");
    }
    assert_eq!(place.aos(&["report", "-o", "-"]).expect(0).stdout, page);
    place.aos(&["report", "-o", "missing/report.html"]).expect(2).says("missing/report.html");
    place.aos(&["report", "r9", "-o", "report.html"]).expect(2).says("r9");
    place.aos(&["report"]).expect(2).says("--output");
}

#[test]
fn what_agents_say_is_text() {
    let place = Place::new();
    let steps: Vec<_> = HOSTILE
        .iter()
        .flat_map(|text| {
            [
                json!({"op": "write", "mount": "scratch", "path": text, "body": text}),
                json!({"op": "publish", "topic": text, "body": text}),
                json!({"op": "put", "kind": text, "subject": text, "body": text, "media_type": text}),
                json!({"op": "read", "mount": text, "path": text.repeat(20)}),
                json!({"op": "generate", "model": text, "prompt": text}),
                json!({"op": "send", "to": text, "body": text}),
            ]
        })
        .chain([json!({"op": "fail", "message": HOSTILE.concat()})])
        .collect();
    let flags = ["--allow", "publish=*", "--allow", "put=*"];
    place.probe(&flags, &json!(steps)).expect(1);
    let page = place.aos(&["report", "-o", "-"]).expect(0).stdout;
    harmless(&page);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "it is shown");
    let shown = place.aos(&["inspect"]).expect(0).stdout;
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown}");
}

/// Nothing that a run does makes its views take more than so much.
#[test]
fn a_long_run_takes_bounded_memory_and_opens() {
    let rounds = if std::env::var_os("AOS_SOAK").is_some() { MANY_ROUNDS } else { ROUNDS };
    let place = Place::new();
    let folder = place.folder("team");
    fs::copy(guest("load"), folder.join("load.wasm")).unwrap();
    let budget =
        "calls = 100000000\nbytes-sent = 1000000000\nbytes-stored = 1000000000\nfuel = 100000000000\n";
    let manifest = "[package]\nname = \"long\"\nversion = \"0.1.0\"\ncomponent = \"load.wasm\"\n[needs]\n\
        spawn = [\"load\"]\nsend = [\"*\"]\n[needs.delegate]\nsend = [\"*\"]\n[budget]\ncalls = 200000000\nbytes-sent = 2000000000\n\
        bytes-stored = 2000000000\nfuel = 200000000000\n[children.load]\ncomponent = \"load.wasm\"\n\
        [children.load.needs]\nsend = [\"*\"]\n[children.load.budget]\n";
    place.file("team/agent.toml", format!("{manifest}{budget}"));
    let words = ["run", folder.to_str().unwrap(), "--quiet", "--input", "-"];
    place.aos_with(&words, format!("round {rounds}").as_bytes()).expect(0);
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
    place.aos(&["replay"]).expect(0).answers("identical");
    for words in [&["report", "-o", "report.html"][..], &["inspect"], &["inspect", "--json"]] {
        let (ran, peak) = Started::new(place.command(words), b"").peaked();
        let ran = ran.expect(0);
        assert!(peak > 0 && peak < MEMORY_KIB, "{words:?} took {peak} KiB");
        assert!(ran.stdout.len() < PAGE, "{words:?} wrote {} bytes", ran.stdout.len());
        println!("{rounds} rounds: {words:?} took {peak} KiB and wrote {} bytes", ran.stdout.len());
    }
    let page = place.text("report.html");
    println!("{rounds} rounds: the page has {} bytes", page.len());
    assert!(page.len() < PAGE, "{} bytes", page.len());
    harmless(&page);
    assert!(
        page.contains(" more</p>") && page.contains("Messages are not drawn"),
        "it says what is left out"
    );
}
