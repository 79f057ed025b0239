//! A proof that can be checked offline: an entry's place, its inclusion proof and the log's checkpoint, in one text (C2SP
//! tlog-proof).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Hash;
use crate::checkpoint::{decimal, hash};
use crate::note::{NOTE_BYTES, Note, NoteError};
use crate::proof::PROOF_HASHES;

/// The first line.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// What stands beside the proof: bytes, before base 64. An entry has at most 16 KiB, a body goes with it only when small.
pub const EXTRA_BYTES: usize = 1 << 20;
/// A proof file: bytes.
pub const PROOF_FILE_BYTES: usize = 2 * EXTRA_BYTES + NOTE_BYTES;

/// The parts of a proof file. Nothing is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    /// Whatever the application needs to know the leaf: here the entry's line.
    pub extra: Option<Vec<u8>>,
    /// The leaf's place, counted from 0.
    pub index: u64,
    /// The inclusion proof.
    pub hashes: Vec<Hash>,
    /// The checkpoint, with its signatures.
    pub note: Note,
}

/// Why a text is no proof file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileError {
    /// It is not in the form.
    #[error("not a proof file: {0}")]
    Form(&'static str),
    /// Its checkpoint is no note.
    #[error("its checkpoint: {0}")]
    Note(#[from] NoteError),
}

impl ProofFile {
    /// Reads a proof file.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<ProofFile, ProofFileError> {
        use ProofFileError::Form;
        if bytes.len() > PROOF_FILE_BYTES {
            return Err(Form("it is longer than any proof"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Form("it is not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or(Form("it has no blank line"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(Form("its first line is not c2sp.org/tlog-proof@v1"));
        }
        let mut line = lines.next();
        let extra = match line.and_then(|line| line.strip_prefix("extra ")) {
            Some(code) => {
                line = lines.next();
                Some(STANDARD.decode(code).map_err(|_| Form("its extra data is not base 64"))?)
            }
            None => None,
        };
        let index = line.and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or(Form("it names no index"))?;
        let hashes: Option<Vec<Hash>> = lines.take(PROOF_HASHES + 1).map(hash).collect();
        let hashes = hashes.ok_or(Form("a hash is not 32 bytes in base 64"))?;
        if hashes.len() > PROOF_HASHES {
            return Err(Form("it has more hashes than any tree is high"));
        }
        Ok(ProofFile { extra, index, hashes, note: Note::parse(note.as_bytes())? })
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash)))?;
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example(extra: Option<Vec<u8>>, hashes: usize) -> ProofFile {
        let note = "log\n3\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— log AAAAAQE=\n";
        let note = Note::parse(note.as_bytes()).unwrap();
        ProofFile { extra, index: 2, hashes: vec![[5; 32]; hashes], note }
    }

    #[test]
    fn is_written_and_read() {
        for proof in
            [example(None, 0), example(Some(b"line".to_vec()), 2), example(Some(vec![]), PROOF_HASHES)]
        {
            assert_eq!(ProofFile::parse(proof.to_string().as_bytes()), Ok(proof));
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        let good = example(Some(b"line".to_vec()), 1).to_string();
        for bad in [
            String::new(),
            good.replace("@v1", "@v2"),
            good.replace("index 2", "index 02"),
            good.replace("index 2\n", ""),
            good.replace("index 2", "index 9223372036854775808"),
            good.replace("extra ", "extra  "),
            good.replace("BQUF", "BQU"),
            good.replace("\n\nlog", "\nlog"),
            good.replace('\n', "\r\n"),
            example(None, PROOF_HASHES + 1).to_string(),
        ] {
            assert!(ProofFile::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(ProofFile::parse(&vec![b'x'; PROOF_FILE_BYTES + 1]).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_the_same(at in any::<prop::sample::Index>(), with in any::<u8>()) {
            let mut bytes = example(Some(b"line".to_vec()), 2).to_string().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = with;
            if let Ok(proof) = ProofFile::parse(&bytes) {
                prop_assert_eq!(proof.to_string().into_bytes(), bytes);
            }
        }
    }
}
