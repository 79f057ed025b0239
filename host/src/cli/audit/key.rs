//! `aos-host audit key`: what a log's checkpoints are verified with.

use audit::SignerKey;

use super::args::OutputArgs;
use crate::cli::failure::{Code, Failure};
use crate::cli::out::{Out, note};
use crate::cli::written::Written;
use crate::host::{Dirs, HostKey};
use crate::journal::Reader;

/// Prints the verifier key of the log (C2SP signed-note): its origin, the key's id, and the key.
///
/// # Errors
/// When there is no log, or no key, or the file cannot be written.
pub fn key(dirs: &Dirs, args: &OutputArgs, out: &mut Out) -> Result<Code, Failure> {
    let key = own(dirs, &Reader::open(&dirs.state)?)?;
    let mut written = Written::new(args.output.as_deref(), out)?;
    written.bytes(format!("{}\n", key.public()).as_bytes())?;
    if let Some(path) = written.finish()? {
        note(&format!("key {:08x} in {}", key.public().id(), path.display()));
    }
    Ok(Code::Ok)
}

/// This host's key of a log.
///
/// # Errors
/// When the log was never opened by a host that signs, or the key is not there.
pub fn own(dirs: &Dirs, reader: &Reader) -> Result<SignerKey, Failure> {
    let origin = reader.store().origin()?;
    match (origin, HostKey::read(&dirs.config)?) {
        (Some(origin), Some(key)) => Ok(key.of_log(&origin)?),
        (None, _) => {
            Err(Failure::usage("nothing in this log is signed yet").help("the next run's host signs it"))
        }
        (_, None) => Err(Failure::usage(format!("there is no host.key in {}", dirs.config.display()))
            .help("bring back the one that the log was signed with, or run something: the host makes one")),
    }
}
