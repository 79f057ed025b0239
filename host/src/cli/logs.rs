//! `aos-host logs`: the lines that a run's agents logged.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::args::LogsArgs;
use super::failure::{Code, Failure};
use super::follow::{entries, log_line, logged, span};
use super::out::Out;
use super::view::time::rfc3339;
use crate::host::Dirs;
use crate::host::control::client::{Owner, Unanswered};
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

/// How often the log is looked at for further lines.
const GLANCE: Duration = Duration::from_millis(20);
/// How many looks in vain are made before the host is looked for.
const LOOKS: u32 = 50;

/// Shows a run's log lines with their times; with `-f` also those that are still to come.
///
/// # Errors
/// When there is no such run, or the log cannot be read; when a run is followed, and its host has gone before its end.
pub fn logs(dirs: &Dirs, args: &LogsArgs, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let mut span = span(&reader, args.about.run)?;
    let mut lines =
        Lines { reader, run: span.run, json: args.about.format.json, names: BTreeMap::new(), ended: false };
    let mut next = span.first;
    let mut vain = 0;
    loop {
        lines.show((next, span.last), out)?;
        next = span.last + 1;
        if !args.follow || lines.ended || out.closed() {
            return Ok(Code::Ok);
        }
        out.finish()?;
        // Asked before the log is read again, so that nothing of a host that has gone is missed.
        let gone =
            vain > 0 && vain % LOOKS == 0 && matches!(Owner::find(&dirs.state), Err(Unanswered::Nobody));
        span = lines.reader.span(Some(lines.run))?.unwrap_or(span);
        if span.last >= next {
            vain = 0;
            continue;
        }
        if gone {
            let message = format!("no host is running, and r{} has not ended", lines.run);
            return Err(Failure::new(Code::State, message));
        }
        vain = vain.wrapping_add(1);
        std::thread::sleep(GLANCE);
    }
}

/// A run's log lines, as they are read.
struct Lines {
    reader: Reader,
    run: RunId,
    json: bool,
    names: BTreeMap<Pid, String>,
    ended: bool,
}

impl Lines {
    fn show(&mut self, part: (u64, u64), out: &mut Out) -> Result<(), Failure> {
        let Lines { reader, run, json, names, ended } = self;
        if part.0 > part.1 {
            return Ok(());
        }
        entries(reader, *run, part, |entry, _| {
            match &entry.event {
                Event::Start(birth) => drop(names.insert(entry.pid, birth.name.clone())),
                Event::End => *ended = true,
                _ => {}
            }
            let Some(level) = logged(&entry.event).filter(|_| !out.closed()) else { return Ok(()) };
            let name = names.get(&entry.pid).map_or("", String::as_str);
            // A pruned line was there all the same.
            let text = reader.body(entry.seq)?.map(|body| body.data);
            if *json {
                let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
                let (pid, time) = (entry.pid, entry.t);
                return out.json(
                    "log",
                    &Logged { run: *run, pid, process: name, entry: entry.seq, time, level, text },
                );
            }
            let key = Key { run: *run, pid: entry.pid };
            let text = text.unwrap_or_else(|| b"(pruned)".to_vec());
            out.line(&format!("{} {}", rfc3339(entry.t), log_line(key, name, level, &text)))
        })
    }
}
