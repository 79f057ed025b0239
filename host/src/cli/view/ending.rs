//! How a run or a process ended, in words.

use authority::{Grant, Mode};
use ledger::{Meter, grouped, show};

use super::escape::{shell_word, visible};
use super::refusal::more;
use super::run::RunView;
use crate::cli::command::Typed;
use crate::cli::failure::Code;
use crate::kernel::answer::{Error, Exit};
use crate::kernel::call::{Key, Pid};

/// One word; `running` without an end.
pub fn word(exit: Option<&Exit>) -> &'static str {
    match exit {
        Some(Exit::Returned) => "ok",
        Some(exit) => exit.word(),
        None => "running",
    }
}

/// What the shell is told of a root's end. A failure whose cause was a budget counts as one.
pub fn code(exit: &Exit) -> Code {
    match exit {
        Exit::Returned => Code::Ok,
        Exit::Exhausted(_) | Exit::Failed { cause: Some(Error::Exhausted(_)), .. } => Code::Exhausted,
        Exit::Failed { .. } | Exit::Trapped(_) | Exit::Killed | Exit::Unstarted(_) => Code::Failed,
    }
}

/// The end and its reason: `failed: message (cause denied)`.
pub fn ended(exit: &Exit) -> String {
    match exit {
        Exit::Returned => "ok".into(),
        Exit::Killed => "killed".into(),
        Exit::Failed { message, cause: None } => format!("failed: {}", visible(message)),
        Exit::Failed { message, cause: Some(error) } => {
            format!("failed: {} (cause {})", visible(message), cause(error))
        }
        Exit::Trapped(text) | Exit::Unstarted(text) => {
            let text = text.strip_prefix("wasm trap: ").unwrap_or(text);
            format!("{}: {}", exit.word(), visible(text))
        }
        Exit::Exhausted(meter) => format!("exhausted: {meter}"),
    }
}

/// An error as the interface names it, with what it carries.
pub fn cause(error: &Error) -> String {
    match error {
        Error::Denied => "denied".into(),
        Error::Exhausted(meter) => format!("exhausted {meter}"),
        Error::NotFound => "not-found".into(),
        Error::Conflict(_) => "conflict".into(),
        Error::Stale(newest) => format!("stale, the newest token is {newest}"),
        Error::Busy => "busy".into(),
        Error::TimedOut => "timed-out".into(),
        Error::Interrupted => "interrupted".into(),
        Error::Closed => "closed".into(),
        Error::TooLarge(limit) => format!("too-large, the limit is {}", show(Meter::BytesStored, *limit)),
        Error::Invalid(what) => format!("invalid: {}", visible(what)),
        Error::Unsupported => "unsupported".into(),
        Error::Unavailable(fault) => format!("unavailable: {}", visible(&fault.detail)),
        Error::UnknownOutcome => "unknown-outcome".into(),
    }
}

/// The line of a process other than the root that ended badly.
pub fn child(view: &RunView, pid: Pid, exit: &Exit) -> String {
    format!("{} {} {}", Key { run: view.run, pid }, visible(view.name(pid)), ended(exit))
}

/// The last lines of `run`: the budget that ran out, if one did, overlays that wait for the operator, and the run's end.
pub fn summary(view: &RunView, grant: &Grant, exit: &Exit, typed: &Typed) -> Vec<String> {
    let mut lines = Vec::new();
    if let Exit::Exhausted(meter) = exit {
        let granted = grant.root.budget.get(*meter);
        let name = visible(view.name(1));
        lines.push(format!("budget r{}/1 {name}, {meter}: all of {} used", view.run, show(*meter, granted)));
        lines.push(format!("  once: {}", typed.with(&[more(*meter, granted.saturating_mul(2))])));
    }
    lines.extend(overlays(view, grant, typed));
    let mut parts =
        vec![format!("r{} {}", view.run, ended(exit)), format!("{} entries", grouped(view.entries))];
    parts.extend((view.denied > 0).then(|| format!("{} denied", grouped(view.denied))));
    parts.extend((view.unpaid > 0).then(|| format!("{} unpaid", grouped(view.unpaid))));
    parts.push(format!("aos-host inspect r{}{}", view.run, typed.state()));
    lines.push(parts.join(" · "));
    lines
}

/// The overlays in which something may have been changed. Only the first writes are known one by one.
fn overlays(view: &RunView, grant: &Grant, typed: &Typed) -> Vec<String> {
    let wrote = |label: &str| {
        view.processes.iter().any(|process| {
            let known = process.wrote.first.iter().any(|file| file.mount == label);
            known || process.moved > 0 || process.wrote.count > process.wrote.first.len() as u64
        })
    };
    let overlays = grant.mounts.iter().filter(|(label, place)| place.mode == Mode::Overlay && wrote(label));
    let diff =
        |label: &str| format!("aos-host overlay diff r{} {}{}", view.run, shell_word(label), typed.state());
    overlays
        .map(|(label, _)| format!("overlay {}: its changes are kept: {}", visible(label), diff(label)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Log};
    use super::*;

    fn typed() -> Typed {
        Typed::new(["run", "hello.wasm", "Ada"].map(str::to_owned))
    }

    #[test]
    fn a_good_end_is_one_line() {
        let mut log = Log::new(fixture::alone());
        log.start_root("hello");
        log.exit(1, Exit::Returned);
        log.end();
        let lines = summary(log.fold.view(), &fixture::alone(), &Exit::Returned, &typed());
        assert_eq!(lines, ["r1 ok · 4 entries · aos-host inspect r1"]);
    }

    #[test]
    fn an_exhausted_run_says_how_to_grant_more() {
        let mut log = Log::new(fixture::alone());
        log.start_root("hello");
        let exit = Exit::Exhausted(Meter::Fuel);
        log.exit(1, exit.clone());
        log.end();
        assert_eq!(
            summary(log.fold.view(), &fixture::alone(), &exit, &typed()),
            [
                "budget r1/1 hello, fuel: all of 10 G used",
                "  once: aos-host run --budget fuel=20G hello.wasm Ada",
                "r1 exhausted: fuel · 4 entries · aos-host inspect r1",
            ]
        );
        assert_eq!(code(&exit), Code::Exhausted);
        let late = summary(log.fold.view(), &fixture::alone(), &Exit::Exhausted(Meter::WallTime), &typed());
        assert_eq!(late[0], "budget r1/1 hello, wall-time: all of 5 min used");
        assert_eq!(late[1], "  once: aos-host run --budget wall-time=10min hello.wasm Ada");
    }

    #[test]
    fn a_failure_says_its_cause() {
        let denied = Exit::Failed { message: "no notes".into(), cause: Some(Error::Denied) };
        assert_eq!(ended(&denied), "failed: no notes (cause denied)");
        assert_eq!(code(&denied), Code::Failed);
        let unpaid = Exit::Failed { message: "x".into(), cause: Some(Error::Exhausted(Meter::TokensIn)) };
        assert_eq!(code(&unpaid), Code::Exhausted);
        assert_eq!(
            ended(&Exit::Trapped("wasm trap: wasm `unreachable`\u{1b}".into())),
            "trapped: wasm `unreachable`\\u{1b}"
        );
    }
}
