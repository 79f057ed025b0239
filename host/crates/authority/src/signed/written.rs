//! A public key in a document: its one written form, `NAME+ID+BASE64`.

use audit::{Kind, VerifierKey};
use serde::{Deserialize, Serialize};

/// An author's key, serialised as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct WrittenKey(pub VerifierKey);

impl TryFrom<String> for WrittenKey {
    type Error = String;

    fn try_from(text: String) -> Result<WrittenKey, String> {
        let key: VerifierKey = text.parse().map_err(|error: audit::KeyError| error.to_string())?;
        match key.kind() {
            Kind::Author => Ok(WrittenKey(key)),
            Kind::Witness => Err("this is a witness's key, which signs no documents".to_owned()),
        }
    }
}

impl From<WrittenKey> for String {
    fn from(key: WrittenKey) -> String {
        key.0.to_string()
    }
}
