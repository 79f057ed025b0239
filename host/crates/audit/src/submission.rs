//! What a log sends to a witness: the size that the witness saw last, the proof from there, and the new checkpoint (C2SP
//! tlog-witness, `add-checkpoint`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Hash;
use crate::checkpoint::{decimal, hash};
use crate::note::{NOTE_BYTES, Note, NoteError};

/// Hashes of a submission's proof at most.
const HASHES: usize = 63;
/// A submission: bytes.
pub const SUBMISSION_BYTES: usize = NOTE_BYTES + 64 * 48;

/// The parts of a submission. Nothing is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The size that the witness saw last; 0 for none.
    pub old: u64,
    /// The consistency proof from there.
    pub hashes: Vec<Hash>,
    /// The new checkpoint, with its signatures.
    pub note: Note,
}

/// Why a text is no submission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmissionError {
    /// It is not in the form.
    #[error("not a submission: {0}")]
    Form(&'static str),
    /// Its checkpoint is no note.
    #[error("its checkpoint: {0}")]
    Note(#[from] NoteError),
}

impl Submission {
    /// Reads a submission.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Submission, SubmissionError> {
        use SubmissionError::Form;
        if bytes.len() > SUBMISSION_BYTES {
            return Err(Form("it is longer than any submission"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Form("it is not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or(Form("it has no blank line"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let old = old.ok_or(Form("it names no old size"))?;
        let hashes: Option<Vec<Hash>> = lines.take(HASHES + 1).map(hash).collect();
        let hashes = hashes.ok_or(Form("a hash is not 32 bytes in base 64"))?;
        if hashes.len() > HASHES {
            return Err(Form("it has more than 63 hashes"));
        }
        Ok(Submission { old, hashes, note: Note::parse(note.as_bytes())? })
    }
}

impl fmt::Display for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash)))?;
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(hashes: usize) -> Submission {
        let note = "log\n3\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— log AAAAAQE=\n";
        Submission { old: 2, hashes: vec![[5; 32]; hashes], note: Note::parse(note.as_bytes()).unwrap() }
    }

    #[test]
    fn is_written_and_read() {
        for submission in [example(0), example(2), example(HASHES)] {
            assert_eq!(Submission::parse(submission.to_string().as_bytes()), Ok(submission));
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        let good = example(1).to_string();
        for bad in [
            String::new(),
            good.replace("old 2", "old 02"),
            good.replace("old 2", "old  2"),
            good.replace("old 2\n", ""),
            good.replace("BQUF", "BQU"),
            good.replace("\n\nlog", "\nlog"),
            example(HASHES + 1).to_string(),
        ] {
            assert!(Submission::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(Submission::parse(&vec![b'x'; SUBMISSION_BYTES + 1]).is_err());
    }
}
