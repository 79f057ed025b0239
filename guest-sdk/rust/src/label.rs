//! Data categories: what this process has read, and so passes on with all that it writes, sends and spawns.

use crate::bindings::aos::host::label as wit;
use crate::error::Error;

/// The categories that this process carries, sorted.
/// Errors: `Exhausted` (end).
pub fn list() -> Result<Vec<String>, Error> {
    Ok(wit::list()?)
}

/// Sheds a category. Takes the capability `declassify` of that name.
/// Errors: `Denied` (do not retry), `Exhausted` (end).
pub fn declassify(label: &str) -> Result<(), Error> {
    Ok(wit::declassify(label)?)
}
