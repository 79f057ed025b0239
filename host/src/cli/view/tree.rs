//! A run as `inspect` shows it: a line for the run, one for each process under its parent, the refusals.

use std::collections::BTreeMap;

use ledger::{Meter, grouped, show};

use super::amount::{part, times};
use super::ending::{ended, word};
use super::escape::visible;
use super::flow;
use super::paint::Paint;
use super::process::{Files, ProcessView};
use super::run::RunView;
use crate::kernel::answer::Exit;
use crate::kernel::call::Pid;

/// Files that are named in a process's line; further ones are counted.
const NAMED: usize = 3;
/// Processes that are shown; further ones are counted.
const PROCESSES: usize = 256;
/// Refusals that are named; further ones are counted.
const REFUSED: usize = 5;

/// The lines.
pub fn tree(view: &RunView, paint: Paint) -> Vec<String> {
    let mut lines = vec![head(view, paint)];
    let mut rows = rows(view);
    let more = rows.len().saturating_sub(PROCESSES);
    rows.truncate(PROCESSES);
    let width =
        rows.iter().map(|(branch, process)| label(branch, process).chars().count()).max().unwrap_or(0);
    let exits = rows.iter().map(|(_, process)| word(process.exit.as_ref()).len()).max().unwrap_or(0);
    for (branch, process) in &rows {
        let (label, exit) = (label(branch, process), word(process.exit.as_ref()));
        let exit = paint.exit(exit, &format!("{exit:exits$}"));
        let line = format!("{label:width$} {exit} {}", did(process));
        lines.push(line.trim_end().to_owned());
        if let Some(exit) =
            process.exit.as_ref().filter(|exit| !matches!(exit, Exit::Returned | Exit::Killed))
        {
            lines.push(format!("{:width$}   {}", "", paint.red(&ended(exit))));
        }
    }
    if more > 0 {
        lines.push(format!("and {} processes more: --json", grouped(more as u64)));
    }
    lines.extend(refusals(view));
    lines.extend(flow::lines(view));
    lines
}

fn head(view: &RunView, paint: Paint) -> String {
    let root = view.process(1).and_then(|root| root.exit.as_ref());
    let state = if view.ended { word(root) } else { "unfinished" };
    let took = show(Meter::WallTime, view.latest.saturating_sub(view.began));
    let resumed = match view.resumed {
        0 => String::new(),
        n => format!(" · resumed {}", times(n)),
    };
    let erased = match view.erased {
        0 => String::new(),
        n => format!(" · {} bodies erased", grouped(n)),
    };
    let (label, first, last) = (visible(&view.label), view.first, view.last);
    let (name, state) = (paint.bold(&format!("r{} {label}", view.run)), paint.exit(state, state));
    format!("{name} {state} {took} · #{first}–{last}{resumed}{erased}")
}

/// The processes with the branches before them, parents first.
pub fn rows(view: &RunView) -> Vec<(String, &ProcessView)> {
    let mut children: BTreeMap<Option<Pid>, Vec<&ProcessView>> = BTreeMap::new();
    for process in &view.processes {
        children.entry(process.parent).or_default().push(process);
    }
    let mut rows = Vec::with_capacity(view.processes.len());
    // A stack, not recursion: how deep a team spawns is up to it.
    let mut open: Vec<(String, String, &ProcessView)> = children
        .get(&None)
        .into_iter()
        .flatten()
        .rev()
        .map(|root| (String::new(), String::new(), *root))
        .collect();
    while let Some((branch, under, process)) = open.pop() {
        let of = children.get(&Some(process.pid)).map(Vec::as_slice).unwrap_or_default();
        for (at, child) in of.iter().enumerate().rev() {
            let last = at + 1 == of.len();
            let (branch, below) = if last { ("└", " ") } else { ("├", "│") };
            open.push((format!("{under}{branch}"), format!("{under}{below}"), child));
        }
        rows.push((branch, process));
    }
    rows
}

fn label(branch: &str, process: &ProcessView) -> String {
    format!("{branch}{} {}", process.pid, visible(&process.name))
}

/// What a process used and did.
fn did(process: &ProcessView) -> String {
    let (fuel, granted) = process.meter(Meter::Fuel);
    let mut parts = vec![format!("fuel {}", part(Meter::Fuel, fuel, granted))];
    let (tokens_in, tokens_out) = (process.meter(Meter::TokensIn), process.meter(Meter::TokensOut));
    if tokens_in.0 + tokens_out.0 > 0 {
        let granted = tokens_in.1.saturating_add(tokens_out.1).min(ledger::MAX);
        parts.push(format!("tokens {}", part(Meter::TokensIn, tokens_in.0 + tokens_out.0, granted)));
    }
    let (money, granted) = process.meter(Meter::MicroUsd);
    if money > 0 {
        parts.push(part(Meter::MicroUsd, money, granted));
    }
    let counts = [
        ("sent", process.sent),
        ("received", process.received),
        ("published", process.published),
        ("asked", process.asked),
        ("put", process.put),
        ("got", process.got),
        ("moved", process.moved),
    ];
    parts.extend(counts.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{what} {}", grouped(*n))));
    parts.extend(read(&process.read));
    parts.extend(wrote(&process.wrote));
    let refused = [("denied", process.denied), ("unpaid", process.unpaid)];
    parts.extend(refused.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{what} {}", grouped(*n))));
    parts.join("  ")
}

/// By mount: `read notes ×3`.
fn read(mounts: &BTreeMap<String, u64>) -> Option<String> {
    let shown: Vec<String> =
        mounts.iter().map(|(mount, n)| format!("{} {}", visible(mount), times(*n))).collect();
    (!shown.is_empty()).then(|| format!("read {}", shown.join(" ")))
}

/// One by one: `wrote site/index.html 4f1c… 8.2 KB`.
fn wrote(files: &Files) -> Option<String> {
    let shown = files.first.iter().take(NAMED).map(|file| {
        let size = show(Meter::BytesStored, file.size);
        format!("{}/{} {} {size}", visible(&file.mount), visible(&file.path), file.digest.short())
    });
    let shown: Vec<String> = shown.collect();
    (files.count > 0).then(|| format!("wrote {}{}", shown.join(", "), rest(files, shown.len())))
}

fn rest(files: &Files, shown: usize) -> String {
    match files.count.saturating_sub(shown as u64) {
        0 => String::new(),
        more => format!(" and {} more", grouped(more)),
    }
}

fn refusals(view: &RunView) -> Vec<String> {
    let of = |what: &str, total: u64, unpaid: bool| {
        let all: Vec<String> = view
            .refusals
            .iter()
            .filter(|refusal| refusal.meter.is_some() == unpaid)
            .map(|r| r.short())
            .collect();
        let named = all.iter().take(REFUSED).cloned().collect::<Vec<_>>().join(", ");
        let more = if all.len() > REFUSED { ", …" } else { "" };
        (total > 0).then(|| format!("{what} {} ({named}{more})", grouped(total)))
    };
    of("denied", view.denied, false).into_iter().chain(of("unpaid", view.unpaid, true)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Log};
    use super::*;
    use crate::kernel::answer::{Answer, Error};
    use crate::kernel::call::{Call, Condition};

    #[test]
    fn a_team() {
        let mut log = Log::new(fixture::team());
        log.start_root("coordinator");
        log.start_child(2, "writer");
        let digest = audit::Digest::of(b"page");
        for path in ["a.md", "b.md"] {
            let content = Answer::Content { digest, size: 4, from: None };
            log.did(1, fixture::read("notes", path), content, 4);
        }
        let write =
            Call::Write { mount: "site".into(), path: "index.html".into(), condition: Condition::Any };
        log.acted(2, write, Answer::Digest(digest), 8_200);
        log.refused(2, fixture::read("notes", ""), Error::Denied);
        log.exit(2, Exit::Returned);
        log.exit(1, Exit::Failed { message: "no\nluck".into(), cause: Some(Error::Denied) });
        log.end();
        assert_eq!(
            tree(log.fold.view(), Paint(false)),
            [
                "r1 docs-merge failed 10 ms · #1–11",
                "1 coordinator failed fuel 3,000/10 G  read notes ×2",
                "                failed: no\\nluck (cause denied)",
                "└2 writer     ok     fuel 2,000/1 G  wrote site/index.html 3660… 8.2 KB  denied 1",
                "denied 1 (#8 writer mount.read notes:)",
            ]
        );
    }

    #[test]
    fn branches() {
        let mut log = Log::new(fixture::team());
        log.start_root("a");
        log.start_child(2, "b");
        log.start_child(3, "c");
        log.start_grandchild(4, 2, "d");
        let labels: Vec<String> =
            rows(log.fold.view()).iter().map(|(branch, process)| label(branch, process)).collect();
        assert_eq!(labels, ["1 a", "├2 b", "│└4 d", "└3 c"]);
        assert!(tree(log.fold.view(), Paint(false))[0].starts_with("r1 docs-merge unfinished "));
    }
}
