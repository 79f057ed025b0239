//! Signed notes: a text, a blank line, and a line for each signature (C2SP signed-note).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::key::{SignerKey, VerifierKey};

/// A note: bytes.
pub const NOTE_BYTES: usize = 64 << 10;
/// Signatures on one note.
pub const SIGNATURES: usize = 64;
/// A signature: bytes.
const SIGNATURE_BYTES: usize = 8 << 10;

/// What every signature line begins with: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// A text with its signatures, none of which has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// A signature as it stands on a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The key's name.
    pub name: String,
    /// The key's id.
    pub id: u32,
    /// What the key's kind says that it is.
    pub bytes: Vec<u8>,
}

/// Why a text is no note, or says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is over [`NOTE_BYTES`] or [`SIGNATURES`].
    #[error("the note is too long: at most {NOTE_BYTES} bytes and {SIGNATURES} signatures")]
    Long,
    /// It is not UTF-8, or has a control character.
    #[error("the note is not text: {0}")]
    Text(&'static str),
    /// It has no signatures, or a line of them is not in the form.
    #[error("the note is not in the form of a signed note: {0}")]
    Form(&'static str),
    /// A known key's signature is not valid.
    #[error("the signature of {0} is not valid: the note was changed, or the key is another")]
    Invalid(String),
    /// None of the signatures is of a known key.
    #[error("none of the {0} signatures is of a key that is known here")]
    Unknown(usize),
}

/// A known key's valid signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified<'a> {
    /// The key.
    pub key: &'a VerifierKey,
    /// When a witness saw it: seconds since 1970; 0 for an author.
    pub time: u64,
}

impl Signature {
    /// Reads a line, without its newline.
    ///
    /// # Errors
    /// When it is not in the form.
    pub fn parse(line: &str) -> Result<Signature, NoteError> {
        let form = NoteError::Form("a signature is a dash, a name and base 64");
        let (name, code) =
            line.strip_prefix(DASH).and_then(|rest| rest.split_once(' ')).ok_or(form.clone())?;
        if name.is_empty() || name.contains(|c: char| c == '+' || c.is_whitespace()) {
            return Err(form);
        }
        let bytes = STANDARD.decode(code).map_err(|_| form.clone())?;
        let (id, bytes) = bytes.split_first_chunk::<4>().ok_or(form.clone())?;
        if bytes.is_empty() || bytes.len() > SIGNATURE_BYTES {
            return Err(form);
        }
        Ok(Signature { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }

    /// The line, with its newline.
    pub fn line(&self) -> String {
        let code = STANDARD.encode([&self.id.to_be_bytes()[..], &self.bytes].concat());
        format!("{DASH}{} {code}\n", self.name)
    }

    fn is_of(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.id == key.id()
    }
}

impl Note {
    /// A text without signatures.
    ///
    /// # Errors
    /// When it does not end with a newline, or holds control characters.
    pub fn new(text: String) -> Result<Note, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::Form("the text has to end with a newline"));
        }
        no_control(&text)?;
        Ok(Note { text, signatures: Vec::new() })
    }

    /// Reads a note.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        if bytes.len() > NOTE_BYTES {
            return Err(NoteError::Long);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Text("it is not UTF-8"))?;
        no_control(note)?;
        // The last empty line is the one between: a text may have some too.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Form("it has no blank line"))?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form("its last line has no end"))?;
        let signatures: Vec<Signature> =
            lines.split('\n').take(SIGNATURES + 1).map(Signature::parse).collect::<Result<_, _>>()?;
        if signatures.len() > SIGNATURES {
            return Err(NoteError::Long);
        }
        Ok(Note { text: format!("{text}\n"), signatures })
    }

    /// What is signed, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, checked or not.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Signs it; `time` counts only for a witness's key, in seconds since 1970. A signature of the same key is replaced.
    pub fn sign(&mut self, key: &SignerKey, time: u64) {
        let public = key.public();
        let bytes = key.sign(self.text.as_bytes(), time);
        self.add(Signature { name: public.name().to_owned(), id: public.id(), bytes });
    }

    /// Adds a signature that was made elsewhere. One of the same key is replaced.
    pub fn add(&mut self, signature: Signature) {
        self.signatures.retain(|there| there.name != signature.name || there.id != signature.id);
        self.signatures.push(signature);
    }

    /// Checks the signatures of the known keys and answers them, each key once; those of other keys say nothing.
    ///
    /// # Errors
    /// When one of a known key is not valid, or there is none.
    pub fn verify<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a VerifierKey>,
    ) -> Result<Vec<Verified<'a>>, NoteError> {
        let mut verified: Vec<Verified<'a>> = Vec::new();
        for key in keys {
            for signature in self.signatures.iter().filter(|signature| signature.is_of(key)) {
                let time = key
                    .verify(self.text.as_bytes(), &signature.bytes)
                    .ok_or_else(|| NoteError::Invalid(key.name().to_owned()))?;
                if !verified.iter().any(|known| known.key == key) {
                    verified.push(Verified { key, time });
                }
            }
        }
        if verified.is_empty() { Err(NoteError::Unknown(self.signatures.len())) } else { Ok(verified) }
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| f.write_str(&signature.line()))
    }
}

fn no_control(text: &str) -> Result<(), NoteError> {
    match text.bytes().any(|b| b < 0x20 && b != b'\n') {
        true => Err(NoteError::Text("it holds a control character")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
