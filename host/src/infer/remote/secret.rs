//! A key: it is wiped when it is dropped, has no readable `Debug`, and is taken out of every text that comes back.

use std::fmt;

use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

/// The longest key, in bytes.
pub const KEY_LIMIT: usize = 4_096;
/// A key shorter than this is a word that answers may contain (`none`, `ollama`): it is taken out of errors only.
const GUESSABLE: usize = 12;
/// What stands where a key was.
const BLANK: &str = "[key]";

/// A key.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

impl Secret {
    /// Takes a key: visible ASCII, as HTTP's headers have it, without the line break that a file ends with.
    ///
    /// # Errors
    /// What is wrong with it, without any of it.
    pub fn new(text: Zeroizing<String>) -> Result<Secret, &'static str> {
        let key = Zeroizing::new(text.trim().to_owned());
        match () {
            () if key.is_empty() => Err("it is empty"),
            () if key.len() > KEY_LIMIT => Err("it is longer than 4096 bytes"),
            () if !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err("it has other characters than a key has")
            }
            () => Ok(Secret(key)),
        }
    }

    /// A header's value with the key after `before`; logs of HTTP libraries do not show it.
    pub(super) fn header(&self, before: &str) -> Option<HeaderValue> {
        let text = Zeroizing::new(format!("{before}{}", self.0.as_str()));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A text without the key.
    pub(super) fn blank(&self, text: String) -> String {
        if text.contains(self.0.as_str()) { text.replace(self.0.as_str(), BLANK) } else { text }
    }
}

/// Takes a key out of a text that comes in pieces. It holds back what may be the key's beginning.
#[derive(Debug, Default)]
pub(super) struct Blanking {
    key: Option<Secret>,
    /// The key again, unless it is a word.
    guarded: Option<Secret>,
    held: String,
}

impl Blanking {
    pub(super) fn new(key: Option<&Secret>) -> Blanking {
        let guarded = key.filter(|key| key.0.len() >= GUESSABLE).cloned();
        Blanking { key: key.cloned(), guarded, held: String::new() }
    }

    /// What can be given on after another piece.
    pub(super) fn pass(&mut self, piece: String) -> String {
        let Some(key) = &self.guarded else { return piece };
        self.held.push_str(&piece);
        let mut clean = key.blank(std::mem::take(&mut self.held));
        // A key is ASCII, so its parts are whole characters.
        let begun = (1..key.0.len()).rev().find(|length| clean.ends_with(&key.0[..*length]));
        self.held = clean.split_off(clean.len() - begun.unwrap_or(0));
        clean
    }

    /// What was held back, when nothing more comes.
    pub(super) fn rest(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// A whole text.
    pub(super) fn whole(&self, text: String) -> String {
        blank(self.guarded.as_ref(), text)
    }

    /// An error.
    pub(super) fn error(&self, text: String) -> String {
        blank(self.key.as_ref(), text)
    }
}

fn blank(key: Option<&Secret>, text: String) -> String {
    match key {
        Some(key) => key.blank(text),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(key: &str) -> Secret {
        Secret::new(Zeroizing::new(key.to_owned())).unwrap()
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = secret("sk-0123456789abcdef\n");
        assert_eq!(format!("{key:?} {:?}", key.header("Bearer ").unwrap()), "[key] Sensitive");
        assert_eq!(key.blank("no sk-0123456789abcdef here".into()), "no [key] here");
        for bad in ["", " \n", "a b", "ä", &"x".repeat(4_097)] {
            assert!(Secret::new(Zeroizing::new(bad.to_owned())).is_err());
        }
    }

    #[test]
    fn a_key_in_pieces_is_found_and_nothing_else_is_lost() {
        let key = secret("sk-sk-0123456789");
        for text in [
            "xsk-sk-0123456789y",
            "sk-sk-sk-0123456789",
            "sk-sk-012345678",
            "äsk-",
            "sk-sk-0123456789sk-sk-0123456789",
        ] {
            for size in 1..8 {
                let mut blanking = Blanking::new(Some(&key));
                let chars: Vec<char> = text.chars().collect();
                let mut passed: String =
                    chars.chunks(size).map(|piece| blanking.pass(piece.iter().collect())).collect();
                passed.push_str(&blanking.rest());
                assert_eq!(passed, text.replace("sk-sk-0123456789", BLANK), "{text} by {size}");
            }
        }
    }

    #[test]
    fn a_word_is_no_secret_in_answers() {
        let mut blanking = Blanking::new(Some(&secret("ollama")));
        assert_eq!(blanking.pass("ollama".into()), "ollama");
    }
}
