//! Refusals, approvals, messages, files, and questions to models.

use ledger::{Meter, grouped, show};
use maud::{Markup, html};

use super::part;
use super::text::{badge, foreign, rest};
use crate::cli::view::fact::{Act, Approval, FileFact, Inference, Message};
use crate::cli::view::refusal::Refusal;
use crate::cli::view::remedy::Remedy;
use crate::cli::view::run::RunView;
use crate::cli::view::sections::{labels, time};

/// Rows of a list.
const ROWS: usize = 100;

pub fn refusals(view: &RunView) -> Markup {
    let total = view.denied + view.unpaid;
    if total == 0 {
        return html! {};
    }
    let shown: u64 = view.refusals.iter().take(ROWS).map(|refusal| refusal.times).sum();
    part(
        "Refused calls",
        Some(total),
        html! {
            div.scroll { table {
                thead { tr { th { "Entry" } th { "Process" } th { "Call" } th { "Why" } th.wide { "What would have allowed it" } } }
                tbody { @for refusal in view.refusals.iter().take(ROWS) { (refused(refusal)) } }
            } }
            (rest(total.saturating_sub(shown)))
        },
    )
}

fn refused(refusal: &Refusal) -> Markup {
    html! {
        tr {
            td.entry { "#" (refusal.entry) }
            td { (foreign(&refusal.process)) }
            td {
                code { (refusal.verb) } " " (foreign(&refusal.object))
                @if refusal.times > 1 { span.quiet { " ×" (grouped(refusal.times)) } }
            }
            td { (badge(if refusal.meter.is_some() { "unpaid" } else { "denied" })) " " (foreign(&refusal.why)) }
            td.wide {
                @match &refusal.remedy {
                    Remedy::Flag(flag) => code { (foreign(flag)) },
                    Remedy::Manifest(line) => (foreign(line)),
                    Remedy::Options(options) => (foreign(&options.join("; "))),
                    Remedy::Nothing => "–",
                }
            }
        }
    }
}

pub fn approvals(view: &RunView) -> Markup {
    let list = &view.facts.approvals;
    if list.count == 0 {
        return html! {};
    }
    part(
        "Approvals",
        Some(list.count),
        html! {
            div.scroll { table {
                thead { tr { th { "Entry" } th { "Process" } th { "Call" } th { "Answer" } th.number { "After" } } }
                tbody { @for asked in list.first.iter().take(ROWS) { (approval(view, asked)) } }
            } }
            (rest(list.beyond(ROWS)))
        },
    )
}

fn approval(view: &RunView, asked: &Approval) -> Markup {
    html! {
        tr {
            td.entry { "#" (asked.entry) }
            td { (foreign(view.name(asked.pid))) }
            td { code { (asked.verb) } " " (foreign(&asked.object)) }
            @match asked.ruled {
                Some(ruled) => {
                    td { (badge(if ruled.allow { "allowed" } else { "refused" })) " " span.entry { "#" (ruled.entry) } }
                    td.number { (time(ruled.time.saturating_sub(asked.time))) }
                },
                None => { td { (badge("not answered")) } td {} },
            }
        }
    }
}

pub fn messages(view: &RunView) -> Markup {
    let list = &view.facts.messages;
    if list.count == 0 {
        return html! {};
    }
    part(
        "Messages",
        Some(list.count),
        html! {
            div.scroll { table {
                thead { tr { th { "Entry" } th { "From" } th { "To" } th.number { "Size" } th.number { "Received after" } th.wide { "Labels" } } }
                tbody { @for sent in list.first.iter().take(ROWS) { (message(view, sent)) } }
            } }
            (rest(list.beyond(ROWS)))
        },
    )
}

fn message(view: &RunView, sent: &Message) -> Markup {
    html! {
        tr {
            td.entry { "#" (sent.entry) }
            td { (foreign(view.name(sent.from))) }
            td {
                @match (&sent.topic, sent.to) {
                    (Some(topic), _) => { "topic " (foreign(topic)) span.quiet { ", reached " (grouped(sent.reached)) } },
                    (None, Some(pid)) => (foreign(view.name(pid))),
                    (None, None) => "–",
                }
            }
            td.number { (show(Meter::BytesSent, sent.size)) }
            td.number { @match sent.received { Some((_, at)) => (time(at.saturating_sub(sent.time))), None => "–" } }
            td.wide { (foreign(&labels(&sent.labels))) }
        }
    }
}

pub fn files(view: &RunView) -> Markup {
    let (changes, reads) = (&view.facts.changes, &view.facts.reads);
    if changes.count + reads.count == 0 {
        return html! {};
    }
    part(
        "Files",
        Some(changes.count + reads.count),
        html! {
            div.scroll { table {
                thead { tr { th { "Entry" } th { "Process" } th { "File" } th { "Before" } th { "After" } th.number { "Size" } } }
                tbody {
                    @for touched in changes.first.iter().take(ROWS) { (file(view, touched)) }
                    @for touched in reads.first.iter().take(ROWS) { (file(view, touched)) }
                }
            } }
            (rest(changes.beyond(ROWS) + reads.beyond(ROWS)))
        },
    )
}

fn file(view: &RunView, touched: &FileFact) -> Markup {
    let digest = |digest: Option<audit::Digest>| {
        html! { @match digest { Some(digest) => code title=(digest) { (digest.short()) }, None => "–" } }
    };
    html! {
        tr {
            td.entry { "#" (touched.entry) }
            td { (foreign(view.name(touched.pid))) }
            td {
                span.quiet { (touched.act.word()) " " } (foreign(&format!("{}:{}", touched.mount, touched.path)))
                @if let Some(target) = &touched.target { span.quiet { " to " } (foreign(target)) }
            }
            td { @if touched.act == Act::Read { "" } @else { (digest(touched.before)) } }
            td { (digest(touched.after)) }
            td.number { @if touched.size > 0 { (show(Meter::BytesStored, touched.size)) } }
        }
    }
}

pub fn inferences(view: &RunView) -> Markup {
    let list = &view.facts.inferences;
    if list.count == 0 {
        return html! {};
    }
    part(
        "Questions to models",
        Some(list.count),
        html! {
            div.scroll { table {
                thead { tr { th { "Entry" } th { "Process" } th { "Model" } th { "" } th.number { "Tokens in" } th.number { "out" } th.number { "Cost" } th.number { "Took" } th.number { "Waited" } } }
                tbody { @for asked in list.first.iter().take(ROWS) { (inference(view, asked)) } }
                tfoot {
                    @for model in view.facts.models.values() {
                        tr {
                            td colspan="2" { (grouped(model.asked)) " in all" }
                            td { (foreign(&model.model)) }
                            td { @if model.failed > 0 { (grouped(model.failed)) " failed" } }
                            td.number { (grouped(model.tokens_in)) }
                            td.number { (grouped(model.tokens_out)) }
                            td.number { (show(Meter::MicroUsd, model.micro_usd)) }
                            td.number { (time(model.took)) }
                            td.number { (time(model.waited)) }
                        }
                    }
                }
            } }
            (rest(list.beyond(ROWS)))
        },
    )
}

fn inference(view: &RunView, asked: &Inference) -> Markup {
    let tokens = |tokens: Option<u64>| tokens.map_or_else(|| "–".to_owned(), grouped);
    html! {
        tr {
            td.entry { "#" (asked.entry) }
            td { (foreign(view.name(asked.pid))) }
            td { (foreign(&asked.model))
                @if let Some(by) = &asked.by { span.quiet { " " (foreign(by)) } }
                @if asked.streamed { span.quiet { " streamed" } }
            }
            td { (badge(asked.asked.word())) @if let Some(fault) = &asked.fault { " " (foreign(fault)) } }
            td.number { (tokens(asked.tokens_in)) }
            td.number { (tokens(asked.tokens_out)) }
            td.number { (show(Meter::MicroUsd, asked.micro_usd)) }
            td.number { @match asked.took { Some(took) => (time(took)), None => "–" } }
            td.number { @match asked.waited { Some(waited) => (time(waited)), None => "–" } }
        }
    }
}
