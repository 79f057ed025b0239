//! The one encoding of a document: JSON without white space, the fields in the order of the type, absent ones left out,
//! maps sorted by their keys, no floats and no nulls. A text that says the same in another way is refused, so that one
//! document has one digest and no two readers take it for two.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes are no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// Over the limit of its kind.
    #[error("it has {bytes} bytes; at most {limit} are allowed")]
    TooLong {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// It is not the JSON of such a document.
    #[error("{0}")]
    Malformed(String),
    /// White space, another order, a key twice: another text for what it says.
    #[error("it is not in its one encoding: fields in their order, each once, no white space")]
    Other,
}

/// The one encoding. The types of this module are strings, integers, truth values, lists and maps with string keys, and
/// are written to memory: nothing in them can fail.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("a document is plain JSON")
}

/// Reads what [`encode`] wrote, and nothing else. Deep nesting is refused by `serde_json` (128 levels), floats and huge
/// numbers by the types.
///
/// # Errors
/// It is too long, is no such document, or is not in its one encoding.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, EncodingError> {
    if bytes.len() > limit {
        return Err(EncodingError::TooLong { bytes: bytes.len(), limit });
    }
    let value: T =
        serde_json::from_slice(bytes).map_err(|error| EncodingError::Malformed(error.to_string()))?;
    if encode(&value) == bytes { Ok(value) } else { Err(EncodingError::Other) }
}
