//! `aos-host audit prune`: erases bodies, here or by the host that has the state directory.

use ledger::{Meter, grouped, show};

use super::args::{Before, PruneArgs};
use super::verdict::counted;
use crate::cli::failure::{Code, Failure, unreadable};
use crate::cli::options;
use crate::cli::out::{Out, note};
use crate::host::control::client::{Owner, Unanswered};
use crate::host::control::frame::{Ask, Reply};
use crate::host::prune::Pruned;
use crate::host::{Dirs, Host, HostError};
use crate::journal::{Reader, StoreError};
use crate::kernel::entry::Entry;

/// Erases the bodies of entries that lie before an entry or a time.
///
/// # Errors
/// When there is no such run, it has not ended, or the log cannot be read or written.
pub fn prune(dirs: &Dirs, args: &PruneArgs, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let before = match args.before {
        Before::Entry(seq) => seq.min(reader.head()?.0 + 1),
        Before::Time(ms) => first_at(&reader, ms)?,
    };
    let pruned = match Host::open(dirs, &options()?) {
        Ok(host) => {
            let pruned = host.runtime().block_on(host.prune(args.run, before));
            host.close();
            pruned?
        }
        Err(HostError::Store(StoreError::Busy(path))) => ask(dirs, args, before, StoreError::Busy(path))?,
        Err(error) => return Err(error.into()),
    };
    if args.format.json {
        out.json("pruned", &pruned)?;
    } else {
        out.line(&told(&pruned, before))?;
    }
    if pruned.unfinished > 0 {
        let runs = counted(pruned.unfinished, "run that has", "runs that have");
        note(&format!("note: the bodies of {runs} not ended stay"));
    }
    if pruned.bodies > 0 {
        note(
            "note: runs without their bodies cannot be replayed, nor their overlays applied; their room in the log is used again",
        );
    }
    Ok(Code::Ok)
}

fn told(pruned: &Pruned, before: u64) -> String {
    let (Some(first), Some(last)) = (pruned.first, pruned.last) else {
        return format!("nothing to erase before #{before}");
    };
    let bodies = counted(pruned.bodies, "body", "bodies");
    let size = show(Meter::BytesStored, pruned.bytes);
    let at = if first == last { format!("#{first}") } else { format!("#{first}–{}", grouped(last)) };
    format!("erased {bodies} ({size}) of {} before #{before} · {at}", counted(pruned.runs, "run", "runs"))
}

/// The first entry at a time or after it; times never go back.
fn first_at(reader: &Reader, ms: u64) -> Result<u64, Failure> {
    let (mut from, mut to) = (1, reader.head()?.0 + 1);
    while from < to {
        let middle = from + (to - from) / 2;
        let mut time = 0;
        reader.lines(middle, middle, |seq, line| {
            time = Entry::parse(line).map_err(|error| unreadable(seq, &error))?.t;
            Ok::<_, Failure>(())
        })?;
        if time < ms { from = middle + 1 } else { to = middle }
    }
    Ok(from)
}

/// Has the host do it that has the state directory.
fn ask(dirs: &Dirs, args: &PruneArgs, before: u64, busy: StoreError) -> Result<Pruned, Failure> {
    match Owner::find(&dirs.state).and_then(|mut owner| owner.ask(Ask::Prune { run: args.run, before })) {
        Ok(Reply::Pruned(pruned)) => Ok(pruned),
        Ok(other) => Err(HostError::from(other).into()),
        // It writes the directory, but does not listen: `run` without a socket, or an older host.
        Err(Unanswered::Nobody) => Err(Failure::from(busy).help("when it has ended, again")),
        Err(error) => Err(HostError::from(error).into()),
    }
}
