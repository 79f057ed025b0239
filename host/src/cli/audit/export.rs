//! `aos-host audit export`: the log's leaves, byte for byte; or with what proves them.

use std::path::Path;

use super::args::{ExportArgs, Form};
use super::{bundle, tiles};
use crate::cli::failure::{Code, Failure, unreadable};
use crate::cli::follow::span;
use crate::cli::out::{Out, note};
use crate::cli::written::Written;
use crate::host::Dirs;
use crate::journal::Reader;
use crate::kernel::call::RunId;
use crate::kernel::entry::Entry;

/// The end of a file's name that asks for the form that proves itself.
const EXTENSION: &str = "aos";

/// Writes all entries, or a run's.
///
/// # Errors
/// When there is no such run, the log cannot be read, or the file cannot be written.
pub fn export(dirs: &Dirs, args: &ExportArgs, out: &mut Out) -> Result<Code, Failure> {
    let named = args.output.as_deref().and_then(Path::extension).is_some_and(|end| end == EXTENSION);
    let form = args.form.unwrap_or(if named { Form::Aos } else { Form::Jsonl });
    if args.bodies && form != Form::Aos {
        return Err(Failure::usage("--bodies goes with the form aos alone").help("add --form aos"));
    }
    let reader = Reader::open(&dirs.state)?;
    let _snapshot = reader.snapshot()?;
    let count = match (form, &args.output) {
        (Form::Jsonl, path) => {
            let mut written = Written::new(path.as_deref(), out)?;
            let count = lines(&reader, args.run, &mut written)?;
            written.finish()?;
            count
        }
        (Form::Aos, path) => {
            let mut written = Written::new(path.as_deref(), out)?;
            let count = bundle::bundle(&reader, args.run, args.bodies, &mut written)?;
            written.finish()?;
            count
        }
        (Form::Tiles, Some(folder)) if args.run.is_none() => tiles::tiles(&reader, folder)?,
        (Form::Tiles, None) => {
            return Err(Failure::usage("tiles are many files").help("name their folder: -o DIR"));
        }
        (Form::Tiles, Some(_)) => return Err(Failure::usage("tiles are of a whole log, not of one run")),
    };
    if let Some(path) = &args.output {
        note(&format!("{} entries in {}", ledger::grouped(count), path.display()));
    }
    Ok(Code::Ok)
}

/// A newline after each: SHA-256(0x00 ‖ line) is a leaf of the tree (RFC 6962).
fn lines(reader: &Reader, run: Option<RunId>, to: &mut Written<'_>) -> Result<u64, Failure> {
    let (from, last) = match run {
        Some(_) => span(reader, run).map(|span| (span.first, span.last))?,
        None => (1, reader.head()?.0),
    };
    let mut count = 0_u64;
    reader.lines(from, last, |seq, line| {
        // Entries of other runs may lie between two of this one.
        if run.is_some() && Some(Entry::parse(line).map_err(|error| unreadable(seq, &error))?.run) != run {
            return Ok(());
        }
        count += 1;
        to.bytes(line)?;
        to.bytes(b"\n")
    })?;
    Ok(count)
}
