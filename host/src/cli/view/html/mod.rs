//! A run as one HTML file that asks for nothing: no script, no address, its only style inside and named by its hash in the
//! page's own policy. What agents and publishers wrote comes in through [`text::foreign`] alone.
//!
//! - [`processes`], [`timeline`], [`lineage`], [`budgets`], [`lists`]: its parts. [`text`]: foreign text and numbers.

mod budgets;
mod lineage;
mod lists;
mod processes;
mod text;
mod timeline;

#[cfg(test)]
mod tests;

use audit::Digest;
use authority::Grant;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger::{Meter, grouped, show};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::ending::{ended, word};
use super::run::RunView;
use super::time::rfc3339;
use text::{badge, foreign};

/// The page's only style.
const STYLE: &str = include_str!("style.css");

/// What the log was when the report was made.
pub struct Head {
    /// Leaves of its tree.
    pub size: u64,
    /// Its root.
    pub root: audit::Hash,
    /// The newest checkpoint, a signed note; none while nothing is signed.
    pub note: Option<String>,
}

/// The page.
pub fn page(view: &RunView, grant: Option<&Grant>, head: &Head) -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy =
        format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="referrer" content="no-referrer";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Run r" (view.run) " · " (foreign(&view.label)) }
                // Ours, and a constant: the only text that is not escaped.
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (header(view))
                    (figures(view))
                    (processes::section(view))
                    (timeline::section(view))
                    (budgets::section(view, grant))
                    (lists::refusals(view))
                    (lists::approvals(view))
                    (lists::messages(view))
                    (lists::files(view))
                    (lists::inferences(view))
                    (lineage::section(view))
                    (checkpoint(view, head))
                }
            }
        }
    };
    page.into_string()
}

/// A part of the page, with its heading and how many it is about.
fn part(title: &str, count: Option<u64>, inside: Markup) -> Markup {
    html! {
        section {
            h2 { (title) @if let Some(count) = count { " " span.count { (grouped(count)) } } }
            (inside)
        }
    }
}

fn header(view: &RunView) -> Markup {
    let root = view.process(1).and_then(|root| root.exit.as_ref());
    let state = if view.ended { word(root) } else { "unfinished" };
    html! {
        header {
            p.kicker { "aos-host run report" }
            h1 { span.run { "r" (view.run) } " " (foreign(&view.label)) " " (badge(state)) }
            @if let Some(exit) = root.filter(|_| state != "ok" && view.ended) { p.cause { (foreign(&ended(exit))) } }
            p.facts {
                span { (rfc3339(view.began)) }
                span { "entries #" (view.first) "–" (view.last) }
                span { (if view.signed { "signed" } else { "unsigned" }) }
                span { "host " (foreign(&view.host)) }
                @if view.resumed > 0 { span { "resumed ×" (grouped(view.resumed)) } }
            }
        }
    }
}

fn figures(view: &RunView) -> Markup {
    let used = |meter| view.process(1).map_or(0, |root| root.meter(meter).0);
    let tokens = used(Meter::TokensIn).saturating_add(used(Meter::TokensOut));
    let asked = view.facts.inferences.count;
    let refused = view.denied + view.unpaid;
    let figures = [
        ("Duration", show(Meter::WallTime, view.latest.saturating_sub(view.began)), true),
        ("Processes", grouped(view.processes.len() as u64), true),
        ("Entries", grouped(view.entries), true),
        ("Fuel", show(Meter::Fuel, used(Meter::Fuel)), true),
        ("Tokens", show(Meter::TokensIn, tokens), asked > 0),
        ("Cost", show(Meter::MicroUsd, used(Meter::MicroUsd)), asked > 0),
        ("Messages", grouped(view.facts.messages.count), true),
        ("Refused", grouped(refused), true),
    ];
    html! {
        dl.figures {
            @for (name, figure, _) in figures.iter().filter(|(_, _, shown)| *shown) {
                div.bad[*name == "Refused" && refused > 0] { dt { (name) } dd { (figure) } }
            }
        }
    }
}

/// What binds the report to the log.
fn checkpoint(view: &RunView, head: &Head) -> Markup {
    part(
        "Checkpoint",
        None,
        html! {
            dl.pairs {
                dt { "Tree size" } dd { (grouped(head.size)) " entries" }
                dt { "Root" } dd { code { (Digest(head.root)) } }
                dt { "Signed" }
                dd {
                    @match &head.note {
                        Some(note) => @for line in note.lines().filter(|line| !line.is_empty()) {
                            div { code { (foreign(line)) } }
                        },
                        None => "not yet",
                    }
                }
            }
            p.note {
                "Every line above was made from the entries of this run. The root commits to all entries of the log that were "
                "there when the report was made: "
                code { "aos-host audit verify" } " computes it again, and " code { "aos-host replay r" (view.run) }
                " executes the run again on them. What is signed is a checkpoint, which "
                code { "aos-host audit verify --checkpoint" } " compares with the log."
            }
        },
    )
}
