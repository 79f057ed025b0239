//! `aos-host resume`: a run that was cut off goes on, and is shown from there as `run` shows it.

use super::args::ResumeArgs;
use super::command::Typed;
use super::failure::{Code, Failure};
use super::follow::Follower;
use super::options;
use super::out::Out;
use super::run::{Shown, conclude, follow, interrupts};
use crate::host::{Dirs, Host, Options, unfinished};

/// Takes up a run that was cut off, the newest by default, and follows it to its end.
///
/// # Errors
/// When there is none, it cannot be resumed, or the log cannot be written; how the run itself ended is in the code.
pub fn resume(dirs: &Dirs, args: &ResumeArgs, out: &mut Out) -> Result<Code, Failure> {
    let typed = Typed::now();
    let options = Options {
        check: args.self_check,
        log_limit: args.log_limit,
        threads: args.threads.map(usize::from),
        ..options()?
    };
    let newest = || {
        let none = || Failure::usage("every run has ended; there is nothing to resume");
        unfinished(dirs)?.pop().ok_or_else(none)
    };
    let run = args.about.run.map_or_else(newest, Ok)?;
    let shown = Shown { json: args.about.format.json, quiet: args.quiet };
    let mut follower = Follower::open(dirs, run, shown.quiet, typed.clone())?;
    follower.pass()?;
    let host = Host::open(dirs, &options)?;
    let runtime = host.runtime().handle().clone();
    let done = runtime.block_on(async {
        let interrupts = interrupts()?;
        // What asks the operator is answered from another terminal.
        let _socket = host.listen(&options)?;
        let running = host.resume(&options, run).await?;
        follow(&host, running, interrupts, &mut follower).await
    });
    host.close();
    conclude(&follower, done?, shown, &typed, out)
}
