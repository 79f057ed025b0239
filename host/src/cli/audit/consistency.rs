//! `aos-host audit consistency`: that the log still begins with what it was.

use std::path::Path;

use audit::{Submission, proof};

use super::args::ConsistencyArgs;
use super::checkpoint::newest;
use super::trust::kept;
use crate::cli::failure::{Code, Failure};
use crate::cli::out::{Out, note};
use crate::cli::written::Written;
use crate::host::Dirs;
use crate::journal::Reader;

/// Proves that the newest checkpoint continues an old one, checks that, and writes the proof where that is asked for, as a
/// witness takes it (C2SP tlog-witness).
///
/// # Errors
/// When there is no such checkpoint, or the log does not continue it.
pub fn consistency(dirs: &Dirs, args: &ConsistencyArgs, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let _snapshot = reader.snapshot()?;
    let (signed, new) = newest(&reader)?;
    let store = reader.store();
    let wrong = |what: String| Failure::new(Code::NotVerified, format!("{}: {what}", args.old));
    let (size, root) = match args.old.parse::<u64>() {
        Ok(size) if size <= new.size => (size, store.root_at(size)?),
        Ok(size) => {
            return Err(wrong(format!("#{size} is not in the newest checkpoint, of #1–{}", new.size)));
        }
        Err(_) => {
            let old = kept(Path::new(&args.old))?;
            let (_, old) = old.read(&new.origin).map_err(|error| wrong(error.to_string()))?;
            (old.size, old.root)
        }
    };
    let error = |error: proof::ProofError| match size > new.size {
        true => wrong(format!("the log was rolled back: its newest checkpoint is of #1–{}", new.size)),
        false => wrong(format!("the log was forked: {error}")),
    };
    let hashes = proof::consistency(store, size, new.size)?.map_err(error)?;
    proof::verify_consistency((size, &root), (new.size, &new.root), &hashes).map_err(error)?;
    out.line(&format!("consistent · #1–{size} is what #1–{} begins with", new.size))?;
    if let Some(path) = &args.output {
        let submission = Submission { old: size, hashes, note: signed };
        let mut written = Written::new(Some(path), out)?;
        written.bytes(submission.to_string().as_bytes())?;
        written.finish()?;
        note(&format!("the proof is in {}", path.display()));
    }
    Ok(Code::Ok)
}
