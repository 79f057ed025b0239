//! `aos-host audit prove`: that one entry is in the log, in a file that needs nothing else.

use audit::{ProofFile, leaf_hash, proof};

use super::args::ProveArgs;
use super::checkpoint::proving;
use crate::cli::failure::{Code, Failure};
use crate::cli::out::{Out, note};
use crate::cli::written::Written;
use crate::host::Dirs;
use crate::journal::{Reader, StoreError};

/// Writes a proof (C2SP tlog-proof). Its extra data is the entry's line, whose leaf hash is proved.
///
/// # Errors
/// When the entry is in no checkpoint, or the log is damaged there.
pub fn prove(dirs: &Dirs, args: &ProveArgs, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let _snapshot = reader.snapshot()?;
    let (signed, checkpoint) = proving(&reader, args.entry)?;
    let (seq, size) = (args.entry, checkpoint.size);
    if seq > size {
        let all = reader.head()?.0;
        return Err(match seq > all {
            true => Failure::usage(format!("there is no #{seq}; the log ends at #{all}")),
            false => Failure::usage(format!("#{seq} is in no checkpoint yet; the newest is of #1–{size}"))
                .help("a host makes one at the end of a run, and every ten seconds while something happens"),
        });
    }
    let mut line = Vec::new();
    reader.lines(seq, seq, |_, entry| {
        line = entry.to_vec();
        Ok::<(), StoreError>(())
    })?;
    let damaged = |error: proof::ProofError| {
        let what = format!("#{seq} cannot be proved: {error}");
        Failure::new(Code::NotVerified, what).help("see aos-host audit verify")
    };
    let index = seq - 1;
    let hashes = proof::inclusion(reader.store(), index, size)?.map_err(damaged)?;
    // What is handed out holds.
    proof::verify_inclusion(&leaf_hash(&line), index, size, &hashes, &checkpoint.root).map_err(damaged)?;
    let file = ProofFile { extra: Some(line), index, hashes, note: signed };
    let mut written = Written::new(args.output.as_deref(), out)?;
    written.bytes(file.to_string().as_bytes())?;
    if let Some(path) = written.finish()? {
        note(&format!("proof of #{seq} in {}", path.display()));
    }
    Ok(Code::Ok)
}
