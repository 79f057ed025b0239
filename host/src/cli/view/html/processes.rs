//! The process tree.

use ledger::{Meter, grouped, show};
use maud::{Markup, html};

use super::part;
use super::text::{badge, foreign, rest};
use crate::cli::view::ending::{ended, word};
use crate::cli::view::process::ProcessView;
use crate::cli::view::run::RunView;
use crate::cli::view::sections::{time, waits};
use crate::cli::view::tree::rows;
use crate::kernel::answer::Exit;

/// Processes that are shown.
const SHOWN: usize = 200;
/// Steps that the tree is indented at most.
const DEEPEST: usize = 8;

pub fn section(view: &RunView) -> Markup {
    let rows = rows(view);
    let more = rows.len().saturating_sub(SHOWN);
    part(
        "Processes",
        Some(rows.len() as u64),
        html! {
            ol.tree {
                @for (branch, process) in rows.iter().take(SHOWN) {
                    (row(view, branch.chars().count().min(DEEPEST), process))
                }
            }
            (rest(more as u64))
        },
    )
}

fn row(view: &RunView, depth: usize, process: &ProcessView) -> Markup {
    let exit = word(process.exit.as_ref());
    let cause = process.exit.as_ref().filter(|exit| !matches!(exit, Exit::Returned | Exit::Killed));
    html! {
        li class={ "depth" (depth) } {
            div.who {
                span.pid { (process.pid) } " " strong { (foreign(&process.name)) } " " (badge(exit))
                @if !process.labels.is_empty() { " " span.badge.label { (foreign(&carried(process))) } }
            }
            @if let Some(cause) = cause { p.cause { (foreign(&ended(cause))) } }
            p.facts {
                span { "started +" (time(process.started.saturating_sub(view.began))) }
                span { (waits(process)) }
                @if let Some(at) = process.stopping { span { "asked to stop +" (time(at.saturating_sub(view.began))) } }
                @if let Some(at) = process.ended { span { "ended +" (time(at.saturating_sub(view.began))) } }
            }
            p.facts { @for fact in did(process) { span { (fact) } } }
        }
    }
}

fn did(process: &ProcessView) -> Vec<String> {
    let mut facts = vec![
        format!("{} fuel", show(Meter::Fuel, process.meter(Meter::Fuel).0)),
        format!("{} calls", grouped(process.calls)),
    ];
    let tokens = process.meter(Meter::TokensIn).0.saturating_add(process.meter(Meter::TokensOut).0);
    let money = process.meter(Meter::MicroUsd).0;
    facts.extend((tokens > 0).then(|| format!("{} tokens", show(Meter::TokensIn, tokens))));
    facts.extend((money > 0).then(|| show(Meter::MicroUsd, money)));
    let read: u64 = process.read.values().sum();
    let counts = [
        ("sent", process.sent),
        ("received", process.received),
        ("published", process.published),
        ("asked", process.asked),
        ("read", read),
        ("wrote", process.wrote.count),
        ("moved", process.moved),
        ("put", process.put),
        ("got", process.got),
        ("denied", process.denied),
        ("unpaid", process.unpaid),
    ];
    facts.extend(counts.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{what} {}", grouped(*n))));
    facts
}

/// The data categories that a process carries.
fn carried(process: &ProcessView) -> String {
    process.labels.iter().map(|carried| carried.label.as_str()).collect::<Vec<_>>().join(", ")
}
