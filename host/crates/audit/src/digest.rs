//! SHA-256 digests and their one written form, `sha256:` and 64 lowercase hex digits.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

const PREFIX: &str = "sha256:";

/// Bytes of a digest's written form.
const TEXT_LENGTH: usize = PREFIX.len() + 64;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A SHA-256 digest (FIPS 180-4). Written and serialised as `sha256:` and 64 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The bare SHA-256 of `body`, for what is content-addressed: files, artifacts, components.
    pub fn of(body: &[u8]) -> Digest {
        Digest(Sha256::digest(body).into())
    }

    /// SHA-256(`salt` ‖ `body`), for messages, prompts and answers: with the salt erased, a short
    /// body cannot be guessed from its digest. Salts must all have one length, since the
    /// boundary between salt and body is not hashed.
    pub fn salted(salt: &[u8], body: &[u8]) -> Digest {
        Digest(Sha256::new().chain_update(salt).chain_update(body).finalize().into())
    }

    /// The first four hex digits and `…`, for tables that people read: `4f1c…`.
    pub fn short(&self) -> String {
        let mut text: String = self.0[..2].iter().flat_map(|byte| hex_pair(*byte)).collect();
        text.push('…');
        text
    }
}

fn hex_pair(byte: u8) -> [char; 2] {
    [HEX[usize::from(byte >> 4)] as char, HEX[usize::from(byte & 15)] as char]
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // On the stack: entries are written with one of these each, or more.
        let mut text = [0u8; TEXT_LENGTH];
        f.pad(self.write(&mut text))
    }
}

impl Digest {
    fn write<'a>(&self, text: &'a mut [u8; TEXT_LENGTH]) -> &'a str {
        text[..PREFIX.len()].copy_from_slice(PREFIX.as_bytes());
        for (pair, byte) in text[PREFIX.len()..].chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        // Only ASCII was written, so the fallback is never taken.
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// It does not begin with `sha256:`.
    #[error("a digest begins with \"sha256:\"")]
    Prefix,
    /// It has this many bytes after `sha256:`, not 64.
    #[error("a digest has 64 hex digits after \"sha256:\", this has {0}")]
    Length(usize),
    /// The byte at this offset is not a lowercase hex digit.
    #[error("a digest has only lowercase hex digits (0-9, a-f) after \"sha256:\"; look at byte {0}")]
    Digit(usize),
}

impl FromStr for Digest {
    type Err = DigestError;

    /// Strict: exactly what `Display` writes, so that one digest has one text.
    fn from_str(text: &str) -> Result<Digest, DigestError> {
        let hex = text.strip_prefix(PREFIX).ok_or(DigestError::Prefix)?.as_bytes();
        if hex.len() != 64 {
            return Err(DigestError::Length(hex.len()));
        }
        let digit = |at: usize| match hex[at] {
            byte @ b'0'..=b'9' => Ok(byte - b'0'),
            byte @ b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(DigestError::Digit(PREFIX.len() + at)),
        };
        let mut bytes = [0u8; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = digit(2 * i)? << 4 | digit(2 * i + 1)?;
        }
        Ok(Digest(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.write(&mut [0u8; TEXT_LENGTH]))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Digest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a digest: \"sha256:\" and 64 lowercase hex digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Digest, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4's example: SHA-256("abc").
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn writes_and_reads_one_form() {
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string(), ABC);
        assert_eq!(format!("{digest:?}"), ABC);
        assert_eq!(ABC.parse(), Ok(digest));
        assert_eq!(digest.short(), "ba78…");
    }

    #[test]
    fn salted_hashes_the_salt_first() {
        assert_eq!(Digest::salted(b"a", b"bc"), Digest::of(b"abc"));
        assert_ne!(Digest::salted(b"x", b"bc"), Digest::salted(b"y", b"bc"));
    }

    #[test]
    fn refuses_every_other_form() {
        let parse = |text: &str| text.parse::<Digest>();
        assert_eq!(parse(""), Err(DigestError::Prefix));
        assert_eq!(parse(&ABC[7..]), Err(DigestError::Prefix));
        assert_eq!(parse(&ABC.replace("sha", "SHA")), Err(DigestError::Prefix));
        assert_eq!(parse(&ABC[..70]), Err(DigestError::Length(63)));
        assert_eq!(parse(&format!("{ABC} ")), Err(DigestError::Length(65)));
        assert_eq!(parse(&ABC.replace("ba78", "bA78")), Err(DigestError::Digit(8)));
        assert_eq!(parse(&ABC.replace("15ad", "15é")), Err(DigestError::Digit(69)));
        assert_eq!(parse(&ABC.replace("ba78", "+a78")), Err(DigestError::Digit(7)));
    }
}
