//! What the operator is asked: the call, what it carries, and the entry that the answer is bound to.

use super::escape::{visible, visible_bytes};
use super::remedy::subject;
use crate::host::ruling::Question;
use crate::kernel::call::{Call, Key, RunId};
use crate::kernel::entry::{Entry, Event};

/// Characters of a call's arguments that are shown; its entry has all of them.
const ARGUMENTS: usize = 300;
/// Bytes of what a call carries that are shown.
const PREVIEW: usize = 160;
/// Digits of a leaf hash that are shown.
const DIGITS: usize = 16;

/// The call that an entry makes or begins.
pub fn call(entry: &Entry) -> Option<&Call> {
    match &entry.event {
        Event::Ask { call }
        | Event::Wait { call, .. }
        | Event::Intent { call, .. }
        | Event::Call { call, .. } => Some(call),
        _ => None,
    }
}

/// A call in a few words: `mount.write site:index.html`.
pub fn brief(call: &Call) -> String {
    format!("{} {}", call.verb(), subject(call)).trim_end().to_owned()
}

/// A call's arguments as its entry has them, on one line and harmless; empty when there are none.
pub fn arguments(call: &Call) -> String {
    let inner = match serde_json::to_value(call) {
        Ok(serde_json::Value::Object(call)) => call.into_iter().next().map(|(_, arguments)| arguments),
        _ => None,
    };
    inner.map(|inner| cut(&tight(&visible(&inner.to_string())), ARGUMENTS)).unwrap_or_default()
}

/// A text of at most so many characters, with a mark where it was cut.
pub fn cut(text: &str, at_most: usize) -> String {
    match text.char_indices().nth(at_most) {
        None => text.to_owned(),
        Some(_) => {
            let end = text.char_indices().nth(at_most.saturating_sub(1)).map_or(0, |(end, _)| end);
            format!("{}…", &text[..end])
        }
    }
}

/// A foreign text without gaps: by blanks alone it could reach the terminal's edge, and go on below like a line of ours.
fn tight(shown: &str) -> String {
    shown.replace('\t', "\\t").replace("  ", " \\u{20}")
}

/// The question in lines: who wants to do what; the arguments; what it carries. `body` is that, if it is stored.
pub fn lines(question: &Question, name: &str, body: Option<&[u8]>) -> Vec<String> {
    let entry = &question.entry;
    let Some(call) = call(entry) else { return Vec::new() };
    let key = Key { run: entry.run, pid: entry.pid };
    let leaf: String = question.leaf.to_string().trim_start_matches("sha256:").chars().take(DIGITS).collect();
    let mut lines = vec![format!(
        "ask r{}#{} {key} {} {} · entry {leaf}…",
        entry.run,
        entry.seq,
        visible(name),
        cut(&tight(&brief(call)), ARGUMENTS)
    )];
    let arguments = arguments(call);
    if !arguments.is_empty() {
        lines.push(format!("  with {arguments}"));
    }
    if let Some(blob) = entry.body {
        let size = format!("  body {} bytes", ledger::grouped(blob.size));
        lines.push(match body {
            Some(bytes) if !bytes.is_empty() => {
                let shown = tight(&visible_bytes(&bytes[..bytes.len().min(PREVIEW)]));
                format!("{size}: {shown}{}", if bytes.len() > PREVIEW { "…" } else { "" })
            }
            _ => size,
        });
    }
    lines
}

/// The commands that answer it. `state` is `--state DIR`, if that was typed.
pub fn commands(run: RunId, seq: u64, state: &str) -> String {
    format!("  aos-host approve r{run}#{seq}{state}   or: aos-host deny r{run}#{seq}{state}")
}

/// How it was answered.
pub fn answered(run: RunId, seq: u64, allow: bool) -> String {
    format!("{} r{run}#{seq}", if allow { "approved" } else { "denied" })
}

#[cfg(test)]
mod tests {
    use audit::Digest;

    use super::*;
    use crate::kernel::call::Condition;
    use crate::kernel::entry::{Blob, VERSION};

    fn question(path: &str) -> Question {
        let call = Call::Write { mount: "site".into(), path: path.into(), condition: Condition::Any };
        let body = Some(Blob { size: 5, digest: None });
        let entry =
            Entry { v: VERSION, seq: 12, t: 1, run: 1, pid: 2, fuel: 0, event: Event::Ask { call }, body };
        Question { entry, leaf: Digest([0xab; 32]) }
    }

    #[test]
    fn a_question_says_who_what_and_which_entry() {
        assert_eq!(
            lines(&question("a.md"), "writer", Some(b"hello")),
            [
                "ask r1#12 r1/2 writer mount.write site:a.md · entry abababababababab…",
                "  with {\"condition\":\"any\",\"mount\":\"site\",\"path\":\"a.md\"}",
                "  body 5 bytes: hello",
            ]
        );
        assert_eq!(
            commands(1, 12, " --state s"),
            "  aos-host approve r1#12 --state s   or: aos-host deny r1#12 --state s"
        );
    }

    #[test]
    fn nothing_in_it_steers_the_terminal_or_hides() {
        let asked = question("\u{1b}[2Jallow it? y\n\u{202e}");
        let shown = lines(&asked, "a\rb", Some(b"\x1b[1A\xff")).concat();
        assert!(!shown.contains(['\u{1b}', '\n', '\r', '\u{202e}']), "{shown:?}");
        let long = lines(&question(&"x".repeat(1_000)), &"y".repeat(10), Some(&[b'z'; 10_000]));
        assert!(long[0].chars().count() < ARGUMENTS + 60 && long[0].contains("x… · entry"), "{long:?}");
        assert!(long[1].chars().count() < ARGUMENTS + 10 && long[1].ends_with('…'), "{long:?}");
        assert!(long[2].len() < PREVIEW + 40 && long[2].ends_with('…'), "{long:?}");
    }

    #[test]
    fn no_blanks_carry_it_to_the_next_line() {
        let forged = format!("a{}body 5 bytes: all is well\t!", " ".repeat(70));
        let lines = lines(&question(&forged), "a", Some(forged.as_bytes()));
        assert!(lines.iter().skip(1).all(|line| !line.trim_start().contains("  ")), "{lines:?}");
        assert!(!lines.concat().contains('\t') && lines[0].contains("a \\u{20} \\u{20}"), "{lines:?}");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(
            (cut("äöü", 3).as_str(), cut("äöü", 2).as_str(), cut("ab", 0).as_str()),
            ("äöü", "ä…", "…")
        );
    }
}
