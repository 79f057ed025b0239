//! Artifacts, and what they were made from.

use std::collections::BTreeMap;

use audit::Digest;
use ledger::{Meter, show};
use maud::{Markup, html};

use super::part;
use super::text::{foreign, rest};
use crate::cli::view::escape::visible;
use crate::cli::view::fact::Made;
use crate::cli::view::run::RunView;
use crate::cli::view::sections::labels;

/// Artifacts that are drawn.
const DRAWN: usize = 48;
/// Artifacts that are listed.
const LISTED: usize = 200;
/// Characters of a kind that fit into a box.
const CHARS: usize = 16;
/// A box, and what it keeps free beside and below, in CSS pixels.
const BOX: (usize, usize) = (176, 44);
const FREE: (usize, usize) = (44, 14);

pub fn section(view: &RunView) -> Markup {
    let made = &view.facts.artifacts;
    if made.count == 0 {
        return html! {};
    }
    let drawn = &made.first[..made.first.len().min(DRAWN)];
    let linked = drawn.iter().any(|made| !made.artifact.parents.is_empty());
    part(
        "Artifacts",
        Some(made.count),
        html! {
            @if linked {
                (drawing(view, drawn))
                @if made.count > DRAWN as u64 { p.note { "The first " (DRAWN) " are drawn." } }
            }
            div.scroll { table {
                thead { tr { th { "Entry" } th { "Kind" } th { "By" } th { "Digest" } th.number { "Size" } th { "From" } th.wide { "About" } th.wide { "Labels" } } }
                tbody { @for made in made.first.iter().take(LISTED) { (row(view, made)) } }
            } }
            (rest(made.beyond(LISTED)))
        },
    )
}

fn row(view: &RunView, made: &Made) -> Markup {
    let of = &made.artifact;
    let parents: Vec<String> = of.parents.iter().map(Digest::short).collect();
    html! {
        tr {
            td.entry { "#" (made.entry) }
            td { (foreign(&of.kind)) " " span.quiet { (foreign(&of.media_type)) } }
            td { (foreign(view.name(of.by))) }
            td { code title=(of.digest) { (of.digest.short()) } }
            td.number { (show(Meter::BytesStored, of.size)) }
            td { @if parents.is_empty() { "–" } @else { code { (parents.join(" ")) } } }
            td.wide { @if let Some(subject) = &of.subject { (foreign(subject)) } }
            td.wide { (foreign(&labels(&of.labels))) }
        }
    }
}

/// Columns from left to right: each artifact stands right of all that it was made from.
fn drawing(view: &RunView, drawn: &[Made]) -> Markup {
    let mut places: BTreeMap<Digest, (usize, usize)> = BTreeMap::new();
    let mut heights: Vec<usize> = Vec::new();
    for made in drawn {
        // A parent was put before its child.
        let parents = made.artifact.parents.iter().filter_map(|parent| places.get(parent));
        let column = parents.map(|(column, _)| column + 1).max().unwrap_or(0);
        heights.resize(heights.len().max(column + 1), 0);
        places.insert(made.artifact.digest, (column, heights[column]));
        heights[column] += 1;
    }
    let tallest = heights.iter().copied().max().unwrap_or(0);
    let (width, height) = (heights.len() * (BOX.0 + FREE.0) - FREE.0, tallest * (BOX.1 + FREE.1));
    let corner = |(column, row): (usize, usize)| {
        // Short columns stand in the middle of tall ones.
        let above = (tallest - heights[column]) * (BOX.1 + FREE.1) / 2;
        (column * (BOX.0 + FREE.0), above + row * (BOX.1 + FREE.1))
    };
    html! {
        div.scroll {
            svg.lineage width=(width + 2) height=(height) viewBox={ "-1 -1 " (width + 2) " " (height + 2) } role="img" aria-label="What each artifact was made from" {
                @for made in drawn {
                    @let to = places.get(&made.artifact.digest).copied().map(corner);
                    @for parent in &made.artifact.parents { (link(places.get(parent).copied().map(corner), to)) }
                }
                @for made in drawn {
                    @if let Some((x, y)) = places.get(&made.artifact.digest).copied().map(corner) { (node(view, made, x, y)) }
                }
            }
        }
    }
}

fn link(from: Option<(usize, usize)>, to: Option<(usize, usize)>) -> Markup {
    let (Some(from), Some(to)) = (from, to) else { return html! {} };
    let (x1, y1, x2, y2) = (from.0 + BOX.0, from.1 + BOX.1 / 2, to.0, to.1 + BOX.1 / 2);
    let bend = (x2.saturating_sub(x1)) / 2;
    html! { path.link d={ "M" (x1) " " (y1) "C" (x1 + bend) " " (y1) " " (x2 - bend) " " (y2) " " (x2) " " (y2) } {} }
}

fn node(view: &RunView, made: &Made, x: usize, y: usize) -> Markup {
    let short = |text: &str| {
        let shown = visible(text);
        let mut clipped: String = shown.chars().take(CHARS).collect();
        if clipped.len() < shown.len() {
            clipped.push('…');
        }
        clipped
    };
    let by = format!("{} by {}", made.artifact.digest.short(), short(view.name(made.artifact.by)));
    html! {
        g {
            rect.node x=(x) y=(y) width=(BOX.0) height=(BOX.1) rx="6" {}
            text.kind x=(x + 10) y=(y + 18) { (short(&made.artifact.kind)) }
            text.by x=(x + 10) y=(y + 34) { (by) }
        }
    }
}
