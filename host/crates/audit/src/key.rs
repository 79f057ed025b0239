//! Keys of notes, and their written forms (C2SP signed-note, "Verifier keys"; the private form is that of Go's
//! `golang.org/x/mod/sumdb/note`).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// Bytes of a key's name at most.
pub const NAME_BYTES: usize = 200;
/// Bytes of a written key at most.
pub const KEY_BYTES: usize = 512;

const PRIVATE: &str = "PRIVATE+KEY+";

/// What a key's signatures say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The text, by its author: Ed25519 over the note's text (signed-note, type 0x01).
    Author,
    /// The text, as seen at a time: a cosignature/v1 (tlog-cosignature, type 0x04).
    Witness,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Kind::Author => 0x01,
            Kind::Witness => 0x04,
        }
    }

    fn of(byte: u8) -> Option<Kind> {
        [Kind::Author, Kind::Witness].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is longer than [`KEY_BYTES`].
    #[error("a key has at most {KEY_BYTES} bytes")]
    Long,
    /// It is not in the form `name+id+key`.
    #[error("a key is written NAME+ID+KEY, with 8 hex digits and base 64; this is not")]
    Form,
    /// Its name cannot be one.
    #[error("a key's name has 1 to {NAME_BYTES} bytes, without spaces, `+` or control characters")]
    Name,
    /// It is not Ed25519 or a cosignature/v1 key.
    #[error("a key of type {0:#04x}, which is not known here (0x01: Ed25519, 0x04: cosignature/v1)")]
    Kind(u8),
    /// Its id is that of another key.
    #[error("the key's id does not follow from its name and key: it was mistyped or changed")]
    Id,
    /// Its bytes are no point of the curve, or one that anybody can sign for.
    #[error("the key's bytes are no public key")]
    Point,
}

/// A public key: whom a signature is of, and of which kind.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: Kind,
    key: VerifyingKey,
}

impl VerifierKey {
    fn new(name: &str, kind: Kind, key: VerifyingKey) -> Result<VerifierKey, KeyError> {
        check_name(name)?;
        if key.is_weak() {
            return Err(KeyError::Point);
        }
        Ok(VerifierKey { name: name.to_owned(), kind, key })
    }

    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its signatures say.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The first four bytes of SHA-256(name ‖ newline ‖ type ‖ key): which of a name's keys it is.
    pub fn id(&self) -> u32 {
        let hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', self.kind.byte()])
            .chain_update(self.key.as_bytes())
            .finalize();
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
    }

    /// The public key: 32 bytes (RFC 8032).
    pub fn bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Checks a signature of this key over a note's text. Answers when it was made, in seconds since 1970, for a
    /// cosignature, 0 otherwise; none when it is not valid (`verify_strict`: no weak keys, one encoding).
    pub fn verify(&self, text: &[u8], signature: &[u8]) -> Option<u64> {
        let (time, message, signature) = match self.kind {
            Kind::Author => (0, None, signature),
            Kind::Witness => {
                let (time, signature) = signature.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                if time > i64::MAX as u64 {
                    return None;
                }
                (time, Some(cosigned(time, text)), signature)
            }
        };
        let signature = Signature::from_bytes(signature.try_into().ok()?);
        let message = message.as_deref().unwrap_or(text);
        self.key.verify_strict(message, &signature).ok()?;
        Some(time)
    }
}

/// What a cosignature/v1 is made over.
fn cosigned(time: u64, text: &[u8]) -> Vec<u8> {
    [format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat()
}

fn check_name(name: &str) -> Result<(), KeyError> {
    let bad = |c: char| c == '+' || c.is_whitespace() || c.is_control();
    let good = !name.is_empty() && name.len() <= NAME_BYTES && !name.contains(bad);
    if good { Ok(()) } else { Err(KeyError::Name) }
}

/// `name+id+base64(type ‖ key)`.
fn write(f: &mut fmt::Formatter<'_>, of: &VerifierKey, bytes: &[u8; 32]) -> fmt::Result {
    let key = STANDARD.encode([&[of.kind.byte()], &bytes[..]].concat());
    write!(f, "{}+{:08x}+{key}", of.name, of.id())
}

/// The parts of a written key: name, id, kind and 32 bytes.
fn read(text: &str) -> Result<(&str, u32, Kind, [u8; 32]), KeyError> {
    if text.len() > KEY_BYTES {
        return Err(KeyError::Long);
    }
    // Base 64 has a `+` too: the first two are the separators.
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Form);
    };
    check_name(name)?;
    let digits = id.len() == 8 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let id = u32::from_str_radix(id, 16).ok().filter(|_| digits).ok_or(KeyError::Form)?;
    let key = STANDARD.decode(key).map_err(|_| KeyError::Form)?;
    let (kind, key) = key.split_first().ok_or(KeyError::Form)?;
    let kind = Kind::of(*kind).ok_or(KeyError::Kind(*kind))?;
    Ok((name, id, kind, key.try_into().map_err(|_| KeyError::Form)?))
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self, self.key.as_bytes())
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<VerifierKey, KeyError> {
        let (name, id, kind, bytes) = read(text)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Point)?;
        let key = VerifierKey::new(name, kind, key)?;
        if key.id() == id { Ok(key) } else { Err(KeyError::Id) }
    }
}

/// A private key. It is not shown by `Debug`, and its bytes are erased when it goes.
pub struct SignerKey {
    public: VerifierKey,
    key: SigningKey,
}

impl SignerKey {
    /// The key that follows from 32 random bytes.
    ///
    /// # Errors
    /// When the name cannot be one.
    pub fn new(name: &str, kind: Kind, seed: &[u8; 32]) -> Result<SignerKey, KeyError> {
        let key = SigningKey::from_bytes(seed);
        Ok(SignerKey { public: VerifierKey::new(name, kind, key.verifying_key())?, key })
    }

    /// The public half.
    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// Signs a note's text; `time` counts only in a cosignature, in seconds since 1970.
    pub fn sign(&self, text: &[u8], time: u64) -> Vec<u8> {
        match self.public.kind {
            Kind::Author => self.key.sign(text).to_bytes().to_vec(),
            Kind::Witness => {
                let signature = self.key.sign(&cosigned(time, text)).to_bytes();
                [&time.to_be_bytes()[..], &signature[..]].concat()
            }
        }
    }

    /// The written form, to be kept where only its owner can read it.
    pub fn secret(&self) -> String {
        struct Secret<'a>(&'a SignerKey);
        impl fmt::Display for Secret<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(PRIVATE)?;
                write(f, &self.0.public, self.0.key.as_bytes())
            }
        }
        Secret(self).to_string()
    }

    /// Reads the written form.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<SignerKey, KeyError> {
        let (name, id, kind, seed) = read(text.strip_prefix(PRIVATE).ok_or(KeyError::Form)?)?;
        let key = SignerKey::new(name, kind, &seed)?;
        if key.public.id() == id { Ok(key) } else { Err(KeyError::Id) }
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the private key of {}", self.public)
    }
}
