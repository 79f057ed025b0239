//! Data categories on their way: what each process took on, passed on and shed.

use authority::{Labels, Verb};
use ledger::grouped;
use serde::Serialize;

use super::escape::visible;
use super::process::Carried;
use super::remedy::subject;
use super::run::RunView;
use crate::kernel::SCRATCH;
use crate::kernel::call::{Call, Pid};
use crate::kernel::entry::{Entry, Event};
use crate::kernel::need::need;

/// Flows that are kept one by one; further ones are counted.
pub const FLOWS: usize = 256;
/// Flows of one kind that are named in a line; further ones are counted.
const NAMED: usize = 3;

/// What happened to the categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The process carries them from here on.
    Took,
    /// What it sent, wrote, put, asked, logged, spawned or returned carries them.
    Passed,
    /// It declassified them.
    Shed,
}

/// One move of some categories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// Its entry.
    pub entry: u64,
    /// Whose it was.
    pub pid: Pid,
    /// Its name.
    pub process: String,
    /// What happened.
    pub how: How,
    /// The verb as the interface names it; `start` and `exit` for a process's birth and end.
    pub verb: &'static str,
    /// What it was about.
    pub object: String,
    /// The categories.
    pub labels: Labels,
}

/// Notes what an entry did to the categories of its process, which carried `before` and carries `after`. `pending` is the call
/// that the entry ends, if it ends one.
pub fn note(view: &mut RunView, entry: &Entry, pending: Option<&Call>, before: &Labels, after: &Labels) {
    if before.is_empty() && after.is_empty() {
        return;
    }
    let (call, done) = match &entry.event {
        Event::Call { call, out, .. } => (Some(call), out.is_ok()),
        Event::Outcome { out, .. } => (pending, out.is_ok()),
        _ => (None, false),
    };
    let (verb, object) = match (&entry.event, call) {
        (_, Some(call)) => (call.verb(), subject(call)),
        (Event::Start(_), _) => ("start", String::new()),
        (Event::Exit(_), _) => ("exit", String::new()),
        _ => return,
    };
    let by = format!("{verb} {object}").trim_end().to_owned();
    let minus =
        |all: &Labels, less: &Labels| less.iter().fold(all.clone(), |rest, label| rest.without(label));
    let (took, shed) = (minus(after, before), minus(before, after));
    if let Some(process) = view.process_mut(entry.pid) {
        process.labels.retain(|carried| after.contains(&carried.label));
        process.labels.extend(took.iter().map(|label| Carried {
            label: label.to_owned(),
            entry: entry.seq,
            by: by.clone(),
        }));
    }
    let ends = matches!(entry.event, Event::Exit(_));
    let passed = if ends || (done && call.is_some_and(passes)) { before.clone() } else { Labels::default() };
    for (how, labels) in [(How::Took, took), (How::Passed, passed), (How::Shed, shed)] {
        if labels.is_empty() {
            continue;
        }
        view.flowed += 1;
        if view.flows.len() < FLOWS {
            let (process, object) = (view.name(entry.pid).to_owned(), object.clone());
            view.flows.push(Flow { entry: entry.seq, pid: entry.pid, process, how, verb, object, labels });
        }
    }
}

/// Whether a call says something to somebody else.
fn passes(call: &Call) -> bool {
    match need(call) {
        Some((Verb::Write, mount)) => mount != SCRATCH,
        Some((
            Verb::Send | Verb::Publish | Verb::Put | Verb::Infer | Verb::Spawn | Verb::Tool | Verb::Log,
            _,
        )) => true,
        Some((Verb::Read | Verb::Subscribe | Verb::Lease | Verb::Get | Verb::Declassify, _)) => false,
        // A parent may always signal its child.
        None => matches!(call, Call::Signal { .. }),
    }
}

/// The lines of `inspect`: what each process carries and where it took it on, what was shed, what was passed on.
pub fn lines(view: &RunView) -> Vec<String> {
    let carrying = view.processes.iter().filter(|process| !process.labels.is_empty());
    let mut lines: Vec<String> = carrying
        .map(|process| {
            let each =
                process.labels.iter().map(|of| format!("{} (#{} {})", visible(&of.label), of.entry, of.by));
            let name = visible(&process.name);
            format!("labels {} {name}: {}", process.pid, each.collect::<Vec<_>>().join(", "))
        })
        .collect();
    lines.extend(named(view, How::Shed, "shed"));
    lines.extend(named(view, How::Passed, "passed on"));
    lines
}

fn named(view: &RunView, how: How, what: &str) -> Option<String> {
    let all: Vec<&Flow> = view.flows.iter().filter(|flow| flow.how == how).collect();
    let named: Vec<String> = all
        .iter()
        .take(NAMED)
        .map(|flow| {
            let about = format!("{} {}", flow.verb, flow.object);
            let labels: Vec<String> = flow.labels.iter().map(visible).collect();
            format!("#{} {} {}: {}", flow.entry, visible(&flow.process), about.trim_end(), labels.join(" "))
        })
        .collect();
    let more = if all.len() > NAMED { ", …" } else { "" };
    let count = grouped(all.len() as u64);
    (!all.is_empty()).then(|| format!("{what} {count} ({}{more})", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use audit::Digest;
    use authority::{Grant, Mode, Place};

    use super::super::fixture::{self, Log};
    use super::*;
    use crate::kernel::answer::{Answer, Error};
    use crate::kernel::call::Condition;

    fn place(path: &str, mode: Mode, labels: &[&str]) -> Place {
        Place { path: path.into(), mode, labels: Labels::new(labels.iter().copied()).unwrap() }
    }

    /// `in` is a directory in `out`.
    fn grant() -> Grant {
        let mounts = [
            ("people", place("/people", Mode::Rw, &["personal"])),
            ("vault", place("/vault", Mode::Ro, &["secret"])),
            ("out", place("/out", Mode::Rw, &[])),
            ("in", place("/out/in", Mode::Ro, &[])),
        ];
        Grant { mounts: mounts.map(|(label, place)| (label.to_owned(), place)).into(), ..fixture::alone() }
    }

    fn content() -> Answer {
        Answer::Content { digest: Digest::of(b"x"), size: 1, from: None }
    }

    /// What is done, and what a process that carries `me` carries after it, with what lies in `out`.
    fn step(log: &mut Log, at: usize, me: &mut BTreeSet<&'static str>, out: &mut BTreeSet<&'static str>) {
        match at {
            0 => {
                log.did(1, fixture::read("people", "a"), content(), 1);
                me.insert("personal");
            }
            1 => {
                log.did(1, fixture::read("vault", "a"), content(), 1);
                me.insert("secret");
            }
            2 => {
                let write = Call::Write { mount: "out".into(), path: "a".into(), condition: Condition::Any };
                log.acted(1, write, Answer::Digest(Digest::of(b"x")), 1);
                out.extend(me.iter());
            }
            3 => {
                log.did(1, fixture::read("in", "a"), content(), 1);
                me.extend(out.iter());
            }
            4 => {
                log.did(1, Call::Declassify { label: "personal".into() }, Answer::Done, 0);
                me.remove("personal");
            }
            _ => drop(log.refused(1, fixture::read("people", "a"), Error::Denied)),
        }
    }

    /// Every order of four of six steps.
    #[test]
    fn a_category_goes_by_declassify_alone() {
        for order in 0..6_usize.pow(4) {
            let mut log = Log::new(grant());
            log.start_root("probe");
            let (mut me, mut out) = (BTreeSet::new(), BTreeSet::new());
            for digit in 0..4 {
                step(&mut log, order / 6_usize.pow(digit) % 6, &mut me, &mut out);
                let process = log.fold.view().process(1).unwrap();
                let carried: BTreeSet<&str> = process.labels.iter().map(|of| of.label.as_str()).collect();
                assert_eq!(carried, me, "after step {digit} of {order}");
            }
        }
    }

    #[test]
    fn what_is_carried_is_shown_with_where_it_came_from() {
        let mut log = Log::new(grant());
        log.start_root("probe");
        for at in [0, 2, 4] {
            step(&mut log, at, &mut BTreeSet::new(), &mut BTreeSet::new());
        }
        step(&mut log, 1, &mut BTreeSet::new(), &mut BTreeSet::new());
        assert_eq!(
            lines(log.fold.view()),
            [
                "labels 1 probe: secret (#7 mount.read vault:a)",
                "shed 1 (#6 probe label.declassify personal: personal)",
                "passed on 1 (#5 probe mount.write out:a: personal)",
            ]
        );
    }
}
