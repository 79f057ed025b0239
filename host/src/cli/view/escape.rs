//! Foreign text on a terminal: what could steer it or deceive the reader is made visible.

use std::fmt::Write;

/// Whether a character acts on the terminal or on the text around it rather than showing itself: control characters,
/// bidirectional marks (Unicode TR 9), what has no width, line separators and tags.
pub fn hidden(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        || (c.is_control() && c != '\t')
}

/// A text in one line that shows everything in it.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut shown, c);
    }
    shown
}

fn push(shown: &mut String, c: char) {
    if hidden(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
}

/// As [`visible`], of bytes that may be no text: those that are none are shown as `\xff`.
pub fn visible_bytes(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    each(bytes, &mut shown, push);
    shown
}

/// As [`visible_bytes`], for a text of several lines.
pub fn visible_lines(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    each(bytes, &mut shown, |shown, c| if c == '\n' { shown.push(c) } else { push(shown, c) });
    shown
}

fn each(bytes: &[u8], shown: &mut String, mut push: impl FnMut(&mut String, char)) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push(shown, c);
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
}

/// A text of the same length in bytes without anything hidden but its line breaks, so that places in it stay true.
pub fn blanked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push(c),
            c if hidden(c) => shown.extend(std::iter::repeat_n('?', c.len_utf8())),
            c => shown.push(c),
        }
    }
    shown
}

/// A word as a shell takes it literally.
pub fn shell_word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", visible(word).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_shown_and_what_shows_is_left() {
        assert_eq!(visible("plain, ünï, 漢\t."), "plain, ünï, 漢\t.");
        assert_eq!(visible("\u{1b}[31mred\r\n"), "\\u{1b}[31mred\\r\\n");
        assert_eq!(visible("a\u{202e}b\u{2066}c\u{200b}\u{feff}"), "a\\u{202e}b\\u{2066}c\\u{200b}\\u{feff}");
        assert_eq!(visible("\u{9b}31m\u{7f}"), "\\u{9b}31m\\u{7f}");
        assert_eq!(visible_bytes(b"a\xff\0b\n"), "a\\xff\\u{0}b\\n");
        assert_eq!(visible_lines(b"a\nb\x1bc\xfe"), "a\nb\\u{1b}c\\xfe");
    }

    #[test]
    fn blanking_keeps_every_place() {
        let text = "a = \"\u{1b}[2J\"\n# \u{202e}x é";
        let blank = blanked(text);
        assert_eq!(blank.len(), text.len());
        assert_eq!(blank, "a = \"?[2J\"\n# ???x é");
    }

    #[test]
    fn shell_words_are_literal() {
        assert_eq!(shell_word("docs=notes/a:ro"), "docs=notes/a:ro");
        assert_eq!(shell_word("a b"), "'a b'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("get=*"), "'get=*'");
        assert_eq!(shell_word(""), "''");
    }
}
