use super::*;
use crate::cli::view::fixture::{self, Log};
use crate::kernel::answer::{Answer, Error, Exit};
use crate::kernel::call::{Call, Condition, Priority};

const HEAD: Head = Head { size: 9, root: [7; 32], note: None };

/// Names and paths that try to leave the place they are put in.
const HOSTILE: [&str; 7] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'); alert('1",
    "</style></title></svg><b>",
    "a\u{202e}gpj.exe\u{2066}",
    "\u{1b}[31mred\u{7}\r\n",
    "&lt;b&gt; {{x}} ${x} <!-- -->",
];

fn hostile() -> RunView {
    let mut log = Log::new(fixture::team());
    log.start_root(HOSTILE[0]);
    for (pid, name) in (2..).zip(HOSTILE) {
        log.start_small(pid, name);
    }
    for text in HOSTILE {
        let digest = Digest::of(text.as_bytes());
        log.did(1, fixture::read(text, text), Answer::Content { digest, size: 4, from: None }, 4);
        let write = Call::Write { mount: text.into(), path: text.repeat(99), condition: Condition::Any };
        log.acted(2, write, Answer::Digest(digest), 8);
        log.refused(2, fixture::read(text, text), Error::Denied);
        let send = Call::Send { to: text.into(), priority: Priority::Normal, in_reply_to: None, wait: None };
        log.did(1, send, Answer::Id(1), 3);
        log.did(2, Call::Publish { topic: text.into() }, Answer::Count(0), 3);
    }
    log.exit(2, Exit::Failed { message: HOSTILE.concat(), cause: None });
    log.fold.settled().clone()
}

/// The tags of a page as a browser's tokeniser finds them, without what is in the style.
fn tags(page: &str) -> Vec<&str> {
    let (before, rest) = page.split_once("<style>").unwrap();
    let after = rest.split_once("</style>").unwrap().1;
    let inside = |text| -> Vec<&str> {
        let text: &str = text;
        text.split('<').skip(1).map(|tag| tag.split_once('>').unwrap().0).collect()
    };
    [inside(before), inside(after)].concat()
}

#[test]
fn hostile_text_is_text() {
    let page = page(&hostile(), None, &HEAD);
    for tag in tags(&page) {
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        assert!(!["script", "img", "b", "a", "link", "iframe", "object", "!--"].contains(&name), "<{tag}>");
        assert!(!tag.contains("onerror") && !tag.contains("style="), "<{tag}>");
    }
    assert_eq!((page.matches("<style>").count(), page.matches("</style>").count()), (1, 1));
    assert_eq!(page.matches("</title>").count(), 1);
    let hidden: Vec<char> =
        page.chars().filter(|c| *c != '\n' && crate::cli::view::escape::hidden(*c)).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
    for shown in ["&lt;script&gt;alert(1)", "a\\u{202e}gpj.exe", "\\u{1b}[31mred", "&amp;lt;b&amp;gt;"] {
        assert!(page.contains(shown), "{shown}");
    }
}

#[test]
fn it_asks_for_nothing() {
    let page = page(&hostile(), Some(&fixture::team()), &HEAD);
    for tag in tags(&page) {
        for attribute in [" src=", " href=", " xlink", " action=", " data="] {
            assert!(!tag.contains(attribute), "<{tag}>");
        }
    }
    assert!(!STYLE.contains("@import") && !STYLE.contains("url(") && !STYLE.contains("</"));
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    assert_eq!(style, STYLE, "the hash is of what stands in the page");
    assert!(page.contains(&format!("default-src 'none'; style-src 'sha256-{hash}'")));
}

#[test]
fn long_text_is_cut() {
    let shown = text::foreign(&"<".repeat(1_000)).into_string();
    assert_eq!(shown.matches("&lt;").count(), 200);
    assert!(shown.contains("800 bytes more"));
}

#[test]
fn every_part_is_there() {
    let page = page(&hostile(), Some(&fixture::team()), &HEAD);
    for title in ["Processes", "Timeline", "Budgets", "Refused calls", "Messages", "Files", "Checkpoint"] {
        assert!(page.contains(&format!("<h2>{title}")), "{title}");
    }
    assert!(page.contains("sha256:0707"));
    // What is not there has no heading.
    assert!(!page.contains("<h2>Approvals") && !page.contains("<h2>Artifacts"));
}
