//! `aos-host audit checkpoint`: what is to be kept, to see later that nothing was taken back.

use audit::{Checkpoint, Note};

use super::args::OutputArgs;
use crate::cli::failure::{Code, Failure};
use crate::cli::out::{Out, note};
use crate::cli::written::Written;
use crate::host::Dirs;
use crate::journal::{Reader, Sealed};

/// Writes the newest checkpoint, a signed note (C2SP tlog-checkpoint).
///
/// # Errors
/// When there is none, or the file cannot be written.
pub fn checkpoint(dirs: &Dirs, args: &OutputArgs, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let (signed, checkpoint) = newest(&reader)?;
    let mut written = Written::new(args.output.as_deref(), out)?;
    written.bytes(signed.to_string().as_bytes())?;
    if let Some(path) = written.finish()? {
        note(&format!("checkpoint of #1–{} in {}", checkpoint.size, path.display()));
    }
    Ok(Code::Ok)
}

/// The newest checkpoint of a log. Its root is compared with the tree, its signature is not checked.
///
/// # Errors
/// When there is none, or it is not one of this log.
pub fn newest(reader: &Reader) -> Result<(Note, Checkpoint), Failure> {
    match reader.store().newest_checkpoint()? {
        Some(sealed) => opened(reader, &sealed),
        None => Err(Failure::usage("there is no checkpoint yet")
            .help("a host makes one at the end of a run, and every ten seconds while something happens")),
    }
}

/// The checkpoint that proves entries up to `seq` to others: the newest one that a witness saw, where that is of them, else the
/// newest of all, which may end before.
///
/// # Errors
/// As [`newest`].
pub fn proving(reader: &Reader, seq: u64) -> Result<(Note, Checkpoint), Failure> {
    match reader.store().witnessed_checkpoint(seq)? {
        Some(sealed) => opened(reader, &sealed),
        None => newest(reader),
    }
}

fn opened(reader: &Reader, sealed: &Sealed) -> Result<(Note, Checkpoint), Failure> {
    let store = reader.store();
    let wrong = |what: String| {
        Failure::new(Code::NotVerified, format!("the checkpoint of #1–{}: {what}", sealed.size))
    };
    let opened =
        sealed.read(&store.origin()?.unwrap_or_default()).map_err(|error| wrong(error.to_string()))?;
    if store.root_at(sealed.size)? != opened.1.root {
        return Err(wrong("the entries do not give its root".into()).help("see aos-host audit verify"));
    }
    Ok(opened)
}
