//! `aos-host overlay diff|apply|discard`: what a run left in an overlay, and what becomes of it.

use serde::Serialize;

use super::args::{Overlay, OverlayArgs};
use super::failure::{Code, Failure};
use super::options;
use super::out::{Out, note};
use super::view::change;
use super::view::escape::{shell_word, visible};
use crate::host::control::client::{Owner, Unanswered};
use crate::host::control::frame::{Ask, Reply};
use crate::host::overlay::plan::{Change, Now, Standing, plan};
use crate::host::overlay::{Laid, Settle, Settled};
use crate::host::{Dirs, Host, HostError};
use crate::journal::{Reader, StoreError};
use crate::kernel::overlay::{Base, Settlement};
use crate::kernel::ports::Mount;
use crate::mounts::Directory;

/// A line of `overlay diff --json`.
#[derive(Serialize)]
struct Changed<'a> {
    run: u32,
    mount: &'a str,
    path: &'a str,
    change: &'static str,
    before: &'a Base,
    after: Base,
    /// What is in the base, when that stands against it.
    conflict: Option<&'a str>,
    /// Of texts, as it is shown: what could steer a terminal is made visible.
    diff: Option<String>,
}

/// A line of `overlay apply --json` and `overlay discard --json`.
#[derive(Serialize)]
struct Done<'a> {
    run: u32,
    mount: &'a str,
    what: Settle,
    #[serde(flatten)]
    settled: &'a Settled,
}

/// Does what was typed.
///
/// # Errors
/// When there is no such overlay, its run has not ended, the base stands against it, or a disk or the log fails.
pub fn overlay(dirs: &Dirs, verb: &Overlay, out: &mut Out) -> Result<Code, Failure> {
    match verb {
        Overlay::Diff(args) => diff(dirs, args, out),
        Overlay::Apply(args) => settle(dirs, args, Settle::Apply, out),
        Overlay::Discard(args) => settle(dirs, args, Settle::Discard, out),
    }
}

fn diff(dirs: &Dirs, args: &OverlayArgs, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let laid = Laid::read(&reader, args.run, &args.name)?;
    match laid.settled {
        Some((seq, Settlement::Applied)) => note(&format!("note: it was applied, see #{seq}")),
        Some((seq, Settlement::Discarded)) => note(&format!("note: it was discarded, see #{seq}")),
        Some((seq, Settlement::Applies)) => {
            note(&format!("note: applying it began at #{seq} and did not end; apply it again"));
        }
        None => {}
    }
    let base = laid.base(dirs, false)?;
    let changes = plan(&laid, &base);
    for change in &changes {
        let diff = lines(&reader, &base, change)?;
        if args.format.json {
            out.json("change", &changed(&laid, change, diff))?;
            continue;
        }
        out.line(&change::title(change))?;
        diff.iter().try_for_each(|diff| out.bytes(diff.as_bytes()))?;
    }
    if changes.is_empty() && !args.format.json {
        out.line(&format!("nothing changed in {}", visible(&laid.place.path)))?;
    }
    Ok(Code::Ok)
}

fn changed<'a>(laid: &'a Laid, change: &'a Change, diff: Option<String>) -> Changed<'a> {
    let after = change.now.map_or(Base::Absent, |Now { digest, size, .. }| Base::File { digest, size });
    Changed {
        run: laid.run,
        mount: &laid.mount,
        path: &change.path,
        change: change::word(change),
        before: &change.was,
        after,
        conflict: match &change.standing {
            Standing::Conflict(what) => Some(what),
            Standing::Pending(_) | Standing::Done => None,
        },
        diff,
    }
}

/// The lines of a text that differ, while the base has the text that was there before.
fn lines(reader: &Reader, base: &Directory, change: &Change) -> Result<Option<String>, Failure> {
    if !matches!(change.standing, Standing::Pending(_)) {
        return Ok(None);
    }
    let before = match &change.was {
        Base::File { digest, size } if *size <= change::TEXT => {
            // Looked at a moment ago; what has gone since is not shown.
            match base.read(&change.path, None) {
                Ok(file) if file.digest == *digest => file.data,
                Ok(_) | Err(_) => return Ok(None),
            }
        }
        Base::File { .. } => return Ok(None),
        Base::Absent | Base::Folder => Vec::new(),
    };
    let after = match &change.now {
        Some(now) if now.size <= change::TEXT => match reader.body(now.seq)? {
            Some(body) => body.data,
            None => return Ok(None),
        },
        Some(_) => return Ok(None),
        None => Vec::new(),
    };
    Ok(change::unified(&change.path, &before, &after))
}

fn settle(dirs: &Dirs, args: &OverlayArgs, what: Settle, out: &mut Out) -> Result<Code, Failure> {
    // What cannot be done is said before a host is opened for it.
    let reader = Reader::open(&dirs.state)?;
    let laid = Laid::read(&reader, args.run, &args.name)?;
    let settled = match Host::open(dirs, &options()?) {
        Ok(host) => {
            let work = crate::host::overlay::settle(host.kernel(), dirs, (args.run, &args.name), what);
            let settled = host.runtime().block_on(work);
            host.close();
            settled?
        }
        Err(HostError::Store(StoreError::Busy(path))) => ask(dirs, &laid, what, StoreError::Busy(path))?,
        Err(error) => return Err(error.into()),
    };
    for folder in &settled.left {
        note(&format!("note: {} stays: it is not empty", visible(folder)));
    }
    if args.format.json {
        out.json("overlay", &Done { run: args.run, mount: &args.name, what, settled: &settled })?;
        return Ok(Code::Ok);
    }
    let Settled { seq, path, changes, made, .. } = &settled;
    let at = seq.map(|seq| format!(" · #{seq}")).unwrap_or_default();
    let (s, path) = (if *changes == 1 { "" } else { "s" }, visible(path));
    out.line(&match what {
        Settle::Apply if *changes == 0 => format!("nothing to apply to {path}"),
        Settle::Apply => format!("applied {changes} change{s} to {path}{at}"),
        Settle::Discard if *made > 0 => {
            format!(
                "discarded {} of {changes} change{s}; the others are in {path} already{at}",
                changes - made
            )
        }
        Settle::Discard => format!("discarded {changes} change{s}{at}"),
    })?;
    Ok(Code::Ok)
}

/// Has the host do it that has the state directory.
fn ask(dirs: &Dirs, laid: &Laid, settle: Settle, busy: StoreError) -> Result<Settled, Failure> {
    let answer = Owner::find(&dirs.state)
        .and_then(|mut owner| owner.ask(Ask::Overlay { run: laid.run, mount: laid.mount.clone(), settle }));
    match answer {
        Ok(Reply::Settled(settled)) => Ok(settled),
        Ok(Reply::Refused { kind, message, help }) => {
            let failure = Failure::new(kind.into(), message);
            Err(help.into_iter().fold(failure, |failure, help| failure.help(help)))
        }
        Ok(_) => Err(Failure::new(Code::Internal, "the host answered something else")),
        // It writes the directory, but does not listen: `run` without a socket, or an older host.
        Err(Unanswered::Nobody) => Err(Failure::from(busy).help(format!(
            "when it has ended: aos-host overlay {} r{} {}",
            if settle == Settle::Apply { "apply" } else { "discard" },
            laid.run,
            shell_word(&laid.mount)
        ))),
        Err(error) => Err(Failure::new(Code::State, error)),
    }
}
