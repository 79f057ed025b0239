//! A change that an overlay would make: its title, and the lines of a text that differ.

use std::time::Duration;

use ledger::{Meter, show};
use similar::TextDiff;

use super::escape::{visible, visible_lines};
use crate::host::overlay::plan::{Change, Standing};
use crate::kernel::overlay::Base;

/// The longest text whose lines are compared: bytes.
pub const TEXT: u64 = 1 << 20;
/// Lines that are shown of one file; further ones are counted.
const SHOWN: usize = 1_000;
/// How long lines may be compared before larger differences are taken as they are.
const PATIENCE: Duration = Duration::from_secs(1);

/// `added`, `changed` or `removed`.
pub fn word(change: &Change) -> &'static str {
    match (&change.was, &change.now) {
        (_, None) => "removed",
        (Base::File { .. }, Some(_)) => "changed",
        (Base::Absent | Base::Folder, Some(_)) => "added",
    }
}

/// `changed a/b 120 B → 140 B`, and what stands against it.
pub fn title(change: &Change) -> String {
    let bytes = |size| show(Meter::BytesStored, size);
    let sizes = match (&change.was, &change.now) {
        (Base::File { size, .. }, Some(now)) => format!("{} → {}", bytes(*size), bytes(now.size)),
        (Base::File { size, .. }, None) => bytes(*size),
        (Base::Absent, now) => now.map_or_else(String::new, |now| bytes(now.size)),
        (Base::Folder, now) => {
            format!("a folder{}", now.map_or_else(String::new, |now| format!(" → {}", bytes(now.size))))
        }
    };
    let title = format!("{} {} {sizes}", word(change), visible(&change.path));
    match &change.standing {
        Standing::Pending(_) => title,
        Standing::Done => format!("{title} (in the base already)"),
        Standing::Conflict(what) => format!("{title}\n  conflict: {}", visible(what)),
    }
}

/// The lines that differ, fit for a terminal; none when it is no text.
pub fn unified(path: &str, before: &[u8], after: &[u8]) -> Option<String> {
    let (old, new) = (std::str::from_utf8(before).ok()?, std::str::from_utf8(after).ok()?);
    if old.contains('\0') || new.contains('\0') {
        return None;
    }
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let path = visible(path);
    let name =
        |side: &str, there: bool| if there { format!("{side}/{path}") } else { "/dev/null".to_owned() };
    let (from, to) = (name("a", !before.is_empty()), name("b", !after.is_empty()));
    let text = diff.unified_diff().context_radius(3).header(&from, &to).to_string();
    let text = visible_lines(text.as_bytes());
    let mut lines = text.lines();
    let mut shown: String = lines.by_ref().take(SHOWN).flat_map(|line| [line, "\n"]).collect();
    let more = lines.count();
    if more > 0 {
        shown.push_str(&format!("… and {more} more lines\n"));
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use audit::Digest;

    use super::*;
    use crate::host::overlay::plan::Now;

    fn change(was: Base, now: Option<u64>, standing: Standing) -> Change {
        let now = now.map(|size| Now { digest: Digest::of(b"x"), size, seq: 1 });
        Change { path: "a/\u{1b}b".into(), was, now, standing }
    }

    #[test]
    fn titles() {
        let file = Base::File { digest: Digest::of(b"y"), size: 120 };
        let pending = || Standing::Pending(Base::Absent);
        assert_eq!(title(&change(file.clone(), Some(140), pending())), "changed a/\\u{1b}b 120 B → 140 B");
        assert_eq!(title(&change(Base::Absent, Some(140), pending())), "added a/\\u{1b}b 140 B");
        assert_eq!(title(&change(Base::Folder, None, pending())), "removed a/\\u{1b}b a folder");
        let conflict = Standing::Conflict("a\nb".into());
        assert_eq!(title(&change(file, None, conflict)), "removed a/\\u{1b}b 120 B\n  conflict: a\\nb");
    }

    #[test]
    fn lines_that_differ_are_harmless_and_bounded() {
        let text = unified("p", b"one\ntwo\n", b"one\n\x1b[2Jtwo\n").unwrap();
        assert_eq!(text, "--- a/p\n+++ b/p\n@@ -1,2 +1,2 @@\n one\n-two\n+\\u{1b}[2Jtwo\n");
        assert!(unified("p", b"", b"\xff").is_none() && unified("p", b"\0", b"").is_none());
        let long = unified("p", b"", "x\n".repeat(2_000).as_bytes()).unwrap();
        assert!(
            long.starts_with("--- /dev/null\n+++ b/p\n") && long.ends_with("… and 1003 more lines\n"),
            "{long}"
        );
    }
}
