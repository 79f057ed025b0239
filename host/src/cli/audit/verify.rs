//! `aos-host audit verify`: what is to be checked, and by whose keys.

use super::args::{VerifyArgs, What};
use super::trust::Trust;
use super::{file, part, state};
use crate::cli::failure::{Code, Failure};
use crate::cli::out::Out;
use crate::host::Dirs;

/// Checks a log, a part of it, or a file. What does not verify is told by the code, after what is wrong was shown.
///
/// # Errors
/// When what is to be checked cannot be read, or a key is none.
pub fn verify(dirs: &Dirs, args: &VerifyArgs, out: &mut Out) -> Result<Code, Failure> {
    let trust = Trust::new(&args.trust)?;
    let verdict = match &args.what {
        None => state::whole(dirs, trust, args.checkpoint.as_ref())?,
        Some(What::File(path)) => file::file(path, &trust, args.checkpoint.as_ref())?,
        Some(What::Run(run)) => part::run(dirs, trust, args.checkpoint.as_ref(), *run)?,
        Some(What::Range(from, to)) => part::range(dirs, trust, args.checkpoint.as_ref(), (*from, *to))?,
    };
    verdict.show(args.format.json, out)
}
