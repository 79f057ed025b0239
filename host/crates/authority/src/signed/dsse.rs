//! Envelopes: a document with its signature (DSSE, protocol v1.0,
//! <https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md>).
//!
//! ```json
//! {"payload":BASE64,"payloadType":TYPE,"signatures":[{"keyid":FINGERPRINT,"sig":BASE64}]}
//! ```
//!
//! and a newline. The signature is Ed25519 over `DSSEv1 LEN(TYPE) TYPE LEN(payload) payload`, lengths in decimal. It is
//! checked over the payload's raw bytes before anything looks into them. Narrower than DSSE: one signature, one encoding.

use audit::{Digest, Kind, SignerKey, VerifierKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::encoding::{self, EncodingError};

/// Bytes of an envelope beside its payload at most: keys, the type, the key's fingerprint and the signature.
const FRAME_LIMIT: usize = 1024;

/// The kinds of documents that are signed. A signature over one of them is none over another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// What a publisher says of a package.
    Package,
    /// What an operator allows a package, for more than one run.
    Grant,
    /// Whose signatures count on a machine.
    Trust,
    /// Keys and digests that count no longer.
    Revocations,
    /// That a key takes the place of another.
    Rotation,
}

impl Document {
    const ALL: [Document; 5] =
        [Document::Package, Document::Grant, Document::Trust, Document::Revocations, Document::Rotation];

    /// The payload type: part of what is signed.
    pub fn payload_type(self) -> &'static str {
        match self {
            Document::Package => "application/vnd.aos.package.v1+json",
            Document::Grant => "application/vnd.aos.grant.v1+json",
            Document::Trust => "application/vnd.aos.trust.v1+json",
            Document::Revocations => "application/vnd.aos.revocations.v1+json",
            Document::Rotation => "application/vnd.aos.rotation.v1+json",
        }
    }

    /// As people call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Document::Package => "package statement",
            Document::Grant => "standing grant",
            Document::Trust => "trust list",
            Document::Revocations => "revocation list",
            Document::Rotation => "key rotation",
        }
    }

    /// Bytes of its payload at most.
    pub fn payload_limit(self) -> usize {
        match self {
            Document::Package => 64 * 1024,
            Document::Grant => crate::GRANT_LIMIT,
            Document::Trust | Document::Revocations => 1024 * 1024,
            Document::Rotation => 4 * 1024,
        }
    }

    /// Bytes of its envelope at most.
    pub fn envelope_limit(self) -> usize {
        FRAME_LIMIT + self.payload_limit().div_ceil(3) * 4
    }
}

/// SHA-256 of a public key's 32 bytes. The key's name is no part of it: a key is the same whatever it is called.
pub fn fingerprint(key: &VerifierKey) -> Digest {
    Digest::of(&key.bytes())
}

/// A payload whose signature is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The bytes that were signed; not looked at yet.
    pub payload: Vec<u8>,
    /// The key that signed them.
    pub key: VerifierKey,
}

impl Opened {
    /// Of the payload.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.payload)
    }
}

/// Why an envelope does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is no envelope.
    #[error("this is no signed document: {0}")]
    Form(EncodingError),
    /// It has another number of signatures than one.
    #[error("the document has {0} signatures; it has to have one")]
    Signatures(usize),
    /// A part of it is not in base 64, or not in the one way to write it.
    #[error("the document's {0} is not written in base 64")]
    Base64(&'static str),
    /// It is a signature over another kind of document.
    #[error("it is signed as a {}, not as a {}", signed.as_str(), expected.as_str())]
    Kind {
        /// What it is signed as.
        signed: Document,
        /// As what it was to be read.
        expected: Document,
    },
    /// It is a signature over something that is not known here.
    #[error("it is signed as {signed:?}, not as a {}", expected.as_str())]
    UnknownKind {
        /// Its payload type.
        signed: String,
        /// As what it was to be read.
        expected: Document,
    },
    /// The key that it names is not known.
    #[error("it names the key {0}, which is not known here")]
    UnknownKey(Digest),
    /// The signature is not that key's over these bytes.
    #[error("the signature is not valid: the document or its signature was changed after it was signed")]
    Invalid,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: Digest,
    sig: String,
}

/// Signs a payload and answers the envelope, with its final newline. The key has to be an author's: nobody opens what
/// another kind of key has sealed.
pub fn seal(document: Document, payload: &[u8], key: &SignerKey) -> Vec<u8> {
    let signature = key.sign(&pae(document, payload), 0);
    let envelope = Envelope {
        payload: STANDARD.encode(payload),
        payload_type: document.payload_type().to_owned(),
        signatures: vec![Signature { keyid: fingerprint(key.public()), sig: STANDARD.encode(signature) }],
    };
    let mut bytes = encoding::encode(&envelope);
    bytes.push(b'\n');
    bytes
}

/// Checks an envelope and answers what it holds. `key` answers the known key of a fingerprint.
///
/// # Errors
/// It is no envelope, is signed as another kind of document or by a key that is not known, or the signature is not valid.
pub fn open(
    document: Document,
    envelope: &[u8],
    key: impl Fn(&Digest) -> Option<VerifierKey>,
) -> Result<Opened, EnvelopeError> {
    let (envelope, signature) = read(document, envelope)?;
    let key = key(&signature.keyid)
        .filter(|key| key.kind() == Kind::Author && fingerprint(key) == signature.keyid)
        .ok_or(EnvelopeError::UnknownKey(signature.keyid))?;
    let payload = STANDARD.decode(&envelope.payload).map_err(|_| EnvelopeError::Base64("payload"))?;
    let bytes = STANDARD.decode(&signature.sig).map_err(|_| EnvelopeError::Base64("signature"))?;
    key.verify(&pae(document, &payload), &bytes).ok_or(EnvelopeError::Invalid)?;
    Ok(Opened { payload, key })
}

/// Whose signature an envelope says that it has. Nothing is checked but its form: this is for messages.
///
/// # Errors
/// It is no envelope, or of another kind of document.
pub fn claimed(document: Document, envelope: &[u8]) -> Result<Digest, EnvelopeError> {
    read(document, envelope).map(|(_, signature)| signature.keyid)
}

fn read(document: Document, bytes: &[u8]) -> Result<(Envelope, Signature), EnvelopeError> {
    let line = bytes.strip_suffix(b"\n").ok_or(EnvelopeError::Form(EncodingError::Other))?;
    // What is expected may be the smallest kind and what is there the largest: then it is told which it is.
    let limit = Document::ALL.map(Document::envelope_limit).into_iter().fold(0, usize::max);
    let mut envelope: Envelope = encoding::decode(line, limit).map_err(EnvelopeError::Form)?;
    if envelope.payload_type != document.payload_type() {
        let signed = Document::ALL.into_iter().find(|other| other.payload_type() == envelope.payload_type);
        return Err(match signed {
            Some(signed) => EnvelopeError::Kind { signed, expected: document },
            None => EnvelopeError::UnknownKind { signed: envelope.payload_type, expected: document },
        });
    }
    let limit = document.envelope_limit();
    if bytes.len() > limit {
        return Err(EnvelopeError::Form(EncodingError::TooLong { bytes: bytes.len(), limit }));
    }
    let count = envelope.signatures.len();
    match (envelope.signatures.pop(), count) {
        (Some(signature), 1) => Ok((envelope, signature)),
        _ => Err(EnvelopeError::Signatures(count)),
    }
}

/// DSSE's pre-authentication encoding: what is signed.
fn pae(document: Document, payload: &[u8]) -> Vec<u8> {
    let kind = document.payload_type();
    [format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests;
