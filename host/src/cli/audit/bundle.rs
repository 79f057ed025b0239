//! An export that proves itself: entries, the hashes beside them, and a checkpoint (see the crate `audit`, `export`).

use audit::export::{end, entry, head};
use audit::leaf_hash;
use audit::range::{RangeRoot, surroundings};

use super::checkpoint::proving;
use crate::cli::failure::{Code, Failure, unreadable};
use crate::cli::follow::span;
use crate::cli::out::note;
use crate::cli::written::Written;
use crate::journal::Reader;
use crate::kernel::call::RunId;
use crate::kernel::entry::Entry;

/// Writes the entries of a run, or all of them, as far as there is a checkpoint; answers how many. Of other runs' entries
/// between it writes the hashes.
///
/// # Errors
/// When there is no checkpoint of it, the log is damaged there, or it cannot be written.
pub fn bundle(
    reader: &Reader,
    run: Option<RunId>,
    bodies: bool,
    to: &mut Written<'_>,
) -> Result<u64, Failure> {
    let (from, all) = match run {
        Some(_) => span(reader, run).map(|span| (span.first, span.last))?,
        None => (1, reader.head()?.0),
    };
    let (signed, checkpoint) = proving(reader, all)?;
    let size = checkpoint.size;
    let last = all.min(size);
    if from > last {
        return Err(Failure::usage(format!("#{from} is in no checkpoint yet; the newest is of #1–{size}"))
            .help("a host makes one at the end of a run, and every ten seconds while something happens"));
    }
    if last < all {
        note(&format!("note: #{} to #{all} are in no checkpoint yet, and left out", last + 1));
    }
    let damaged = |what: &dyn std::fmt::Display| {
        let what = format!("#{from} to #{last} cannot be proved: {what}");
        Failure::new(Code::NotVerified, what).help("see aos-host audit verify")
    };
    let inside = from - 1..last;
    let beside = surroundings(reader.store(), &inside, size)?.map_err(|error| damaged(&error))?;
    let mut root = RangeRoot::new(inside, size, &beside).map_err(|error| damaged(&error))?;
    to.bytes(head((from, last), &beside, &signed).as_bytes())?;
    let mut count = 0;
    reader.lines(from, last, |seq, line| {
        let leaf = leaf_hash(line);
        root.push(leaf);
        let read = Entry::parse(line).map_err(|error| unreadable(seq, &error))?;
        if run.is_some_and(|run| run != read.run) {
            return to.bytes(entry(&leaf, None, None).as_bytes());
        }
        let text = std::str::from_utf8(line).map_err(|error| damaged(&error))?;
        let body = if bodies { reader.body(seq)? } else { None };
        let body = body.as_ref().map(|body| (body.salt.as_deref(), &body.data[..]));
        count += 1;
        to.bytes(entry(&leaf, Some(text), body).as_bytes())
    })?;
    // What is handed out holds.
    match root.finish() {
        Ok(root) if root == checkpoint.root => to.bytes(end().as_bytes())?,
        Ok(_) => return Err(damaged(&"the entries do not give the root of the checkpoint")),
        Err(error) => return Err(damaged(&error)),
    }
    Ok(count)
}
