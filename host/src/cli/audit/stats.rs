//! `aos-host audit stats`: how much there is in the log, of what, and what it takes on disk.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use ledger::grouped;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::cli::args::Format;
use crate::cli::failure::{Code, Failure};
use crate::cli::out::Out;
use crate::cli::view::entry::bytes;
use crate::cli::view::table::Table;
use crate::host::Dirs;
use crate::journal::Reader;
use crate::journal::reader::Span;
use crate::kernel::call::RunId;

/// What "lately" is: milliseconds.
const HOUR_MS: u64 = 3_600_000;
/// Runs that are listed, the newest ones.
const RUNS: usize = 20;

/// What `audit stats --json` answers.
#[derive(Debug, Default, Serialize)]
struct Stats {
    entries: u64,
    /// Of their lines, with the newlines.
    bytes: u64,
    bodies: u64,
    body_bytes: u64,
    /// Entries by what they are.
    kinds: BTreeMap<String, u64>,
    runs: u64,
    /// Entries whose kernel time is in the last hour.
    last_hour: u64,
    /// All files of the state directory.
    disk_bytes: u64,
    /// The newest runs, oldest first.
    newest: Vec<OfRun>,
}

#[derive(Debug, Serialize)]
struct OfRun {
    run: RunId,
    first: u64,
    last: u64,
    entries: u64,
}

/// What is read of an entry.
#[derive(Deserialize)]
struct Glance {
    t: u64,
    event: Kind,
}

/// The name of an event: its text, or its only key.
struct Kind(String);

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Kind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_str<E>(self, text: &str) -> Result<Kind, E> {
                Ok(Kind(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
                let name = map.next_entry::<String, IgnoredAny>()?.map(|(name, _)| name);
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Kind(name.unwrap_or_default()))
            }
        }
        deserializer.deserialize_any(Name)
    }
}

/// Counts everything once.
///
/// # Errors
/// When there is no log, or it cannot be read.
pub fn stats(dirs: &Dirs, format: Format, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let hour_ago = u64::try_from(now).unwrap_or(u64::MAX).saturating_sub(HOUR_MS);
    let spans = reader.spans()?;
    let (bodies, body_bytes) = reader.bodies()?;
    let disk = disk(&dirs.state).map_err(|error| Failure::file("read", &dirs.state, &error))?;
    let newest = spans.iter().skip(spans.len().saturating_sub(RUNS)).map(of_run).collect();
    let runs = spans.len() as u64;
    let mut stats = Stats { bodies, body_bytes, runs, disk_bytes: disk, newest, ..Stats::default() };
    reader.lines(1, reader.head()?.0, |seq, line| {
        let glance: Glance = serde_json::from_slice(line)
            .map_err(|error| Failure::new(Code::State, format!("#{seq}: not an entry: {error}")))?;
        stats.entries += 1;
        stats.bytes += line.len() as u64 + 1;
        stats.last_hour += u64::from(glance.t >= hour_ago);
        match stats.kinds.get_mut(&glance.event.0) {
            Some(count) => *count += 1,
            None => drop(stats.kinds.insert(glance.event.0, 1)),
        }
        Ok::<(), Failure>(())
    })?;
    match format.json {
        true => out.json("stats", &stats)?,
        false => stats.lines().iter().try_for_each(|line| out.line(line))?,
    }
    Ok(Code::Ok)
}

fn of_run(span: &Span) -> OfRun {
    OfRun { run: span.run, first: span.first, last: span.last, entries: span.entries }
}

/// Bytes of all files in a directory. One that goes meanwhile is not counted.
fn disk(dir: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let found = match entry.metadata() {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        sum += if found.is_dir() { disk(&entry.path())? } else { found.len() };
    }
    Ok(sum)
}

impl Stats {
    fn lines(&self) -> Vec<String> {
        let mut all = Table::default();
        let mut row = |name: &str, count: String, rest: String| all.row([name.to_owned(), count, rest]);
        row("entries", grouped(self.entries), bytes(self.bytes));
        row("bodies", grouped(self.bodies), bytes(self.body_bytes));
        row("runs", grouped(self.runs), String::new());
        let rate = format!("{}.{:02} a second", self.last_hour / 3_600, self.last_hour % 3_600 / 36);
        row("last hour", grouped(self.last_hour), rate);
        row("disk", String::new(), bytes(self.disk_bytes));
        let mut kinds = Table::default();
        for (kind, count) in &self.kinds {
            kinds.row([kind.clone(), grouped(*count)]);
        }
        let mut runs = Table::default();
        for OfRun { run, first, last, entries } in &self.newest {
            runs.row([format!("r{run}"), grouped(*entries), format!("#{first} to #{last}")]);
        }
        let mut lines: Vec<String> = all.lines().collect();
        lines.push("entries of each kind".to_owned());
        lines.extend(kinds.lines());
        lines.push(match self.runs as usize > self.newest.len() {
            true => format!("the newest {} of {} runs", self.newest.len(), grouped(self.runs)),
            false => "runs".to_owned(),
        });
        lines.extend(runs.lines());
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_known_by_its_name() {
        let kind = |line: &str| serde_json::from_str::<Glance>(line).map(|glance| glance.event.0);
        assert_eq!(kind(r#"{"t":1,"event":"end"}"#).unwrap(), "end");
        assert_eq!(kind(r#"{"t":1,"event":{"call":{"call":{"receive":{}}}},"seq":2}"#).unwrap(), "call");
        assert!(kind(r#"{"t":1}"#).is_err());
    }
}
