//! What is wrong with a manifest, and where.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::table::Source;

/// What is wrong with a manifest, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestError {
    /// The file's name, as it was given to the parser.
    pub file: String,
    /// What is wrong. Text from the file is quoted and escaped.
    pub message: String,
    /// What would mend it.
    pub help: Option<String>,
    /// Where it begins, in bytes from the start of the text.
    pub offset: usize,
    /// How long it is, in bytes; may be 0.
    pub len: usize,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
}

impl Source<'_> {
    /// An error at a place of this text.
    pub fn error(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) -> ManifestError {
        let offset = self.text.floor_char_boundary(span.start);
        let before = &self.text[..offset];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ManifestError {
            file: self.file.to_owned(),
            message: message.into(),
            help,
            offset,
            len: span.end.min(self.text.len()).saturating_sub(offset),
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ManifestError {}

/// `did you mean "…"?` with the candidate that is nearest to a word, if one is near.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let nearest = candidates.into_iter().map(|candidate| (distance(word, candidate), candidate)).min()?;
    // A third of the letters may be wrong: more is another word.
    let near = nearest.0 <= nearest.1.chars().count().max(3) / 3;
    near.then(|| format!("did you mean {:?}?", nearest.1))
}

/// Characters of a word that are compared; longer ones are near to nothing.
const COMPARED: usize = 64;

/// The edits between two words: insert, remove or replace a character, or swap two neighbours (optimal
/// string alignment distance).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() > COMPARED || b.len() > COMPARED {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (a, b, edits) in
            [("", "", 0), ("", "ab", 2), ("wrte", "write", 1), ("sned", "send", 1), ("read", "lease", 3)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let verbs = ["write", "read", "put"];
        assert_eq!(did_you_mean("wrte", verbs), Some("did you mean \"write\"?".to_owned()));
        assert_eq!(did_you_mean("pt", verbs), Some("did you mean \"put\"?".to_owned()));
        assert_eq!(did_you_mean("delete", verbs), None);
        assert_eq!(did_you_mean("x", []), None);
        assert_eq!(did_you_mean(&"w".repeat(100_000), verbs), None);
    }

    #[test]
    fn counts_columns_in_characters() {
        let source = Source { text: "a\nüé x\n", file: "f" };
        let error = source.error(7..8, "m", None);
        assert_eq!((error.line, error.column, error.offset, error.len), (2, 4, 7, 1));
        assert_eq!(error.to_string(), "f:2:4: m");
        let end = source.error(99..120, "m", None);
        assert_eq!((end.line, end.offset, end.len), (3, 9, 0));
    }
}
