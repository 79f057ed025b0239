//! `caps.toml` in the configuration directory: what all runs of a state directory's host together may spend, and what they spent
//! already by its log.
//!
//! ```toml
//! [caps]
//! tokens-out = "1M/h"
//! micro-usd = "$5.00/d"
//! ```

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use authority::Grant;
use authority::signed::day;
use ledger::{Amounts, Meter, parse_rate};
use serde::Deserialize;
use toml::Spanned;

use super::error::{HostError, Kind};
use crate::infer::file::{self, FileError, Text};
use crate::journal::Reader;
use crate::journal::reader::Span;
use crate::kernel::Halt;
use crate::kernel::caps::{Cap, Caps};
use crate::kernel::entry::{Entry, Event};

/// The file's name.
pub const FILE: &str = "caps.toml";
/// The file: bytes.
const FILE_BYTES: u64 = 64 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    caps: BTreeMap<String, Spanned<String>>,
}

/// The caps of a configuration directory; none where there is no file.
///
/// # Errors
/// When the file is wrong.
pub fn load(config: &Path) -> Result<Caps, HostError> {
    let path = config.join(FILE);
    let text = match file::read("caps", &path, FILE_BYTES) {
        Ok(text) => text,
        Err(FileError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return Ok(Caps::default());
        }
        Err(error) => return Err(error.into()),
    };
    let name = path.to_string_lossy();
    let text = Text { what: "caps", name: &name, text: &text };
    let raw: Raw = text.parse(FILE_BYTES)?;
    let mut caps = BTreeMap::new();
    for (meter, rate) in &raw.caps {
        let wrong = |message: &str| HostError::from(text.wrong(Some(rate.span()), message));
        let meter: Meter = meter.parse().map_err(|error: ledger::MeterError| wrong(&error.to_string()))?;
        match parse_rate(meter, rate.get_ref()).map_err(|error| wrong(&error.to_string()))? {
            (amount, Some(period)) => caps.insert(meter, Cap { amount, period }),
            (_, None) => return Err(wrong("a cap has a period: \"1M/h\"")),
        };
    }
    Ok(Caps::new(caps))
}

/// Notes what runs took of the caps before this host began: those that ended in the windows that go on, with what they used, and
/// those that have not ended, with their whole budgets.
///
/// # Errors
/// When the log cannot be read.
pub(super) fn from_log(mut caps: Caps, log: &Reader, now: u64) -> Result<Caps, HostError> {
    if caps.is_empty() {
        return Ok(caps);
    }
    let since = caps.since(now);
    for span in log.spans()?.into_iter().rev() {
        let (mut ended, mut used) = (None, None);
        // The bill and the end are written together; what may come after the end is not of the run.
        log.lines(span.last.saturating_sub(1), span.last, |seq, line| {
            let entry = Entry::parse(line).map_err(|source| HostError::Entry { seq, source })?;
            if entry.run == span.run {
                match entry.event {
                    Event::Bill { used: of } => used = Some(of),
                    Event::End | Event::Overlay { .. } | Event::Erase(_) => ended = Some(entry.t),
                    _ => {}
                }
            }
            Ok::<_, HostError>(())
        })?;
        match (ended, used) {
            (Some(at), _) if at < since => {}
            // Ended without a bill, by a host without caps: as though it had used all.
            (Some(at), used) => {
                let used = used.map_or_else(|| budget(log, span), Ok)?;
                caps.note(span.run, used, Some(at));
            }
            (None, _) => caps.note(span.run, budget(log, span)?, None),
        }
    }
    Ok(caps)
}

/// A refusal, with what would fit and when there is more.
pub(super) fn told(halt: Halt) -> HostError {
    let Halt::Over(over) = halt else { return halt.into() };
    let (meter, left, at) = (over.meter, over.left, day::written(over.until));
    let fits = if left > 0 { format!("--budget {meter}={left} fits; ") } else { String::new() };
    let help = format!("{fits}the window ends at {at}; aos-host ps shows the caps of {FILE}");
    HostError::Told { kind: Kind::NotAuthorised, message: over.to_string(), help: Some(help) }
}

/// What a run was granted.
fn budget(log: &Reader, span: Span) -> Result<Amounts, HostError> {
    let grant = log.body(span.first)?.and_then(|body| Grant::decode(&body.data).ok());
    Ok(grant.map_or_else(Amounts::unlimited, |grant| grant.root.budget))
}
