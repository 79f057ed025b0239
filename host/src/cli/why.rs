//! `aos-host why`: the chain from the operator to a process, for a right that it has, for one that it lacks, or for a call that it
//! made.

use authority::{Decision, Grant, Pattern, Use, Verb, written_needs};
use bytes::Bytes;
use clap::Args;
use serde::Serialize;

use super::args::Format;
use super::failure::{Code, Failure};
use super::flags;
use super::follow::{entries, span};
use super::out::{Out, note};
use super::view::chain::{self, Asked, Chain, Known};
use super::view::entry::called;
use super::view::escape::visible;
use super::view::remedy::{Remedy, explain};
use crate::host::{Dirs, manifest, standing};
use crate::journal::Reader;
use crate::kernel::answer::{Answer, Error};
use crate::kernel::call::{Call, Key, Pid};
use crate::kernel::entry::{Entry, Event};
use crate::kernel::need::need;
use crate::kernel::state::Run;
use crate::kernel::trial::Trial;

/// Arguments of `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The process
    #[arg(value_name = "RUN[/PID]", value_parser = flags::process)]
    pub process: Key,
    /// A call by its entry, or a right [default: all that reaches outside]
    #[arg(value_name = "#ENTRY|VERB=OBJECT", value_parser = about)]
    pub about: Option<About>,
    /// How it is written
    #[command(flatten)]
    pub format: Format,
}

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A call.
    Entry(u64),
    /// A right; what a guest names may be no object of one.
    Right(Verb, Pattern),
}

/// `#12`, `r1#12` or `VERB=OBJECT`
///
/// # Errors
/// What is wrong with it.
pub fn about(text: &str) -> Result<About, String> {
    match text.split_once('#') {
        Some((_, seq)) => {
            let seq = seq.parse().ok().filter(|seq| *seq > 0);
            seq.map(About::Entry).ok_or_else(|| "a call is written as its entry: #12".to_owned())
        }
        None => flags::allow(text).map(|(verb, object)| About::Right(verb, object)),
    }
}

/// What `why --json` answers.
#[derive(Serialize)]
struct Answered<'a> {
    run: u32,
    pid: Pid,
    process: &'a str,
    verb: &'static str,
    object: &'a str,
    #[serde(flatten)]
    chain: &'a Chain,
    /// What would have allowed it.
    mend: Option<&'a str>,
}

/// A run as of the moment that is asked about.
struct Moment {
    run: Run,
    known: Known,
    /// The call, and how it went.
    call: Option<(Call, Option<Error>)>,
}

/// Tells why. Exit code 3 when it may not.
///
/// # Errors
/// When there is no such process or call, or the log cannot be read.
pub fn why(dirs: &Dirs, args: &WhyArgs, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let moment = moment(dirs, &reader, args)?;
    let Key { run, pid } = args.process;
    if let (Some(About::Entry(seq)), None) = (&args.about, &moment.call) {
        return Err(Failure::usage(format!("#{seq} is no call of r{run}/{pid}"))
            .help(format!("see aos-host audit show {seq}")));
    }
    let me = moment.run.proc(pid).ok_or_else(|| {
        Failure::usage(format!("r{run} has no process /{pid}")).help(format!("see aos-host inspect r{run}"))
    })?;
    let name = me.name.clone();
    let mut questions: Vec<(Verb, String)> = Vec::new();
    match (&args.about, &moment.call) {
        (Some(About::Right(verb, object)), _) => questions.push((*verb, object.as_str().to_owned())),
        (Some(About::Entry(seq)), Some((call, _))) => match need(call) {
            Some((verb, object)) => questions.push((verb, object.to_owned())),
            None => {
                out.line(&format!("#{seq} {}: it needs no right", called(call)))?;
                return Ok(Code::Ok);
            }
        },
        // Told above.
        (Some(About::Entry(_)), None) => {}
        (None, _) => {
            let outside = me.rights.iter().filter(|right| !right.verb.inside() && right.using != Use::No);
            questions.extend(outside.map(|right| (right.verb, right.object.as_str().to_owned())));
            if questions.is_empty() {
                note(&format!("r{run}/{pid} {} holds nothing that reaches outside the run", visible(&name)));
            }
        }
    }
    let mut code = Code::Ok;
    for (at, (verb, object)) in questions.iter().enumerate() {
        let asked = Asked { pid, verb: *verb, object };
        let Some(chain) = chain::chain(&moment.run, &moment.known, asked) else { continue };
        let told = told(&moment, args, asked, &chain, &name);
        if args.format.json {
            let mend = told.mend.as_deref();
            let (verb, process) = (verb.as_str(), name.as_str());
            out.json("why", &Answered { run, pid, process, verb, object, chain: &chain, mend })?;
        } else {
            if at > 0 {
                out.line("")?;
            }
            out.line(&told.title)?;
            chain::lines(&chain).iter().try_for_each(|line| out.line(line))?;
            told.mend.iter().try_for_each(|mend| out.line(&format!("  to allow it: {mend}")))?;
        }
        if told.denied {
            code = Code::NotAuthorised;
        }
    }
    Ok(code)
}

/// The first and the last line of an answer.
struct Told {
    title: String,
    denied: bool,
    mend: Option<String>,
}

fn told(moment: &Moment, args: &WhyArgs, asked: Asked<'_>, chain: &Chain, name: &str) -> Told {
    let Key { run, pid } = args.process;
    let who = format!("{} (r{run}/{pid})", visible(name));
    let what = format!("{} {}", asked.verb, visible(asked.object));
    let now = match chain.decision {
        Decision::Allow => "may",
        Decision::Ask => "may ask to",
        Decision::Deny => "may not",
    };
    let (title, denied) = match (&args.about, &moment.call) {
        (Some(About::Entry(seq)), Some((call, error))) => {
            let call = called(call);
            match error {
                Some(Error::Denied) => (format!("#{seq} {who} was denied {call}"), true),
                Some(_) => (format!("#{seq} {who} was authorised for {call}, which failed"), false),
                None => (format!("#{seq} {who} was authorised for {call}"), false),
            }
        }
        _ => (format!("{who} {now} {what}"), chain.decision == Decision::Deny),
    };
    let mend = denied.then(|| mend(moment, asked)).flatten();
    Told { title, denied, mend }
}

/// The line that would allow it.
fn mend(moment: &Moment, asked: Asked<'_>) -> Option<String> {
    let me = moment.run.proc(asked.pid)?;
    let call = match &moment.call {
        Some((call, _)) => call.clone(),
        // Any call that needs it.
        None => match asked.verb {
            Verb::Read => Call::Stat { mount: asked.object.to_owned(), path: String::new() },
            Verb::Write => Call::Remove {
                mount: asked.object.to_owned(),
                path: String::new(),
                condition: crate::kernel::call::Condition::Any,
            },
            Verb::Publish => Call::Publish { topic: asked.object.to_owned() },
            Verb::Tool => Call::Tool { name: asked.object.to_owned() },
            Verb::Subscribe => Call::Subscribe { pattern: asked.object.to_owned() },
            Verb::Declassify => Call::Declassify { label: asked.object.to_owned() },
            Verb::Infer | Verb::Send | Verb::Lease | Verb::Put | Verb::Get | Verb::Spawn | Verb::Log => {
                return None;
            }
        },
    };
    match explain(&call, &moment.run, me, (&me.member, &[])).1 {
        Remedy::Flag(flag) => Some(flag),
        Remedy::Manifest(line) => Some(line),
        Remedy::Options(options) => Some(options.join("; or ")),
        Remedy::Nothing => None,
    }
}

/// The run as it was before the call that is asked about, or as it is now.
fn moment(dirs: &Dirs, reader: &Reader, args: &WhyArgs) -> Result<Moment, Failure> {
    let Key { run, pid } = args.process;
    let span = span(reader, Some(run))?;
    let until = match args.about {
        Some(About::Entry(seq)) => begun(reader, run, seq)?,
        _ => u64::MAX,
    };
    let mut trial = Trial::new(run, None);
    let mut known = Known::default();
    let mut call = None;
    entries(reader, run, (span.first, span.last), |entry, grant| {
        if entry.seq > until || matches!(entry.event, Event::End | Event::Overlay { .. } | Event::Erase(_)) {
            return Ok(());
        }
        if entry.seq == until && entry.pid == pid {
            call = called_in(&entry);
            if call.is_some() {
                // As it was before the call.
                return Ok(());
            }
        }
        learn(&mut known, &entry, dirs, grant.as_ref());
        Ok(trial.take(&entry, grant.as_ref())?)
    })?;
    let state = trial.run(run).cloned();
    let run = state.ok_or_else(|| Failure::usage(format!("the grant of r{run} is not stored any more")))?;
    Ok(Moment { run, known, call })
}

/// The entry that a call began with, of which this is one.
fn begun(reader: &Reader, run: u32, seq: u64) -> Result<u64, Failure> {
    let mut of = seq;
    entries(reader, run, (seq, seq), |entry, _| {
        if let Event::Outcome { of: begun, .. } = entry.event {
            of = begun;
        }
        Ok(())
    })?;
    Ok(of)
}

fn called_in(entry: &Entry) -> Option<(Call, Option<Error>)> {
    match &entry.event {
        Event::Call { call, out, .. } => Some((call.clone(), out.as_ref().err().cloned())),
        Event::Wait { call, .. } | Event::Ask { call } | Event::Intent { call, .. } => {
            Some((call.clone(), None))
        }
        _ => None,
    }
}

/// Notes what the state does not say.
fn learn(known: &mut Known, entry: &Entry, dirs: &Dirs, grant: Option<&Bytes>) {
    match &entry.event {
        Event::Run(_) => {
            let Some(grant) = grant.and_then(|bytes| Grant::decode(bytes).ok()) else { return };
            known.standing = grant.standing.and_then(|digest| standing::name_of(dirs, digest));
            let text = grant.root.manifest.and_then(|digest| manifest(&dirs.state, digest));
            known.needs = text.and_then(|text| written_needs(&text).ok());
        }
        Event::Call { call: Call::Spawn(spec), out: Ok(Answer::Id(child)), .. } => {
            let child = Pid::try_from(*child).ok();
            known.spawns.extend(child.map(|child| (child, entry.seq, (**spec).clone())));
        }
        Event::Revoke { pid, what, .. } => known.taken.push((entry.seq, *pid, what.clone())),
        _ => {}
    }
}
