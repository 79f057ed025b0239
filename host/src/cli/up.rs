//! `aos-host up`: a host without a run of its own.

use super::args::HostArgs;
use super::failure::{Code, Failure};
use super::host_options;
use super::out::note;
use super::place::Interrupts;
use super::view::escape::visible;
use crate::host::control::NAME;
use crate::host::resume::Again;
use crate::host::{Dirs, Host, unfinished};

/// Runs that are named at the end; further ones are counted.
const NAMED: usize = 8;

/// Keeps a host running until it is interrupted. It goes on with the runs that were cut off; those that have not ended then
/// wait, on disk, for the next host.
///
/// # Errors
/// When another host has the state directory, or the log cannot be written.
pub fn up(dirs: &Dirs, args: &HostArgs) -> Result<Code, Failure> {
    let options = host_options(args)?;
    let host = Host::open(dirs, &options)?;
    let runtime = host.runtime().handle().clone();
    let ended = runtime.block_on(async {
        let mut interrupts = Interrupts::new()?;
        let socket = host.listen(&options)?;
        let place = dirs.state.join(NAME);
        note(&format!("host up, listening on {}; Ctrl-C ends it", visible(&place.to_string_lossy())));
        for run in unfinished(dirs)? {
            // It was handed over meanwhile.
            if host.kernel().open_runs().contains(&run) {
                continue;
            }
            match host.resume(&options, Again { run, add: Vec::new() }).await {
                Ok(_) => note(&format!("r{run} goes on")),
                Err(error) => {
                    note(&format!("r{run} does not go on:"));
                    Failure::from(error).show();
                }
            }
        }
        let stopped = tokio::select! {
            () = interrupts.next() => Ok(()),
            stopped = host.stopped() => Err(Failure::from(stopped)),
        };
        drop(socket);
        stopped
    });
    let open = host.kernel().open_runs();
    host.close();
    if !open.is_empty() {
        let named: Vec<String> = open.iter().take(NAMED).map(|run| format!("r{run}")).collect();
        let more =
            if open.len() > NAMED { format!(" and {} more", open.len() - NAMED) } else { String::new() };
        note(&format!("not ended: {}{more}; the next `aos-host up` goes on with them", named.join(", ")));
    }
    note("host down");
    ended.map(|()| Code::Ok)
}
