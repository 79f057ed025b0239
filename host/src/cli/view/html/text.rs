//! Foreign text, and small things that recur.

use maud::{Markup, html};

use crate::cli::view::escape::visible;

/// Characters of a foreign text that are shown.
const CHARS: usize = 200;

/// What an agent, a publisher or a file's name says: one line, with everything hidden in it made visible, of bounded length, as
/// text and nothing else, and in a direction of its own.
pub fn foreign(text: &str) -> Markup {
    // Escaping makes it longer, never shorter.
    let (begun, more) = match text.char_indices().nth(CHARS) {
        Some((at, _)) => (&text[..at], text.len() - at),
        None => (text, 0),
    };
    html! {
        bdi { (visible(begun)) }
        @if more > 0 { span.quiet { " … and " (ledger::grouped(more as u64)) " bytes more" } }
    }
}

/// How something ended, or what it is at.
pub fn badge(word: &str) -> Markup {
    let class = match word {
        "ok" | "allowed" | "answered" => "good",
        "running" | "unfinished" | "open" | "not answered" | "ended early" => "open",
        _ => "bad",
    };
    html! { span class={ "badge " (class) } { (word) } }
}

/// A line that says how many more there are than are shown.
pub fn rest(more: u64) -> Markup {
    html! { @if more > 0 { p.note { "and " (ledger::grouped(more)) " more" } } }
}

/// A part of a whole as a percentage with two decimals, for drawings.
pub fn percent(part: f64) -> String {
    format!("{:.2}%", (part * 100.0).clamp(0.0, 100.0))
}
