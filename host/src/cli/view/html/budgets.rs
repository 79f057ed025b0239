//! What was used of what was granted.

use authority::Grant;
use ledger::{MAX, Meter, show};
use maud::{Markup, html};

use super::part;
use super::text::{foreign, percent, rest};
use crate::cli::view::process::ProcessView;
use crate::cli::view::run::RunView;

/// Processes whose budgets are shown.
const SHOWN: usize = 24;

pub fn section(view: &RunView, grant: Option<&Grant>) -> Markup {
    let wall = grant.map_or(MAX, |grant| grant.root.budget.get(Meter::WallTime));
    let took = view.latest.saturating_sub(view.began);
    part(
        "Budgets",
        None,
        html! {
            div.cards {
                @for process in view.processes.iter().take(SHOWN) {
                    div.card {
                        h3 { span.pid { (process.pid) } " " (foreign(&process.name)) }
                        @if process.pid == 1 { (meter(Meter::WallTime, took, wall)) }
                        (meters(process))
                    }
                }
            }
            (rest(view.processes.len().saturating_sub(SHOWN) as u64))
            p.note { "A child's budget is moved out of its parent's; what a parent used includes what its ended children used." }
        },
    )
}

fn meters(process: &ProcessView) -> Markup {
    html! {
        @for of in process.meters.iter().filter(|of| of.used > 0) { (meter(of.meter, of.used, of.granted)) }
    }
}

fn meter(meter: Meter, used: u64, granted: u64) -> Markup {
    let part = if granted == 0 { 0.0 } else { used as f64 / granted as f64 };
    let limited = granted < MAX;
    let whole = if limited { format!(" of {}", show(meter, granted)) } else { ", no limit".into() };
    html! {
        div.meter {
            span { (meter) }
            span.amount { (show(meter, used)) span.quiet { (whole) } }
            svg width="100%" height="6" aria-hidden="true" {
                rect.whole width="100%" height="6" rx="3" {}
                @if limited {
                    rect.used.much[part > 0.9] width=(percent(part.max(0.005))) height="6" rx="3" {}
                }
            }
        }
    }
}
