//! `aos-host audit export`: the log's leaves, byte for byte.

use std::fs::File;
use std::io::{BufWriter, Write};

use super::args::ExportArgs;
use super::failure::{Code, Failure, unreadable};
use super::follow::span;
use super::out::{Out, note};
use crate::host::Dirs;
use crate::journal::Reader;
use crate::kernel::entry::Entry;

/// Writes all entries, or a run's, a newline after each: SHA-256(0x00 ‖ line) is a leaf of the tree (RFC 6962).
///
/// # Errors
/// When there is no such run, the log cannot be read, or the file cannot be written.
pub fn export(dirs: &Dirs, args: &ExportArgs, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let (from, to) = match args.run {
        Some(_) => span(&reader, args.run).map(|span| (span.first, span.last))?,
        None => (1, reader.head()?.0),
    };
    let path = args.output.as_deref();
    let cannot = |error: &std::io::Error| Failure::file("write", path.unwrap_or("-".as_ref()), error);
    let mut file = path.map(File::create).transpose().map_err(|error| cannot(&error))?.map(BufWriter::new);
    let mut written = 0_u64;
    reader.lines(from, to, |seq, line| {
        // Entries of other runs may lie between two of this one.
        if args.run.is_some()
            && Some(Entry::parse(line).map_err(|error| unreadable(seq, &error))?.run) != args.run
        {
            return Ok(());
        }
        written += 1;
        match &mut file {
            Some(file) => {
                file.write_all(line).and_then(|()| file.write_all(b"\n")).map_err(|error| cannot(&error))
            }
            None => out.bytes(line).and_then(|()| out.bytes(b"\n")),
        }
    })?;
    if let (Some(mut file), Some(path)) = (file, path) {
        file.flush().and_then(|()| file.get_ref().sync_all()).map_err(|error| cannot(&error))?;
        note(&format!("{} entries in {}", ledger::grouped(written), path.display()));
    }
    Ok(Code::Ok)
}
