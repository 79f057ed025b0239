//! Lines for the operator, shown on standard error and in `logs`. Each takes the capability `log`,
//! which every agent has, and at most 8 KiB.

use crate::bindings::aos::host::log as wit;
pub use crate::bindings::aos::host::log::Level;
use crate::error::Error;

/// Writes a line at a level.
/// Errors: `TooLarge` (shorten it), `Exhausted` (log less), `Denied`.
pub fn emit(level: Level, text: &str) -> Result<(), Error> {
    Ok(wit::emit(level, text)?)
}

/// Writes what only a close look needs. Errors as [`emit`].
pub fn trace(text: &str) -> Result<(), Error> {
    emit(Level::Trace, text)
}

/// Writes what helps to find a mistake. Errors as [`emit`].
pub fn debug(text: &str) -> Result<(), Error> {
    emit(Level::Debug, text)
}

/// Writes what an operator may want to know. Errors as [`emit`].
pub fn info(text: &str) -> Result<(), Error> {
    emit(Level::Info, text)
}

/// Writes what an operator should look at. Errors as [`emit`].
pub fn warn(text: &str) -> Result<(), Error> {
    emit(Level::Warn, text)
}

/// Writes what went wrong. Errors as [`emit`].
pub fn error(text: &str) -> Result<(), Error> {
    emit(Level::Error, text)
}
