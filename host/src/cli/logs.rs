//! `aos-host logs`: the lines that a run's agents logged.

use std::collections::BTreeMap;

use serde::Serialize;

use super::args::About;
use super::failure::{Code, Failure};
use super::follow::{entries, log_line, logged, span};
use super::out::Out;
use super::view::time::rfc3339;
use crate::host::Dirs;
use crate::journal::Reader;
use crate::kernel::call::{Key, Level, Pid, RunId};
use crate::kernel::entry::Event;

/// A line of `logs --json`. Bytes that are no text are replaced by U+FFFD; the entry commits to the true ones.
#[derive(Serialize)]
struct Logged<'a> {
    run: RunId,
    pid: Pid,
    process: &'a str,
    entry: u64,
    time: u64,
    level: Level,
    text: Option<String>,
}

/// Shows a run's log lines with their times.
///
/// # Errors
/// When there is no such run, or the log cannot be read.
pub fn logs(dirs: &Dirs, about: &About, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let span = span(&reader, about.run)?;
    let mut names: BTreeMap<Pid, String> = BTreeMap::new();
    entries(&reader, span.run, (span.first, span.last), |entry, _| {
        if let Event::Start(birth) = &entry.event {
            names.insert(entry.pid, birth.name.clone());
        }
        let Some(level) = logged(&entry.event).filter(|_| !out.closed()) else { return Ok(()) };
        let name = names.get(&entry.pid).map_or("", String::as_str);
        // A pruned line was there all the same.
        let text = reader.body(entry.seq)?.map(|body| body.data);
        if about.format.json {
            let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
            let (pid, time) = (entry.pid, entry.t);
            return out.json(
                "log",
                &Logged { run: span.run, pid, process: name, entry: entry.seq, time, level, text },
            );
        }
        let key = Key { run: span.run, pid: entry.pid };
        let text = text.unwrap_or_else(|| b"(pruned)".to_vec());
        out.line(&format!("{} {}", rfc3339(entry.t), log_line(key, name, level, &text)))
    })?;
    Ok(Code::Ok)
}
