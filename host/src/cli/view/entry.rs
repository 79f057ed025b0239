//! An entry, in words: what happened, to what, and how it went.

use ledger::{grouped, show};

use super::amount::times;
use super::ending;
use super::escape::visible;
use super::remedy::subject;
use crate::kernel::answer::{Answer, Error, Spent};
use crate::kernel::call::{Call, Pid, Signal};
use crate::kernel::entry::{Entry, Event, Taken};
use crate::kernel::overlay::Settlement;

/// What an entry says, in a line that is fit for a terminal.
pub fn said(entry: &Entry) -> String {
    match &entry.event {
        Event::Run(opening) => format!("run of {} begins", visible(&opening.label)),
        Event::Start(birth) => match birth.parent {
            Some(parent) => format!("{} starts, a child of /{parent}", visible(&birth.name)),
            None => format!("{} starts", visible(&birth.name)),
        },
        Event::Call { call, out, repeat, .. } => {
            let repeated = repeat.map(|repeat| format!(" {}", times(repeat.times))).unwrap_or_default();
            format!("{} → {}{repeated}", called(call), answered(out))
        }
        Event::Wait { call, .. } => format!("{} waits", called(call)),
        Event::Ask { call } => format!("{} asks the operator", called(call)),
        Event::Rule { pid, of, allow, .. } => {
            let ruling = if *allow { "allows" } else { "refuses" };
            format!("the operator {ruling} what /{pid} asked in #{of}")
        }
        Event::Intent { call, .. } => format!("{} is about to happen", called(call)),
        Event::Outcome { of, out } => format!("#{of} → {}", answered(out)),
        Event::Signal { pid, signal } => format!("the operator has /{pid} {}", signalled(*signal)),
        Event::Revoke { pid, what, because } => revoked(*pid, what, because.as_ref()),
        Event::Fund { pid, add, window } => {
            let add: Vec<String> =
                add.iter().map(|(meter, n)| format!("{meter} {}", show(*meter, *n))).collect();
            let why = if *window { "a window is over" } else { "the operator says so" };
            format!("/{pid} may spend {} more: {why}", add.join(", "))
        }
        Event::Bill { used } => {
            let used: Vec<String> = used
                .iter()
                .filter(|(_, n)| *n > 0)
                .map(|(meter, n)| format!("{meter} {}", show(meter, n)))
                .collect();
            format!("the run used {}", used.join(", "))
        }
        Event::Warn { meter, used, granted } => {
            format!("{} of {} {meter} are used", show(*meter, *used), show(*meter, *granted))
        }
        Event::Expire { lease, token } => format!("lease {} ({token}) runs out", visible(lease)),
        Event::Resume(resumption) => format!("the run goes on, on host {}", visible(&resumption.host)),
        Event::Exit(exit) => format!("it ends: {}", ending::ended(exit)),
        Event::End => "the run ends".to_owned(),
        Event::Overlay { mount, step } => {
            let step = match step {
                Settlement::Applies => "is being applied",
                Settlement::Applied => "was applied",
                Settlement::Discarded => "was discarded",
            };
            format!("overlay {} {step}", visible(mount))
        }
        Event::Erase(erasure) => {
            format!("the operator erases {} bodies, {}", grouped(erasure.bodies), bytes(erasure.bytes))
        }
    }
}

/// A call: its verb as the interface names it, and its object.
pub fn called(call: &Call) -> String {
    format!("{} {}", call.verb(), subject(call)).trim_end().to_owned()
}

/// A revocation: what is taken from whom, and why.
pub fn revoked(pid: Pid, what: &Taken, because: Option<&audit::Digest>) -> String {
    let what = match what {
        Taken::All => "all rights are taken".to_owned(),
        Taken::Right { verb, object } => format!("{verb} {} is taken", visible(object.as_str())),
        Taken::Ended => "rights that have ended are taken".to_owned(),
    };
    let because = because.map(|digest| format!(": {} is revoked", digest.short())).unwrap_or_default();
    format!("{what} from /{pid} and what it spawned{because}")
}

fn signalled(signal: Signal) -> &'static str {
    match signal {
        Signal::Pause => "pause",
        Signal::Resume => "resume",
        Signal::Stop => "asked to stop",
        Signal::Kill => "killed",
    }
}

/// How a call went.
pub fn answered(out: &Result<Answer, Error>) -> String {
    match out {
        Ok(answer) => answer_in_words(answer),
        Err(error) => error_in_words(error),
    }
}

fn answer_in_words(answer: &Answer) -> String {
    match answer {
        Answer::Done => "done".to_owned(),
        Answer::Nothing => "nothing".to_owned(),
        Answer::Id(id) => format!("{id}"),
        Answer::Count(count) => format!("{count}"),
        Answer::Message(head) => {
            format!("message #{} from {}, {}", head.id, visible(&head.name), bytes(head.size))
        }
        Answer::Content { size, .. } => bytes(*size),
        Answer::Digest(digest) => digest.short(),
        Answer::Stat(_) => "found".to_owned(),
        Answer::Listing => "a list".to_owned(),
        Answer::Artifact { artifact, .. } => {
            format!("{} {}, {}", visible(&artifact.kind), artifact.digest.short(), bytes(artifact.size))
        }
        Answer::Completion(spent) => tokens(spent),
        Answer::Chunk { spent: None } => "a part".to_owned(),
        Answer::Chunk { spent: Some(spent) } => tokens(spent),
        Answer::Info { pid, name, .. } => format!("/{pid} {}", visible(name)),
        Answer::Allowances(_) => "what is left".to_owned(),
        Answer::Exit { pid, exit, .. } => format!("/{pid} {}", exit.word()),
    }
}

fn tokens(spent: &Spent) -> String {
    match &spent.usage {
        Some(used) => {
            format!("answered, {} and {} tokens", grouped(used.tokens_in), grouped(used.tokens_out))
        }
        None => "answered, tokens not told".to_owned(),
    }
}

fn error_in_words(error: &Error) -> String {
    match error {
        Error::Denied => "denied".to_owned(),
        Error::Exhausted(meter) => format!("exhausted: {meter}"),
        Error::NotFound => "not found".to_owned(),
        Error::Conflict(Some(digest)) => format!("conflict: {} is there", digest.short()),
        Error::Conflict(None) => "conflict: nothing is there".to_owned(),
        Error::Stale(token) => format!("stale: the lease's token is {token}"),
        Error::Busy => "busy".to_owned(),
        Error::TimedOut => "timed out".to_owned(),
        Error::Interrupted => "interrupted".to_owned(),
        Error::Closed => "closed".to_owned(),
        Error::TooLarge(limit) => format!("too large: at most {}", bytes(*limit)),
        Error::Invalid(what) => format!("invalid: {}", visible(what)),
        Error::Unsupported => "unsupported".to_owned(),
        Error::Unavailable(fault) => format!("unavailable: {}", visible(&fault.detail)),
        Error::UnknownOutcome => "unknown outcome".to_owned(),
    }
}

/// A size.
pub fn bytes(size: u64) -> String {
    show(ledger::Meter::BytesStored, size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::call::Priority;

    fn entry(event: Event) -> String {
        said(&Entry { v: 1, seq: 9, t: 0, run: 1, pid: 2, fuel: 0, event, body: None })
    }

    #[test]
    fn a_call_says_what_it_was_and_how_it_went() {
        let call = Call::Read { mount: "notes".into(), path: "a.md".into(), range: None };
        let event = Event::Call {
            call: call.clone(),
            out: Err(Error::Denied),
            repeat: None,
            base: Default::default(),
        };
        assert_eq!(entry(event), "mount.read notes:a.md → denied");
        assert_eq!(
            entry(Event::Intent { call, previous: None, reserve: vec![] }),
            "mount.read notes:a.md is about to happen"
        );
        assert_eq!(entry(Event::Outcome { of: 7, out: Ok(Answer::Done) }), "#7 → done");
        assert_eq!(entry(Event::End), "the run ends");
    }

    #[test]
    fn what_agents_name_cannot_steer_the_terminal() {
        let call = Call::Send {
            to: "a\u{1b}[2J\n".into(),
            priority: Priority::Normal,
            in_reply_to: None,
            wait: None,
        };
        let event = Event::Call {
            call,
            out: Err(Error::Invalid("\u{202e}".into())),
            repeat: None,
            base: Default::default(),
        };
        let said = entry(event);
        assert!(!said.contains(['\u{1b}', '\n', '\u{202e}']), "{said}");
        let exit = crate::kernel::answer::Exit::Failed { message: "\u{7}".into(), cause: None };
        assert!(!entry(Event::Exit(Box::new(exit))).contains('\u{7}'));
    }
}
