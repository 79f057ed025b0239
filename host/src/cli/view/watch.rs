//! A run at a glance while it goes on: a line for the run, one for each of the processes that did something last.

use ledger::{Meter, grouped, show};

use super::escape::visible;
use super::fold::Fold;
use super::phase::Phase;
use super::process::ProcessView;
use super::remedy::subject;
use super::sections::time;
use super::table::Table;
use crate::kernel::call::Call;
use crate::kernel::state::{Proc, Run, Stage};

/// Processes that have a line of their own.
const SHOWN: usize = 6;
/// Characters of a name.
const CHARS: usize = 32;

/// The lines, at a kernel time; none before the run's first process.
pub fn watch(fold: &Fold, now: u64) -> Vec<String> {
    let view = fold.view();
    let Some(run) = fold.state().runs.get(&view.run).filter(|run| !run.procs.is_empty()) else {
        return Vec::new();
    };
    let mut live: Vec<&ProcessView> =
        view.processes.iter().filter(|process| process.phase.is_some()).collect();
    let mut lines = vec![head(fold, run, &live, now)];
    let more = live.len().saturating_sub(SHOWN);
    // Those that were active last, in their own order, so that lines keep their places.
    live.sort_unstable_by_key(|process| std::cmp::Reverse(process.last));
    live.truncate(SHOWN);
    live.sort_unstable_by_key(|process| process.pid);
    let mut table = Table::default();
    for process in live {
        if let Some(me) = run.proc(process.pid) {
            table.row(row(run, me, process, now));
        }
    }
    lines.extend(table.lines());
    lines.extend((more > 0).then(|| format!("  and {} more", grouped(more as u64))));
    lines
}

fn head(fold: &Fold, run: &Run, live: &[&ProcessView], now: u64) -> String {
    let view = fold.view();
    let mut parts = vec![time(now.saturating_sub(view.began))];
    for phase in Phase::ALL {
        let n = live.iter().filter(|process| process.phase == Some(phase)).count();
        parts.extend((n > 0).then(|| format!("{} {}", grouped(n as u64), phase.word())));
    }
    let spent = |meter| run.procs.iter().map(|me| me.account.own(meter)).sum::<u64>();
    let tokens = spent(Meter::TokensIn) + spent(Meter::TokensOut);
    let money = spent(Meter::MicroUsd);
    parts.extend((tokens > 0).then(|| format!("{} tokens", show(Meter::TokensIn, tokens))));
    parts.extend((money > 0).then(|| show(Meter::MicroUsd, money)));
    parts.extend((view.denied > 0).then(|| format!("{} denied", grouped(view.denied))));
    format!("r{} {}  {}", view.run, clipped(&view.label), parts.join(" · "))
}

fn row(run: &Run, me: &Proc, process: &ProcessView, now: u64) -> [String; 4] {
    let tokens = me.account.own(Meter::TokensIn) + me.account.own(Meter::TokensOut);
    let tokens = if tokens > 0 { format!("{} tokens", show(Meter::TokensIn, tokens)) } else { String::new() };
    let since = now.saturating_sub(process.since);
    [format!("{} {}", process.pid, clipped(&process.name)), purpose(run, me), time(since), tokens]
}

/// What a process does, or what it waits for.
pub fn purpose(run: &Run, me: &Proc) -> String {
    let stopping = if me.stopping { ", asked to stop" } else { "" };
    let Some(pending) = &me.pending else { return format!("runs{stopping}") };
    let call = &pending.call;
    if pending.stage == Stage::Asks {
        return format!("asks the operator: {} {} (#{})", call.verb(), clipped(&subject(call)), pending.seq);
    }
    let what = match call {
        Call::Receive { .. } => "waits for a message".into(),
        Call::Send { to, .. } => format!("waits for room at {}", clipped(to)),
        Call::Acquire { name, .. } => format!("waits for lease {}", clipped(name)),
        Call::Wait { .. } => {
            let child = pending.peer.map_or("a child", |pid| run.name(pid));
            format!("waits for {}", clipped(child))
        }
        Call::Sleep { .. } => "sleeps".into(),
        Call::Generate(question) | Call::Stream(question) => format!("asks {}", clipped(&question.model)),
        Call::Next { .. } => "reads an answer".into(),
        _ => format!("{} {}", call.verb(), clipped(&subject(call))).trim_end().to_owned(),
    };
    format!("{what}{stopping}")
}

/// A foreign text, harmless and short.
fn clipped(text: &str) -> String {
    let shown = visible(text);
    match shown.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}…", &shown[..at]),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Log};
    use super::*;
    use crate::kernel::answer::Exit;

    #[test]
    fn what_each_waits_for() {
        let mut log = Log::new(fixture::team());
        assert!(watch(&log.fold, 1_001).is_empty());
        log.start_root("lead\u{1b}[2J");
        log.start_child(2, "writer");
        log.wait(2, Call::Receive { wait: None });
        log.wait(1, Call::Wait { child: 2, wait: None });
        assert_eq!(
            watch(&log.fold, 3_005),
            [
                "r1 docs-merge  2 s · 2 waiting",
                "  1 lead\\u{1b}[2J  waits for writer     2 s",
                "  2 writer         waits for a message  2 s",
            ]
        );
    }

    #[test]
    fn of_many_the_last_active_are_shown() {
        let mut log = Log::new(fixture::team());
        log.start_root("lead");
        (2..=12).for_each(|pid| log.start_small(pid, "writer"));
        log.exit(3, Exit::Returned);
        log.wait(2, Call::Receive { wait: None });
        let lines = watch(&log.fold, 1_100);
        assert_eq!(lines.len(), SHOWN + 2);
        assert!(lines[0].contains("10 running · 1 waiting"), "{lines:?}");
        assert!(lines[1].starts_with("  2 writer") && lines[7] == "  and 5 more", "{lines:?}");
    }
}
