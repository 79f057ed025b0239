//! `aos-host audit show`: one entry for a person: who did what, by which right, what it cost, and what proves it.

use audit::proof::{inclusion, verify_inclusion};
use audit::{Digest, leaf_hash};
use authority::{Grant, Right};
use clap::Args;
use ledger::{Meter, show as amount};
use serde::Serialize;

use super::checkpoint::proving;
use crate::cli::args::Format;
use crate::cli::failure::{Code, Failure, unreadable};
use crate::cli::follow::{entries, span};
use crate::cli::out::Out;
use crate::cli::view::entry::{answered, bytes, called, said};
use crate::cli::view::escape::visible;
use crate::cli::view::fold::Fold;
use crate::cli::view::table::Table;
use crate::cli::view::time::rfc3339;
use crate::host::Dirs;
use crate::journal::Reader;
use crate::kernel::call::{Call, Key, Pid, RunId};
use crate::kernel::entry::{Entry, Event};
use crate::kernel::need::need;
use crate::kernel::state::Proc;

/// Arguments of `audit show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The entry's number
    #[arg(value_name = "ENTRY", value_parser = clap::value_parser!(u64).range(1..))]
    pub entry: u64,
    /// How it is written
    #[command(flatten)]
    pub format: Format,
}

/// What `audit show --json` answers.
#[derive(Debug, Default, Serialize)]
struct Shown {
    seq: u64,
    time: u64,
    run: RunId,
    pid: Pid,
    /// The process's name; empty for the kernel's own entries.
    process: String,
    said: String,
    /// The call that it is of, where its own line does not say.
    call: Option<String>,
    /// How that went, where another entry says.
    outcome: Option<Outcome>,
    /// What allowed it.
    right: Option<String>,
    /// Where that right comes from.
    by: Option<String>,
    /// The run's first entry, whose body is its grant.
    granted: u64,
    cost: Vec<(Meter, u64)>,
    /// What the process carries after it.
    labels: Vec<String>,
    body: Option<Body>,
    leaf: String,
    /// The size of the checkpoint that it is proved to be in.
    checkpoint: Option<u64>,
    /// Why less is shown, where it is.
    note: Option<String>,
    /// The entry itself, byte for byte.
    line: String,
}

#[derive(Debug, Serialize)]
struct Outcome {
    seq: u64,
    said: String,
}

#[derive(Debug, Serialize)]
struct Body {
    size: u64,
    digest: Option<Digest>,
    stored: bool,
}

/// Shows an entry.
///
/// # Errors
/// When there is none of this number, or the log cannot be read.
pub fn show(dirs: &Dirs, args: &ShowArgs, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let (size, _) = reader.head()?;
    let seq = args.entry;
    if seq > size {
        return Err(Failure::usage(format!("there is no #{seq}; the log ends at #{size}")));
    }
    let mut line = Vec::new();
    reader.lines(seq, seq, |_, bytes| {
        line = bytes.to_vec();
        Ok::<(), Failure>(())
    })?;
    let entry = Entry::parse(&line).map_err(|error| unreadable(seq, &error))?;
    let mut shown = Shown {
        seq,
        time: entry.t,
        run: entry.run,
        pid: entry.pid,
        said: said(&entry),
        leaf: Digest(leaf_hash(&line)).to_string(),
        line: String::from_utf8_lossy(&line).into_owned(),
        body: body(&reader, &entry)?,
        ..Shown::default()
    };
    shown.tell(&reader, &entry)?;
    shown.follow(&reader, &entry)?;
    shown.prove(&reader, &line)?;
    match args.format.json {
        true => out.json("entry", &shown)?,
        false => shown.lines().iter().try_for_each(|line| out.line(line))?,
    }
    Ok(Code::Ok)
}

fn body(reader: &Reader, entry: &Entry) -> Result<Option<Body>, Failure> {
    let Some(blob) = entry.body else { return Ok(None) };
    Ok(Some(Body { size: blob.size, digest: blob.digest, stored: reader.has_body(entry.seq)? }))
}

/// The call that an entry is of, and where that stands.
fn call_of<'a>(event: &'a Event, me: Option<&'a Proc>) -> Option<&'a Call> {
    match event {
        Event::Call { call, .. }
        | Event::Wait { call, .. }
        | Event::Ask { call }
        | Event::Intent { call, .. } => Some(call),
        Event::Outcome { .. } => me.and_then(|me| Some(&me.pending.as_ref()?.call)),
        Event::Run(_)
        | Event::Start(_)
        | Event::Rule { .. }
        | Event::Signal { .. }
        | Event::Revoke { .. }
        | Event::Fund { .. }
        | Event::Warn { .. }
        | Event::Bill { .. }
        | Event::Expire { .. }
        | Event::Resume(_)
        | Event::Exit(_)
        | Event::End
        | Event::Overlay { .. }
        | Event::Erase(_) => None,
    }
}

impl Shown {
    /// What the kernel knew: its own fold up to the entry.
    fn tell(&mut self, reader: &Reader, entry: &Entry) -> Result<(), Failure> {
        let span = span(reader, Some(entry.run))?;
        self.granted = span.first;
        let key = Key { run: entry.run, pid: entry.pid };
        let mut fold = Fold::new(entry.run);
        let folded = entries(reader, entry.run, (span.first, entry.seq), |next, grant| {
            if next.seq < entry.seq {
                fold.take(&next, grant.as_ref())?;
                return Ok(());
            }
            let before = fold.state().proc(key).cloned();
            self.right(entry, before.as_ref(), fold.grant());
            fold.take(&next, grant.as_ref())?;
            if let Some(me) = fold.state().proc(key) {
                self.process.clone_from(&me.name);
                self.labels = me.labels.iter().map(str::to_owned).collect();
                let used = |of: Option<&Proc>, meter| of.map_or(0, |me| me.account.used(meter));
                let cost = Meter::ALL
                    .into_iter()
                    .map(|meter| (meter, used(Some(me), meter).saturating_sub(used(before.as_ref(), meter))));
                self.cost = cost.filter(|(_, used)| *used > 0).collect();
            }
            Ok(())
        });
        if let Err(failure) = folded {
            self.note = Some(format!("what the kernel knew then cannot be told: {}", failure.message));
        }
        Ok(())
    }

    /// By which right it was done, and where that comes from.
    fn right(&mut self, entry: &Entry, me: Option<&Proc>, grant: Option<&Grant>) {
        let Some(call) = call_of(&entry.event, me) else { return };
        if matches!(entry.event, Event::Outcome { .. }) {
            self.call = Some(called(call));
        }
        let (Some(me), Some(grant), Some((verb, object))) = (me, grant, need(call)) else { return };
        let covers = |right: &&Right| right.verb == verb && right.object.covers(object);
        let Some(right) = me.rights.iter().filter(covers).max_by_key(|right| right.using) else { return };
        let using = match right.using {
            authority::Use::No => "to hand on alone",
            authority::Use::Ask => "ask",
            authority::Use::Allow => "allow",
        };
        let unless =
            if right.unless.is_empty() { String::new() } else { format!(", unless {}", right.unless) };
        self.right = Some(visible(&format!("{verb} {} ({using}{unless})", right.object)));
        let place = if me.member.is_empty() {
            "[needs]".to_owned()
        } else {
            format!("[children.{}.needs]", me.member)
        };
        self.by = Some(match grant.root.manifest {
            Some(_) => visible(&format!(
                "{verb} = [\"{}\"] in {place} of {}, granted in #{}",
                right.object, grant.package, self.granted
            )),
            None => format!("a flag of `run`, granted in #{}", self.granted),
        });
    }

    /// Looks for the entry that says how a call went that takes time.
    fn follow(&mut self, reader: &Reader, entry: &Entry) -> Result<(), Failure> {
        if !matches!(entry.event, Event::Wait { .. } | Event::Intent { .. } | Event::Ask { .. }) {
            return Ok(());
        }
        let last = span(reader, Some(entry.run))?.last;
        entries(reader, entry.run, (entry.seq + 1, last), |next, _| {
            let ends = match &next.event {
                Event::Outcome { of, out } if *of == entry.seq => Some(answered(out)),
                Event::Rule { of, .. } if *of == entry.seq => Some(said(&next)),
                Event::Exit(_) if next.pid == entry.pid => Some(said(&next)),
                _ => None,
            };
            if let (Some(said), None) = (ends, &self.outcome) {
                self.outcome = Some(Outcome { seq: next.seq, said });
            }
            Ok(())
        })
    }

    /// Whether the newest checkpoint proves it.
    fn prove(&mut self, reader: &Reader, line: &[u8]) -> Result<(), Failure> {
        let Ok((_, checkpoint)) = proving(reader, self.seq) else { return Ok(()) };
        if self.seq > checkpoint.size {
            return Ok(());
        }
        let wrong = |error| Failure::new(Code::NotVerified, format!("#{}: {error}", self.seq));
        let hashes = inclusion(reader.store(), self.seq - 1, checkpoint.size)?.map_err(wrong)?;
        let leaf = leaf_hash(line);
        verify_inclusion(&leaf, self.seq - 1, checkpoint.size, &hashes, &checkpoint.root).map_err(wrong)?;
        self.checkpoint = Some(checkpoint.size);
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        let key = Key { run: self.run, pid: self.pid };
        let who = if self.pid == 0 { "the kernel".to_owned() } else { visible(&self.process) };
        let mut table = Table::default();
        let mut row = |name: &str, text: Option<String>| {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                table.row([name.to_owned(), text]);
            }
        };
        row("who", Some(format!("{key} {who}")));
        row("when", Some(rfc3339(self.time)));
        row("call", self.call.clone());
        row("outcome", self.outcome.as_ref().map(|end| format!("#{}: {}", end.seq, end.said)));
        row("right", self.right.clone());
        row("by", self.by.clone());
        let cost: Vec<String> =
            self.cost.iter().map(|(meter, used)| format!("{meter} {}", amount(*meter, *used))).collect();
        row("cost", Some(cost.join(", ")));
        row("labels", Some(visible(&self.labels.join(", "))));
        row(
            "body",
            self.body.as_ref().map(|body| {
                let digest = body.digest.map(|digest| format!(", {digest}")).unwrap_or_default();
                format!("{}{digest}, {}", bytes(body.size), if body.stored { "stored" } else { "not stored" })
            }),
        );
        row("leaf", Some(self.leaf.clone()));
        row(
            "proof",
            Some(match self.checkpoint {
                Some(size) => format!(
                    "in the checkpoint of #1–{size}; take it with you: aos-host audit prove {}",
                    self.seq
                ),
                None => "in no checkpoint yet".to_owned(),
            }),
        );
        row("note", self.note.clone());
        let mut lines = vec![format!("#{} {}", self.seq, self.said)];
        lines.extend(table.lines());
        lines.push(visible(&self.line));
        lines
    }
}
