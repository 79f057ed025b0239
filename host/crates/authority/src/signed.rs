//! Documents that somebody signed: what a publisher says of a package, whom this machine trusts, what counts no longer.
//!
//! - [`dsse`]: the envelope, the kinds of documents and [`fingerprint`];
//! - [`encoding`]: the one encoding of a payload.
//!
//! What holds: the signature is checked over raw bytes before they are parsed; a signature over one kind of document is
//! none over another; a document has one text, so that a flipped bit of it is refused.

pub mod dsse;
pub mod encoding;

pub use dsse::{Document, EnvelopeError, Opened, fingerprint, open, seal};
pub use encoding::EncodingError;
