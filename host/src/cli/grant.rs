//! `aos-host grant`: evidence for grants. `suggest` and `try` read the entries of a past run and ask the kernel's own decision;
//! standing grants are [`standing`]'s.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use authority::{Grant, GrantFile, MANIFEST_LIMIT, Verb};
use ledger::grouped;
use serde::Serialize;

use super::args::{About, GrantVerb, TryArgs};
use super::failure::{Code, Failure};
use super::follow::{entries, span};
use super::out::{Out, drawn, note};
use super::standing;
use super::view::amount::times;
use super::view::escape::visible;
use super::view::flags;
use super::view::remedy::{explain, subject};
use super::view::report::report;
use crate::host::Dirs;
use crate::journal::Reader;
use crate::journal::reader::Span;
use crate::kernel::call::{Call, Pid};
use crate::kernel::evidence::Evidence;
use crate::kernel::need::need;
use crate::kernel::state::Run;
use crate::kernel::trial::{Made, Trial, Verdict};

/// Kinds of refused calls that are told one by one; further calls are counted.
const KINDS: usize = 1_000;

/// What `suggest --json` answers.
#[derive(Serialize)]
struct Suggested<'a> {
    run: u32,
    flags: &'a [String],
    toml: &'a str,
}

/// Calls of one kind that another grant would have refused, or asked the operator about.
#[derive(Clone, Debug, Serialize)]
struct Refused {
    /// The first one's entry.
    entry: u64,
    pid: Pid,
    process: String,
    verb: &'static str,
    object: String,
    times: u64,
    /// Whether it would only have waited for the operator.
    asks: bool,
    why: String,
    /// The line of the file that would allow it.
    allow: String,
}

/// Calls refused: first those of kinds that are told, then of any.
#[derive(Default)]
struct Found {
    kinds: BTreeMap<(Pid, &'static str, String, bool), Refused>,
    untold: u64,
    calls: u64,
    refused: u64,
    asked: u64,
}

/// Does what was typed after `grant`.
///
/// # Errors
/// When there is no such run, or the log or the file cannot be read.
pub fn grant(dirs: &Dirs, verb: GrantVerb, out: &mut Out) -> Result<Code, Failure> {
    match verb {
        GrantVerb::Add(args) => standing::add(dirs, *args, out),
        GrantVerb::List(format) => standing::list(dirs, format, out),
        GrantVerb::Show { name, format } => standing::show(dirs, &name, format, out),
        GrantVerb::Revoke { name, now } => standing::revoke(dirs, &name, now, out),
        GrantVerb::Suggest(about) => suggest(dirs, &about, out),
        GrantVerb::Try(args) => attempt(dirs, &args, out),
    }
}

/// Prints the least grant that a run needed: as flags of `run`, and as a file for `grant try`.
fn suggest(dirs: &Dirs, about: &About, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let span = span(&reader, about.run)?;
    let mut evidence = Evidence::new(span.run);
    let mut granted = None;
    entries(&reader, span.run, (span.first, span.last), |entry, grant| {
        if let Some(bytes) = &grant {
            granted = Grant::decode(bytes).ok();
        }
        evidence.take(&entry, grant.as_ref())?;
        Ok(())
    })?;
    let (Some(granted), Some(least)) = (granted, evidence.least()) else { return Err(pruned(span)) };
    let flags = flags::of(&least, &granted);
    let toml = GrantFile::of(&least).text();
    if about.format.json {
        out.json("grant", &Suggested { run: span.run, flags: &flags, toml: &toml })?;
        return Ok(Code::Ok);
    }
    let package = visible(&granted.package);
    out.line(&format!(
        "# The least grant of r{} {package}, from #{} to #{}. As flags of `run`:",
        span.run, span.first, span.last
    ))?;
    out.line(&format!("#   {}", if flags.is_empty() { "none".to_owned() } else { flags.join(" ") }))?;
    out.bytes(toml.as_bytes())?;
    Ok(Code::Ok)
}

/// The grant's bytes are not there: nothing can be decided.
fn pruned(span: Span) -> Failure {
    Failure::usage(format!("the grant of r{} is not stored any more", span.run))
}

/// Decides a past run's calls under another grant.
fn attempt(dirs: &Dirs, args: &TryArgs, out: &mut Out) -> Result<Code, Failure> {
    let file = read(&args.file)?;
    let reader = Reader::open(&dirs.state)?;
    let span = span(&reader, args.about.run)?;
    let mut trial: Option<Trial> = None;
    let mut found = Found::default();
    entries(&reader, span.run, (span.first, span.last), |entry, grant| {
        if let Some(bytes) = &grant {
            let granted = Grant::decode(bytes).map_err(|error| Failure::new(Code::State, error))?;
            trial = Some(Trial::new(span.run, Some(file.over(&granted))));
        }
        let trial = trial.as_mut().ok_or_else(|| pruned(span))?;
        if let Some(made) = trial.made(&entry) {
            let verdict = trial.verdict(&made);
            found.note(trial, &made, verdict);
        }
        trial.take(&entry, grant.as_ref())?;
        Ok(())
    })?;
    let never = trial.map_or(0, |trial| trial.never());
    let mut told: Vec<&Refused> = found.kinds.values().collect();
    told.sort_by_key(|refused| refused.entry);
    if args.about.format.json {
        told.iter().try_for_each(|refused| out.json("refusal", refused))?;
    } else {
        told.iter().flat_map(|refused| refused.lines(span.run)).try_for_each(|line| out.line(&line))?;
    }
    summary(&found, never, span).iter().for_each(|line| note(line));
    Ok(if found.refused == 0 { Code::Ok } else { Code::NotAuthorised })
}

fn summary(found: &Found, never: usize, span: Span) -> Vec<String> {
    let mut lines = Vec::new();
    if found.untold > 0 {
        lines.push(format!("and {} calls of further kinds", grouped(found.untold)));
    }
    if never > 0 {
        lines.push(format!(
            "{} processes would not have been started; their calls are not decided",
            grouped(never as u64)
        ));
    }
    let asked = if found.asked > 0 { format!(", {} asked for", grouped(found.asked)) } else { String::new() };
    lines.push(format!(
        "r{}: {} of {} calls would have been refused{asked}",
        span.run,
        grouped(found.refused),
        grouped(found.calls)
    ));
    lines
}

impl Found {
    fn note(&mut self, trial: &Trial, made: &Made<'_>, verdict: Verdict) {
        self.calls += 1;
        let asks = match verdict {
            Verdict::Made => return,
            Verdict::Asked => true,
            Verdict::Refused => false,
        };
        *(if asks { &mut self.asked } else { &mut self.refused }) += 1;
        let key = (made.key.pid, made.call.verb(), subject(made.call), asks);
        if let Some(there) = self.kinds.get_mut(&key) {
            there.times += 1;
        } else if self.kinds.len() >= KINDS {
            self.untold += 1;
        } else if let Some(refused) = trial.run(made.key.run).and_then(|run| Refused::new(run, made, asks)) {
            self.kinds.insert(key, refused);
        }
    }
}

impl Refused {
    fn new(run: &Run, made: &Made<'_>, asks: bool) -> Option<Refused> {
        let me = run.proc(made.key.pid)?;
        let why = match made.call {
            _ if asks => "it would wait for the operator".to_owned(),
            Call::Models => "it would not be told of all models that it was told of".to_owned(),
            call => explain(call, run, me, (&me.member, &[])).0,
        };
        Some(Refused {
            entry: made.entry.seq,
            pid: me.pid,
            process: me.name.clone(),
            verb: made.call.verb(),
            object: subject(made.call),
            times: 1,
            asks,
            why,
            allow: line(made.call, run, &me.member),
        })
    }

    fn lines(&self, run: u32) -> Vec<String> {
        let what = if self.asks { "would ask" } else { "would refuse" };
        let name = visible(&self.process);
        let repeated = if self.times > 1 { format!(" {}", times(self.times)) } else { String::new() };
        let call = format!("{} {}", self.verb, self.object);
        vec![
            format!(
                "{what} r{run}/{} {name} {} (#{}): {}{repeated}",
                self.pid,
                call.trim_end(),
                self.entry,
                self.why
            ),
            format!("  allow: {}", self.allow),
        ]
    }
}

/// The line of the file that would allow a call.
fn line(call: &Call, run: &Run, member: &str) -> String {
    let (verb, object) = need(call).unwrap_or((Verb::Infer, "*"));
    let kind = match call {
        Call::Get { digest } => digest.parse().ok().and_then(|digest| run.by_digest.get(&digest)),
        _ => None,
    };
    let object = kind.map_or(object, |at| &run.artifacts[*at].artifact.kind);
    let right = format!("{verb} = [{}]", serde_json::Value::from(visible(object)));
    match member {
        "" => format!("[needs] {right}"),
        member => format!("[children.{member}.needs] {right}, and its parent's [needs.delegate] {right}"),
    }
}

/// Reads a file with rights; a plain one of a bounded size.
fn read(path: &Path) -> Result<GrantFile, Failure> {
    let mut text = String::new();
    let opened = std::fs::File::open(path).and_then(|file| match file.metadata()?.is_file() {
        true => file.take(MANIFEST_LIMIT as u64 + 1).read_to_string(&mut text),
        false => Err(std::io::Error::other("it is not a file")),
    });
    opened.map_err(|error| Failure::file("read", path, &error))?;
    GrantFile::parse(&text, &path.to_string_lossy())
        .map_err(|error| Failure::laid_out(Code::Usage, report(&error, &text, drawn())))
}
