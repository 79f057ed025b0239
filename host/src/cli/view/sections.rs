//! What `inspect` shows below the processes: times, messages, files, models, approvals, artifacts, labels. Each section is
//! short, and absent when there is nothing to say.

use audit::Digest;
use ledger::{Meter, grouped, show};

use super::amount::times;
use super::escape::visible;
use super::fact::{Approval, Asked, FileFact, Inference, Made, Message};
use super::list::List;
use super::paint::Paint;
use super::process::ProcessView;
use super::run::RunView;
use super::table::Table;
use crate::kernel::call::Pid;

/// Rows of a section; further ones are counted.
const ROWS: usize = 6;
/// Characters of a name or path in a row.
const CHARS: usize = 48;

/// The lines.
pub fn sections(view: &RunView, paint: Paint) -> Vec<String> {
    let facts = &view.facts;
    let mut page = Page { lines: Vec::new(), paint };
    page.times(view);
    page.list("Messages", &facts.messages, |message| message_row(view, message));
    page.list("Files changed", &facts.changes, |file| file_row(view, file));
    page.list("Files read", &facts.reads, |file| file_row(view, file));
    page.list("Questions to models", &facts.inferences, |asked| inference_row(view, asked));
    page.list("Approvals", &facts.approvals, |approval| approval_row(view, approval));
    page.list("Artifacts", &facts.artifacts, |made| artifact_row(view, made));
    page.lines
}

struct Page {
    lines: Vec<String>,
    paint: Paint,
}

impl Page {
    fn head(&mut self, title: &str, count: &str) {
        self.lines.push(format!("{} {count}", self.paint.bold(title)).trim_end().to_owned());
    }

    fn rest(&mut self, more: u64) {
        if more > 0 {
            self.lines.push(self.paint.dim(&format!("  and {} more: --json", grouped(more))));
        }
    }

    fn list<T, const N: usize>(&mut self, title: &str, list: &List<T>, row: impl Fn(&T) -> [String; N]) {
        if list.count == 0 {
            return;
        }
        self.head(title, &grouped(list.count));
        let mut table = Table::default();
        list.first.iter().take(ROWS).for_each(|item| table.row(row(item)));
        self.lines.extend(table.lines());
        self.rest(list.beyond(ROWS));
    }

    /// Only when somebody waited at all.
    fn times(&mut self, view: &RunView) {
        let waited: Vec<&ProcessView> =
            view.processes.iter().filter(|process| process.times.waited() > 0).collect();
        if waited.is_empty() {
            return;
        }
        self.head("Waiting", "");
        let mut table = Table::default();
        for process in waited.iter().take(ROWS) {
            table.row([who(view, process.pid), waits(process)]);
        }
        self.lines.extend(table.lines());
        self.rest(waited.len().saturating_sub(ROWS) as u64);
    }
}

/// How long a process ran, and in what it waited: `ran 4 ms, waited 308 ms: ipc.receive 200 ms ×3, …`.
pub fn waits(process: &ProcessView) -> String {
    let mut waits: Vec<_> = process.waits.iter().collect();
    waits.sort_by_key(|(_, waits)| std::cmp::Reverse(waits.ms));
    let parts: Vec<String> = waits
        .iter()
        .filter(|(_, waits)| waits.ms > 0)
        .map(|(verb, waits)| match waits.count {
            1 => format!("{verb} {}", time(waits.ms)),
            n => format!("{verb} {} {}", time(waits.ms), times(n)),
        })
        .collect();
    let (ran, waited) = (time(process.times.running), time(process.times.waited()));
    format!("ran {ran}, waited {waited}: {}", parts.join(", ")).trim_end_matches(": ").to_owned()
}

/// A time in milliseconds, for people.
pub fn time(ms: u64) -> String {
    show(Meter::WallTime, ms)
}

/// A file's digest before and after: `– → 4f1c…`.
pub fn change(before: Option<Digest>, after: Option<Digest>) -> String {
    let short = |digest: Option<Digest>| digest.map_or_else(|| "–".to_owned(), |digest| digest.short());
    format!("{} → {}", short(before), short(after))
}

/// Labels, one after the other.
pub fn labels(labels: &authority::Labels) -> String {
    labels.iter().map(visible).collect::<Vec<_>>().join(", ")
}

fn who(view: &RunView, pid: Pid) -> String {
    format!("{pid} {}", clipped(view.name(pid)))
}

/// A foreign text, harmless and short.
fn clipped(text: &str) -> String {
    let shown = visible(text);
    match shown.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}…", &shown[..at]),
        None => shown,
    }
}

fn bytes(size: u64) -> String {
    show(Meter::BytesStored, size)
}

fn message_row(view: &RunView, message: &Message) -> [String; 5] {
    let to = match (&message.topic, message.to) {
        (Some(topic), _) => format!("{} (reached {})", clipped(topic), grouped(message.reached)),
        (None, Some(pid)) => who(view, pid),
        (None, None) => "nobody".into(),
    };
    let entry = format!("#{}", message.entry);
    [entry, who(view, message.from), format!("→ {to}"), bytes(message.size), labels(&message.labels)]
}

fn file_row(view: &RunView, file: &FileFact) -> [String; 5] {
    let target = file.target.as_ref().map(|target| format!(" to {}", clipped(target))).unwrap_or_default();
    let path = format!("{}:{}{target}", clipped(&file.mount), clipped(&file.path));
    let digests = match file.act {
        super::fact::Act::Read => file.after.map_or_else(String::new, |digest| digest.short()),
        _ => change(file.before, file.after),
    };
    let size = if file.size > 0 { bytes(file.size) } else { String::new() };
    let did = format!("{} {path}", file.act.word());
    [format!("#{}", file.entry), who(view, file.pid), did, digests, size]
}

fn inference_row(view: &RunView, asked: &Inference) -> [String; 6] {
    let tokens = match (asked.tokens_in, asked.tokens_out) {
        (Some(tokens_in), Some(tokens_out)) => {
            format!("{} + {} tokens", grouped(tokens_in), grouped(tokens_out))
        }
        _ if asked.asked == Asked::Answered => "as reserved".into(),
        _ => match &asked.fault {
            Some(fault) => format!("{}: {}", asked.asked.word(), clipped(fault)),
            None => asked.asked.word().into(),
        },
    };
    let money = if asked.micro_usd > 0 { show(Meter::MicroUsd, asked.micro_usd) } else { String::new() };
    let took = asked.took.map_or_else(String::new, time);
    let waited = asked.waited.filter(|waited| *waited > 0);
    let took = format!("{took}{}", waited.map_or_else(String::new, |ms| format!(", waited {}", time(ms))));
    let by = asked.by.as_ref().map_or_else(String::new, |by| format!(" ({})", clipped(by)));
    let model = format!("{}{by}", clipped(&asked.model));
    [format!("#{}", asked.entry), who(view, asked.pid), model, tokens, money, took]
}

fn approval_row(view: &RunView, approval: &Approval) -> [String; 4] {
    let answer = match approval.ruled {
        Some(ruled) => {
            let word = if ruled.allow { "allowed" } else { "refused" };
            format!("{word} by #{} after {}", ruled.entry, time(ruled.time.saturating_sub(approval.time)))
        }
        None => "not answered".into(),
    };
    let call = format!("{} {}", approval.verb, clipped(&approval.object));
    [format!("#{}", approval.entry), who(view, approval.pid), call, answer]
}

fn artifact_row(view: &RunView, made: &Made) -> [String; 6] {
    let of = &made.artifact;
    let parents = match of.parents.len() {
        0 => String::new(),
        n => format!("from {n}"),
    };
    let kind = format!("{} {}", clipped(&of.kind), of.digest.short());
    [format!("#{}", made.entry), who(view, of.by), kind, bytes(of.size), parents, labels(&of.labels)]
}
