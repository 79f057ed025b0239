//! Documents that somebody signed: what a publisher says of a package, whom this machine trusts, what counts no longer.
//!
//! - [`dsse`]: the envelope, the kinds of documents and [`fingerprint`]; [`encoding`]: the one encoding of a payload.
//! - [`statement`]: what a publisher signs. [`rotation`]: which key takes the place of its own.
//! - [`trust`]: whose signatures count. [`revocations`]: what counts no longer.
//! - [`version`], [`day`]: versions and times in them.
//!
//! What holds: the signature is checked over raw bytes before they are parsed; a signature over one kind of document is
//! none over another; a document has one text, so that a flipped bit of it is refused.

pub mod day;
pub mod dsse;
pub mod encoding;
pub mod revocations;
pub mod rotation;
pub mod statement;
pub mod trust;
pub mod version;
mod written;

pub use dsse::{Document, EnvelopeError, Opened, fingerprint, open, seal};
pub use encoding::EncodingError;
pub use revocations::{Mark, RevocationList, Revoked};
pub use rotation::Rotation;
pub use statement::{Statement, StatementError};
pub use trust::{Distrust, Pinned, Role, TrustError, TrustList, short};
pub use version::Version;
