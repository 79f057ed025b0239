//! `aos-host audit tail`: the log's newest entries, one a line, and further ones as they come.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::cli::args::Format;
use crate::cli::failure::{Code, Failure, unreadable};
use crate::cli::out::Out;
use crate::cli::view::entry::said;
use crate::cli::view::escape::visible;
use crate::cli::view::time::rfc3339;
use crate::host::Dirs;
use crate::journal::Reader;
use crate::kernel::call::{Key, Pid, RunId};
use crate::kernel::entry::{Entry, Event};

/// How often the log is looked at for further entries.
const GLANCE: Duration = Duration::from_millis(100);
/// Names of processes that are remembered; then it begins anew.
const NAMES: usize = 10_000;

/// Arguments of `audit tail`.
#[derive(Debug, Args)]
pub struct TailArgs {
    /// How many entries it begins with
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    pub entries: u64,
    /// Show further entries as they come, until it is interrupted
    #[arg(long, short)]
    pub follow: bool,
    /// How it is written
    #[command(flatten)]
    pub format: Format,
}

/// A line of `audit tail --json`.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    time: u64,
    run: RunId,
    pid: Pid,
    process: &'a str,
    said: String,
}

/// Shows entries that are on disk.
///
/// # Errors
/// When there is no log, or it cannot be read.
pub fn tail(dirs: &Dirs, args: &TailArgs, out: &mut Out) -> Result<Code, Failure> {
    let mut lines =
        Lines { reader: Reader::open(&dirs.state)?, json: args.format.json, names: BTreeMap::new() };
    let (mut size, _) = lines.reader.head()?;
    let mut next = size.saturating_sub(args.entries) + 1;
    loop {
        if next <= size {
            lines.show(next, size, out)?;
            out.finish()?;
            next = size + 1;
        }
        if !args.follow || out.closed() {
            return Ok(Code::Ok);
        }
        std::thread::sleep(GLANCE);
        size = lines.reader.head()?.0;
    }
}

struct Lines {
    reader: Reader,
    json: bool,
    /// Of the processes that started meanwhile: to know all would take the whole log.
    names: BTreeMap<Key, String>,
}

impl Lines {
    fn show(&mut self, from: u64, to: u64, out: &mut Out) -> Result<(), Failure> {
        let Lines { reader, json, names } = self;
        reader.lines(from, to, |seq, line| {
            let entry = Entry::parse(line).map_err(|error| unreadable(seq, &error))?;
            let key = Key { run: entry.run, pid: entry.pid };
            if let Event::Start(birth) = &entry.event {
                if names.len() >= NAMES {
                    names.clear();
                }
                names.insert(key, birth.name.clone());
            }
            let process = names.get(&key).map_or("", String::as_str);
            if *json {
                let Entry { seq, t: time, run, pid, .. } = entry;
                return out.json("entry", &Line { seq, time, run, pid, process, said: said(&entry) });
            }
            let who = format!("{key} {}", visible(process));
            out.line(&format!("{} #{seq} {} {}", rfc3339(entry.t), who.trim_end(), said(&entry)))
        })
    }
}
