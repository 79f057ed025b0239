//! `aos-host report`: a run as one file that opens offline in a browser.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::args::ReportArgs;
use super::failure::{Code, Failure};
use super::follow::{span, whole};
use super::out::{Out, note};
use super::view::html::{Head, page};
use crate::host::Dirs;
use crate::journal::Reader;

/// Writes the report to a file, or to standard output when the file is `-`.
///
/// # Errors
/// When there is no such run, the log cannot be read or does not follow, or the file cannot be written.
pub fn report(dirs: &Dirs, args: &ReportArgs, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let span = span(&reader, args.run)?;
    let (size, root) = reader.head()?;
    let sealed = reader.store().newest_checkpoint()?;
    let signed = sealed.map(|sealed| String::from_utf8_lossy(&sealed.note).trim_end().to_owned());
    let mut fold = whole(&reader, span)?;
    fold.settled();
    let page = page(fold.view(), fold.grant(), &Head { size, root, note: signed });
    if args.output.as_os_str() == "-" {
        out.bytes(page.as_bytes())?;
        return Ok(Code::Ok);
    }
    write(&args.output, page.as_bytes()).map_err(|error| Failure::file("write", &args.output, &error))?;
    note(&format!("r{} in {}", span.run, args.output.display()));
    Ok(Code::Ok)
}

fn write(path: &Path, page: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(page)?;
    file.sync_all()
}
