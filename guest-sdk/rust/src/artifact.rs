//! Content-addressed results with lineage. Evidence and hand-offs are artifacts.
//!
//! ```no_run
//! # use aos_guest::{artifact::{self, Draft}, Failure};
//! # fn hand_off(page: &str, source: &str) -> Result<(), Failure> {
//! let digest = Draft::new("page", "text/html").parent(source).put(page)?;
//! let stored = artifact::get(&digest)?;
//! assert_eq!(stored.text()?, page);
//! # Ok(())
//! # }
//! ```

use crate::bindings::aos::host::artifact as wit;
pub use crate::bindings::aos::host::artifact::{Artifact, Filter, Stored};
use crate::error::{Error, Failure};

/// What is told about a result when it is kept.
#[derive(Clone, Debug)]
pub struct Draft {
    kind: String,
    media_type: String,
    parents: Vec<String>,
    subject: Option<String>,
}

impl Draft {
    /// A result of a kind, such as `page`, and a media type, such as `text/html`.
    pub fn new(kind: &str, media_type: &str) -> Draft {
        Draft { kind: kind.to_owned(), media_type: media_type.to_owned(), parents: Vec::new(), subject: None }
    }

    /// An artifact that it was made from, by digest; at most 16.
    pub fn parent(mut self, digest: &str) -> Draft {
        self.parents.push(digest.to_owned());
        self
    }

    /// What it is about: another artifact's digest, a path, a name.
    pub fn subject(mut self, subject: &str) -> Draft {
        self.subject = Some(subject.to_owned());
        self
    }

    /// Keeps it for the run and answers its digest. The same bytes put again are the first one.
    /// Capability: `put` with the kind. Limits: 16 MiB; 4,096 artifacts a run.
    /// Errors: `Denied`, `NotFound` (a parent), `Conflict` (the same bytes are there with another description),
    /// `TooLarge`, `Invalid` (mend the text), `Exhausted`.
    pub fn put(&self, body: impl AsRef<[u8]>) -> Result<String, Error> {
        let (kind, media_type) = (&self.kind, &self.media_type);
        Ok(wit::put(kind, media_type, body.as_ref(), &self.parents, self.subject.as_deref())?)
    }
}

/// An artifact of this run.
/// Capability: `get` with its kind.
/// Errors: `Denied`, `NotFound`, `Invalid` (not a digest), `Exhausted`.
pub fn get(digest: &str) -> Result<Stored, Error> {
    Ok(wit::get(digest)?)
}

/// The artifacts of this run that match, oldest first, at most 1,000: go on with `after`.
/// Capability: `get` with any kind.
/// Errors: `Denied`, `NotFound` (there is no artifact `after`), `Exhausted`.
pub fn list(filter: &Filter) -> Result<Vec<Artifact>, Error> {
    Ok(wit::list(filter)?)
}

/// A filter that does not restrict.
impl Default for Filter {
    fn default() -> Filter {
        Filter { kind: None, parent: None, subject: None, after: None, limit: 0 }
    }
}

impl Stored {
    /// The body as text.
    /// Errors: a failure that names the artifact when it is not UTF-8.
    pub fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(&self.body)
            .map_err(|error| Failure::new(format!("artifact {} is not UTF-8: {error}", self.artifact.digest)))
    }
}
