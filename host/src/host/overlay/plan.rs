//! What an overlay would change, compared with what its base has now.

use std::fmt;

use audit::Digest;

use super::Laid;
use crate::kernel::overlay::look::base;
use crate::kernel::overlay::{Base, Cover, Overlay};
use crate::kernel::path::RelPath;
use crate::kernel::ports::{Mount, MountError};

/// One path that an overlay would change.
#[derive(Debug)]
pub struct Change {
    /// The path.
    pub path: String,
    /// What the base had there when the run covered it.
    pub was: Base,
    /// The file that is to be there; absent for what is removed.
    pub now: Option<Now>,
    /// How the base stands to it.
    pub standing: Standing,
}

/// A file of an overlay.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Of its bytes.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// The entry that has its bytes.
    pub seq: u64,
}

/// How a base stands to a change.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is as it was, and may be changed.
    Pending(Base),
    /// It is as it is to be.
    Done,
    /// It is something else, described for a person.
    Conflict(String),
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Base::Absent => f.write_str("nothing"),
            Base::File { digest, size } => write!(f, "a file of {size} bytes, {}", digest.short()),
            Base::Folder => f.write_str("a folder"),
        }
    }
}

/// Every change, in the order of the paths. What comes to the same as before is none.
pub fn plan(laid: &Laid, port: &dyn Mount) -> Vec<Change> {
    let changes = laid.overlay.covers.iter().filter_map(|(path, cover)| {
        let parsed = RelPath::parse(path).ok()?;
        let refilled = cover.now.is_none() && laid.overlay.holds_below(&parsed);
        let wanted = match &cover.now {
            Some(file) => Base::File { digest: file.digest, size: file.size },
            None if refilled => Base::Folder,
            None => Base::Absent,
        };
        if cover.base == wanted {
            return None;
        }
        let standing = match found(&laid.overlay, &parsed, port) {
            Ok(there) if there == wanted => Standing::Done,
            Ok(there) if there == cover.base || halfway(cover, &there) => Standing::Pending(there),
            Ok(there) => Standing::Conflict(format!("{path} was {}, now there is {there}", cover.base)),
            Err(error) => Standing::Conflict(format!("{path} was {}, now: {error}", cover.base)),
        };
        let now = cover.now.as_ref().map(|file| Now { digest: file.digest, size: file.size, seq: file.seq });
        Some(Change { path: path.clone(), was: cover.base.clone(), now, standing })
    });
    changes.collect()
}

/// Whether an application that was cut off may have left it so: what is replaced by something of another kind is removed
/// first.
fn halfway(cover: &Cover, there: &Base) -> bool {
    let replaced = match cover.base {
        Base::Folder => cover.now.is_some(),
        Base::File { .. } => cover.now.is_none(),
        Base::Absent => false,
    };
    replaced && *there == Base::Absent
}

fn found(overlay: &Overlay, path: &RelPath, port: &dyn Mount) -> Result<Base, MountError> {
    match port.stat(path.as_str()) {
        // What stands above it may be a file that is to go.
        Err(MountError::NotFound) if overlay.hides_above(path) => Ok(Base::Absent),
        _ => base(port, path),
    }
}
