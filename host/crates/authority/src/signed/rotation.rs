//! That a key takes the place of another, said by the one that goes.
//!
//! ```json
//! {"v":1,"from":FINGERPRINT,"to":"NAME+ID+BASE64","at":MS}
//! ```

use audit::{Digest, VerifierKey};
use serde::{Deserialize, Serialize};

use super::dsse::{Document, Opened, fingerprint};
use super::encoding::{self, EncodingError};
use super::trust::TrustError;
use super::written::WrittenKey;

/// The successor of the key that signs this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    v: u64,
    from: Digest,
    to: WrittenKey,
    at: u64,
}

impl Rotation {
    /// From one key to another, at a time in milliseconds since 1970.
    pub fn new(from: &VerifierKey, to: &VerifierKey, at: u64) -> Rotation {
        Rotation { v: 1, from: fingerprint(from), to: WrittenKey(to.clone()), at }
    }

    /// The only encoding of this rotation.
    pub fn encode(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Reads what was signed.
    ///
    /// # Errors
    /// It is no rotation, or of another key than the one that signed it.
    pub fn read(opened: &Opened) -> Result<Rotation, TrustError> {
        let form = |error| TrustError::Form { document: Document::Rotation, error };
        let wrong = |what: &str| Err(form(EncodingError::Malformed(what.to_owned())));
        let limit = Document::Rotation.payload_limit();
        let rotation: Rotation = encoding::decode(&opened.payload, limit).map_err(form)?;
        if rotation.v != 1 {
            return wrong("its version is not 1");
        }
        if rotation.from != fingerprint(&opened.key) {
            return wrong("it says that another key goes than the one that signed it");
        }
        if fingerprint(&rotation.to.0) == rotation.from {
            return wrong("it says that a key takes its own place");
        }
        Ok(rotation)
    }

    /// The key that comes.
    pub fn to(&self) -> &VerifierKey {
        &self.to.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit::{Kind, SignerKey};

    fn key(seed: u8) -> SignerKey {
        SignerKey::new("acme", Kind::Author, &[seed; 32]).unwrap()
    }

    #[test]
    fn only_the_key_that_goes_can_say_it() {
        let (old, new) = (key(1), key(2));
        let rotation = Rotation::new(old.public(), new.public(), 5);
        let opened = Opened { payload: rotation.encode(), key: old.public().clone() };
        assert_eq!(Rotation::read(&opened).unwrap().to(), new.public());
        let by_the_new_one = Opened { key: new.public().clone(), ..opened.clone() };
        assert!(Rotation::read(&by_the_new_one).is_err());
        let to_itself = Rotation::new(old.public(), old.public(), 5).encode();
        assert!(Rotation::read(&Opened { payload: to_itself, ..opened }).is_err());
    }
}
