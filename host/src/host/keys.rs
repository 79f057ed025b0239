//! stub
#![allow(missing_docs)]
use super::dirs::Dirs;
use super::error::HostError;
pub fn seal_grant(_: &Dirs, _: &str, b: &[u8]) -> Result<Vec<u8>, HostError> {
    Ok(b.to_vec())
}
