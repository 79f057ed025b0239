//! The names that a right is for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One exact name, `prefix.*` (every name that begins with `prefix.`), or `*` alone (every name).
///
/// Names are compared byte by byte. Nothing covers a name that begins with `$`. Of two patterns either one
/// covers the other or they share no name; the intersections below rely on that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Box<str>);

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing is there.
    #[error("a name is empty; write a name, `prefix.*` or `*`")]
    Empty,
    /// Over [`Pattern::LIMIT`].
    #[error("a name has {0} bytes; at most {limit} are allowed", limit = Pattern::LIMIT)]
    TooLong(usize),
    /// A line break, a tab or the like.
    #[error("a name holds a control character; remove it")]
    Control,
    /// It begins with `$`.
    #[error("names that begin with `$` are the host's own; choose another")]
    Reserved,
    /// A `*` that is neither alone nor the last segment.
    #[error("`*` stands alone or as the last segment (`prefix.*`), nowhere else")]
    Star,
    /// Two dots in a row, or one at an end.
    #[error("a name has an empty segment: a dot at an end, or two in a row")]
    Segment,
}

impl Pattern {
    /// Bytes of a pattern at most.
    pub const LIMIT: usize = 256;

    /// `*`, which covers every name but the kernel's.
    pub fn all() -> Self {
        Self("*".into())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one exact name.
    pub fn is_name(&self) -> bool {
        !self.0.ends_with('*')
    }

    /// Whether the name is one of those that this stands for.
    pub fn covers(&self, name: &str) -> bool {
        let (own, name) = (self.0.as_bytes(), name.as_bytes());
        match own.split_last() {
            Some((b'*', prefix)) => begins(name, prefix) && name.first() != Some(&b'$'),
            // No pattern begins with `$`.
            Some(_) | None => own == name,
        }
    }

    /// Whether every name that `other` covers is covered by this.
    pub fn covers_pattern(&self, other: &Pattern) -> bool {
        match (self.prefix(), other.prefix()) {
            (Some(wide), Some(narrow)) => narrow.starts_with(wide),
            (None, Some(_)) => false,
            (_, None) => self.covers(&other.0),
        }
    }

    /// The names that both cover: the narrower of the two, if they share any.
    pub fn meet<'a>(&'a self, other: &'a Pattern) -> Option<&'a Pattern> {
        if self.covers_pattern(other) {
            Some(other)
        } else if other.covers_pattern(self) {
            Some(self)
        } else {
            None
        }
    }

    /// What comes before the `*`: empty for `*` alone, with its dot for `prefix.*`; absent for a name.
    fn prefix(&self) -> Option<&str> {
        self.0.strip_suffix('*')
    }
}

/// Whether a name begins so. The end of the beginning is looked at first: names of one family begin alike, and a process may hold
/// many rights of one.
fn begins(name: &[u8], prefix: &[u8]) -> bool {
    let Some(start) = name.get(..prefix.len()) else { return false };
    match (start.last_chunk::<4>(), prefix.last_chunk::<4>()) {
        (Some(own), Some(wanted)) if own != wanted => false,
        _ => start == prefix,
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > Self::LIMIT {
            return Err(PatternError::TooLong(text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(PatternError::Control);
        }
        if text.starts_with('$') {
            return Err(PatternError::Reserved);
        }
        let name = if text == "*" { "all" } else { text.strip_suffix(".*").unwrap_or(text) };
        if name.contains('*') {
            return Err(PatternError::Star);
        }
        if name.split('.').any(str::is_empty) {
            return Err(PatternError::Segment);
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0.into()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn p(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn covers_its_names_and_no_others() {
        assert!(p("site").covers("site"));
        assert!(!p("site").covers("Site"));
        assert!(!p("site").covers("site.x"));
        assert!(p("progress.*").covers("progress.a.b"));
        assert!(!p("progress.*").covers("progress"));
        assert!(!p("progress.*").covers("progressive"));
        assert!(p("*").covers("anything") && p("*").covers(""));
        assert!(!p("*").covers("$exit"));
    }

    #[test]
    fn refuses_malformed_text() {
        let cases = [
            ("", PatternError::Empty),
            ("a\nb", PatternError::Control),
            ("$exit", PatternError::Reserved),
            ("$*", PatternError::Reserved),
            ("a*", PatternError::Star),
            ("*.a", PatternError::Star),
            ("a.*.b", PatternError::Star),
            ("a.**", PatternError::Star),
            ("*.*", PatternError::Star),
            ("a..b", PatternError::Segment),
            (".a", PatternError::Segment),
            ("a.", PatternError::Segment),
            (".*", PatternError::Segment),
            ("a..*", PatternError::Segment),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Pattern>(), Err(error), "{text:?}");
        }
        assert_eq!("a".repeat(257).parse::<Pattern>(), Err(PatternError::TooLong(257)));
        assert!("a".repeat(256).parse::<Pattern>().is_ok());
    }

    #[test]
    fn is_a_string_in_json() {
        assert_eq!(serde_json::to_string(&p("a.*")).unwrap(), r#""a.*""#);
        assert!(serde_json::from_str::<Pattern>(r#""a*""#).is_err());
    }

    proptest! {
        #[test]
        fn covering_a_pattern_is_covering_its_names(
            a in "[ab](\\.[ab]){0,2}(\\.\\*)?|\\*",
            b in "[ab](\\.[ab]){0,2}(\\.\\*)?|\\*",
            name in "[ab](\\.[ab]){0,3}",
        ) {
            let (a, b) = (p(&a), p(&b));
            if a.covers_pattern(&b) && b.covers(&name) {
                prop_assert!(a.covers(&name));
            }
            let both = a.covers(&name) && b.covers(&name);
            prop_assert_eq!(both, a.meet(&b).is_some_and(|meet| meet.covers(&name)));
        }
    }
}
