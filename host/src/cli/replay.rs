//! `aos-host replay`: a run executed again on its log, and compared.

use serde::Serialize;

use super::args::ReplayArgs;
use super::failure::{Code, Failure};
use super::options;
use super::out::{Out, note};
use super::view::escape::visible;
use crate::host::{self, Dirs, Replayed};

/// What `replay --json` answers.
#[derive(Serialize)]
struct Answered<'a> {
    run: u32,
    identical: bool,
    processes: usize,
    calls: u64,
    entries: u64,
    root: String,
    other_build: Option<&'a str>,
    divergence: Option<Differs<'a>>,
}

/// The first difference.
#[derive(Serialize)]
struct Differs<'a> {
    pid: u32,
    call: u64,
    entry: Option<u64>,
    logged: &'a str,
    now: &'a str,
}

/// Executes a run again and says whether it did the same.
///
/// # Errors
/// When the log cannot be read or does not verify, or a component is not at hand.
pub fn replay(dirs: &Dirs, args: ReplayArgs, out: &mut Out) -> Result<Code, Failure> {
    let done = host::replay(dirs, &options()?, args.about.run, args.component)?;
    if let Some(other) = &done.other_build {
        note(&format!(
            "note: the run was made with other semantics ({}); the entries decide",
            visible(other)
        ));
    }
    if args.about.format.json {
        out.json("replay", &answered(&done))?;
    } else {
        lines(&done).iter().try_for_each(|line| out.line(line))?;
    }
    Ok(if done.divergence.is_none() { Code::Ok } else { Code::NotVerified })
}

fn lines(done: &Replayed) -> Vec<String> {
    match &done.divergence {
        None => vec![format!(
            "replay identical · r{} · {} · {} · root {}",
            done.run,
            plural(done.processes as u64, "process", "processes"),
            plural(done.calls, "call", "calls"),
            audit::Digest(done.root).short()
        )],
        Some(found) => vec![
            format!(
                "{} diverged at call {}{}; {} identical",
                found.key,
                ledger::grouped(found.call),
                found.seq.map(|seq| format!(" (#{seq})")).unwrap_or_default(),
                ledger::grouped(found.call.saturating_sub(1))
            ),
            format!("  logged {}", visible(&found.logged)),
            format!("  now    {}", visible(&found.now)),
        ],
    }
}

fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", ledger::grouped(n), if n == 1 { one } else { many })
}

fn answered(done: &Replayed) -> Answered<'_> {
    Answered {
        run: done.run,
        identical: done.divergence.is_none(),
        processes: done.processes,
        calls: done.calls,
        entries: done.entries,
        root: audit::Digest(done.root).to_string(),
        other_build: done.other_build.as_deref(),
        divergence: done.divergence.as_ref().map(|found| Differs {
            pid: found.key.pid,
            call: found.call,
            entry: found.seq,
            logged: &found.logged,
            now: &found.now,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::call::Key;
    use crate::kernel::tape::Divergence;

    #[test]
    fn the_same_and_another() {
        let mut done = Replayed {
            run: 1,
            processes: 3,
            calls: 1_211,
            entries: 9,
            root: [0x9c; 32],
            other_build: None,
            divergence: None,
        };
        assert_eq!(lines(&done), ["replay identical · r1 · 3 processes · 1,211 calls · root 9c9c…"]);
        let key = Key { run: 1, pid: 3 };
        let (logged, now) = ("mount.write a".to_owned(), "mount.write \u{1b}".to_owned());
        done.divergence = Some(Divergence { key, call: 12, seq: Some(141), logged, now });
        assert_eq!(
            lines(&done),
            [
                "r1/3 diverged at call 12 (#141); 11 identical",
                "  logged mount.write a",
                "  now    mount.write \\u{1b}"
            ]
        );
    }
}
