//! One export, checked piece by piece.

use audit::export::{Checker, ExportError, LINE_BYTES, Shown};
use audit::{Kind, VerifierKey};
use serde_json::json;

/// A check that has begun.
pub struct Session {
    keys: &'static [VerifierKey],
    checker: Checker<'static>,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
}

impl Session {
    /// With keys of the log and of witnesses, one a line. Without one, an export can only agree with itself.
    ///
    /// # Errors
    /// When a line is no key.
    pub fn new(keys: &str) -> Result<Session, String> {
        let lines = keys.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys = lines
            .map(|line| line.parse::<VerifierKey>().map_err(|error| format!("{line}: {error}")))
            .collect::<Result<Vec<_>, _>>()?;
        if !keys.is_empty() && keys.iter().all(|key| key.kind() == Kind::Witness) {
            return Err("these are keys of witnesses: the log's own is missing".into());
        }
        // They live as long as the page: a few hundred bytes for each file.
        let keys: &'static [VerifierKey] = keys.leak();
        Ok(Session { keys, checker: Checker::new(keys), line: Vec::new() })
    }

    /// Takes the next piece. Answers whether all was well so far.
    pub fn feed(&mut self, piece: &[u8]) -> bool {
        let mut lines = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = lines.next() {
            self.line.extend(part);
            let whole = lines.peek().is_some();
            // A line that is too long already is handed on for the checker to say so.
            if !whole && self.line.len() <= LINE_BYTES {
                return true;
            }
            if self.checker.take(&self.line).is_err() {
                return false;
            }
            self.line.clear();
        }
        true
    }

    /// Whether it holds; and as JSON, what it shows or what is wrong first.
    pub fn finish(self) -> (bool, String) {
        let cut = !self.line.is_empty();
        match self.checker.finish() {
            Ok(_) if cut => (false, refused("its last line has no end: it is cut off", None)),
            Ok(shown) => match self.keys.iter().find(|key| !signed(&shown, key)) {
                None => (true, holds(&shown)),
                Some(key) => {
                    (false, refused(&format!("the checkpoint: {} did not sign it", key.name()), None))
                }
            },
            Err(error) => {
                let entry = match &error {
                    ExportError::Entry { seq, .. } => Some(*seq),
                    _ => None,
                };
                (false, refused(&error.to_string(), entry))
            }
        }
    }
}

fn signed(shown: &Shown, key: &VerifierKey) -> bool {
    shown.signers.iter().any(|(name, _)| name == key.name())
}

/// Numbers are texts: a page's own end at 2⁵³.
fn holds(shown: &Shown) -> String {
    let checkpoint = shown.checkpoint.to_string();
    let (first, last) = shown.entries;
    json!({
        "log": shown.checkpoint.origin,
        "size": shown.checkpoint.size.to_string(),
        "root": checkpoint.lines().nth(2),
        "first": first.to_string(),
        "last": last.to_string(),
        "present": shown.present.to_string(),
        "bodies": shown.bodies.to_string(),
        "committed": shown.committed.to_string(),
        "signers": shown.signers.iter().map(|(name, time)| json!([name, time.to_string()])).collect::<Vec<_>>(),
    })
    .to_string()
}

/// What is wrong, and with which entry.
pub fn refused(what: &str, entry: Option<u64>) -> String {
    json!({ "wrong": what, "entry": entry.map(|seq| seq.to_string()) }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit::{Checkpoint, Note, SignerKey, export, leaf_hash};

    const LINE: &str = r#"{"v":1,"seq":1}"#;

    fn key(name: &str, kind: Kind) -> SignerKey {
        SignerKey::new(name, kind, &[1; 32]).unwrap()
    }

    /// A log of one entry.
    fn sample() -> String {
        let leaf = leaf_hash(LINE.as_bytes());
        let checkpoint = Checkpoint { origin: "log".into(), size: 1, root: leaf, extensions: vec![] };
        let mut note = Note::new(checkpoint.to_string()).unwrap();
        note.sign(&key("log", Kind::Author), 0);
        export::head((1, 1), &[], &note) + &export::entry(&leaf, Some(LINE), None) + export::end()
    }

    fn check(text: &str, keys: &str, piece: usize) -> (bool, serde_json::Value) {
        let mut session = Session::new(keys).unwrap();
        let _well = text.as_bytes().chunks(piece).all(|piece| session.feed(piece));
        let (holds, answer) = session.finish();
        (holds, serde_json::from_str(&answer).unwrap())
    }

    #[test]
    fn a_file_in_pieces_of_any_size_shows_the_same() {
        let keys = key("log", Kind::Author).public().to_string();
        let text = sample();
        for piece in [1, 2, 7, 64, text.len()] {
            let (holds, answer) = check(&text, &keys, piece);
            assert!(holds, "{answer}");
            assert_eq!(
                (answer["log"].as_str(), answer["signers"][0][0].as_str()),
                (Some("log"), Some("log"))
            );
            let (holds, answer) = check(&text.replace("\"v\":1", "\"v\":2"), &keys, piece);
            assert_eq!((holds, answer["entry"].as_str()), (false, Some("1")));
        }
        assert!(!check(text.trim_end(), &keys, 9).0, "cut off");
        assert!(!check(&(text + "x"), &keys, 9).0, "and more");
    }

    #[test]
    fn every_key_that_was_brought_has_to_have_signed() {
        let (log, witness) = (key("log", Kind::Author), key("w", Kind::Witness));
        let (holds, answer) = check(&sample(), &format!("{}\n{}\n", log.public(), witness.public()), 64);
        assert!(!holds && answer["wrong"].as_str().unwrap().contains("w did not sign"), "{answer}");
        assert!(check(&sample(), "\n \n", 64).0, "it agrees with itself");
        assert!(Session::new("x").is_err() && Session::new(&witness.public().to_string()).is_err());
    }

    #[test]
    fn a_line_without_an_end_is_not_kept_for_ever() {
        let mut session = Session::new("").unwrap();
        let piece = vec![b'x'; 1 << 20];
        let pieces = (0..).take_while(|_| session.feed(&piece)).count();
        assert!(pieces <= (LINE_BYTES >> 20) + 1, "{pieces}");
        assert!(!session.finish().0);
    }
}
