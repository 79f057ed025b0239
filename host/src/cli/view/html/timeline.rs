//! The timeline: a lane for each process, what it was at as bars, messages as arrows when they are few.

use std::fmt::Write;

use maud::{Markup, html};

use super::part;
use super::text::{foreign, percent};
use crate::cli::view::fact::Message;
use crate::cli::view::phase::Phase;
use crate::cli::view::run::RunView;
use crate::cli::view::sections::time;
use crate::cli::view::timeline::Stretch;
use crate::cli::view::tree::rows;
use crate::kernel::call::Pid;

/// Height of a lane and of the axis above, in CSS pixels; the style's row heights are the same.
const LANE: usize = 26;
/// Of a bar in its lane.
const BAR: usize = 14;
/// Messages that are drawn; when there are more, none is.
const ARROWS: u64 = 60;
/// Parts that the axis has.
const TICKS: usize = 4;

pub fn section(view: &RunView) -> Markup {
    let with: Vec<Pid> = view.timeline.pids().collect();
    let rows = rows(view);
    let lanes: Vec<Pid> =
        rows.iter().map(|(_, process)| process.pid).filter(|pid| with.contains(pid)).collect();
    if lanes.is_empty() {
        return html! {};
    }
    let more = rows.len() - lanes.len();
    let arrows = view.facts.messages.count <= ARROWS;
    part(
        "Timeline",
        None,
        html! {
            (legend(arrows && view.facts.messages.first.iter().any(|message| message.to.is_some())))
            div.timeline {
                ol.lanes { @for pid in &lanes { li { span.pid { (pid) } " " (foreign(view.name(*pid))) } } }
                (chart(view, &lanes, arrows))
            }
            @if more > 0 { p.note { "The first " (lanes.len()) " processes have a lane; " (more) " more have none." } }
            @if !arrows { p.note { "Messages are not drawn: there are more than " (ARROWS) "." } }
        },
    )
}

fn legend(arrows: bool) -> Markup {
    html! {
        ul.legend {
            @for phase in Phase::ALL { li { span class={ "swatch " (class(phase)) } {} (phase.word()) } }
            @if arrows { li { span.swatch.message {} "message, to its receipt" } }
        }
    }
}

fn class(phase: Phase) -> &'static str {
    match phase {
        Phase::Running => "running",
        Phase::Waiting => "waiting",
        Phase::Inferring => "inferring",
        Phase::Acting => "acting",
        Phase::Asked => "asked",
    }
}

fn chart(view: &RunView, lanes: &[Pid], arrows: bool) -> Markup {
    let buckets = view.timeline.buckets(view.latest);
    let (body, height) = (lanes.len() * LANE, (lanes.len() + 1) * LANE);
    html! {
        svg.chart width="100%" height=(height) role="img" aria-label="What each process was at over time" {
            defs {
                marker #head viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" {
                    path.head d="M0 0L8 4L0 8z" {}
                }
            }
            @for tick in 0..=TICKS { (mark(view, buckets, tick, height)) }
            svg y=(LANE) width="100%" height=(body) viewBox={ "0 0 " (buckets) " " (body) } preserveAspectRatio="none" {
                @for phase in Phase::ALL {
                    @let drawn = bars(view, lanes, phase);
                    @if !drawn.is_empty() { path class=(class(phase)) d=(drawn) {} }
                }
            }
            @if arrows { @for message in &view.facts.messages.first { (arrow(view, lanes, buckets, message)) } }
        }
    }
}

fn mark(view: &RunView, buckets: usize, tick: usize, height: usize) -> Markup {
    let x = percent(tick as f64 / TICKS as f64);
    let at = view.timeline.length(buckets) * tick as u64 / TICKS as u64;
    let (anchor, shown) = match tick {
        0 => ("start", "0".to_owned()),
        TICKS => ("end", time(at)),
        _ => ("middle", time(at)),
    };
    html! {
        line.grid x1=(x) x2=(x) y1=(LANE - 6) y2=(height) {}
        text.tick x=(x) y=(LANE - 10) text-anchor=(anchor) { (shown) }
    }
}

/// All bars of one kind as one path: a lane is a row of the drawing, a bucket a unit of its width.
fn bars(view: &RunView, lanes: &[Pid], phase: Phase) -> String {
    let mut path = String::new();
    for (row, pid) in lanes.iter().enumerate() {
        let (inset, height) = match phase {
            // Waiting is a thin line, so that what is done stands out.
            Phase::Waiting => ((LANE - BAR / 3) / 2, BAR / 3),
            Phase::Running | Phase::Inferring | Phase::Acting | Phase::Asked => ((LANE - BAR) / 2, BAR),
        };
        let top = row * LANE + inset;
        for Stretch { from, to, .. } in view.timeline.stretches(*pid).iter().filter(|s| s.phase == phase) {
            let width = to - from;
            // Writing to a string cannot fail.
            let _ = write!(path, "M{from} {top}h{width}v{height}h-{width}z");
        }
    }
    path
}

fn arrow(view: &RunView, lanes: &[Pid], buckets: usize, message: &Message) -> Markup {
    let row = |pid: Pid| lanes.iter().position(|lane| *lane == pid);
    let (from, to) = (row(message.from), message.to.and_then(row));
    let (Some(from), Some(to)) = (from, to) else { return html! {} };
    let x = |time| percent(view.timeline.place(time, buckets));
    let y = |row: usize| LANE + row * LANE + LANE / 2;
    let end = message.received.map_or(message.time, |(_, time)| time);
    // It begins and ends at the edges of the bars.
    let edge = if to > from { BAR / 2 } else { 0 };
    let (y1, y2) = (y(from) + edge, y(to) + BAR / 2 - edge);
    let (y1, y2) = if to > from { (y1, y2 - BAR / 2) } else { (y1 - BAR / 2, y2) };
    html! { line.message x1=(x(message.time)) y1=(y1) x2=(x(end)) y2=(y2) marker-end="url(#head)" {} }
}
