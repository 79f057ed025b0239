//! `aos-host audit restore`: a state directory of a backup.

use super::args::RestoreArgs;
use crate::cli::failure::{Code, Failure};
use crate::cli::out::Out;
use crate::host::{Dirs, restore};

/// Makes the state directory.
///
/// # Errors
/// When it is there already, or the backup cannot be read or is damaged.
pub fn restore(dirs: &Dirs, args: &RestoreArgs, out: &mut Out) -> Result<Code, Failure> {
    let done = restore::restore(dirs, &args.backup)?;
    out.line(&format!(
        "restored · #1–{} · {} is now {}",
        done.size,
        done.former.as_deref().unwrap_or("a log without an origin"),
        done.origin
    ))?;
    Ok(Code::Ok)
}
