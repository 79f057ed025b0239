//! `aos-host resume`: a run that was cut off goes on, and is shown from there as `run` shows it.

use super::args::ResumeArgs;
use super::command::Typed;
use super::failure::{Code, Failure};
use super::follow::Follower;
use super::host_options;
use super::out::Out;
use super::place::{Begun, Wanted, begin};
use super::run::{Shows, followed, not_begun};
use crate::host::resume::Again;
use crate::host::{Dirs, unfinished};

/// Takes up a run that was cut off, the newest by default, and follows it to its end.
///
/// # Errors
/// When there is none, it cannot be resumed, or the log cannot be written; how the run itself ended is in the code.
pub fn resume(dirs: &Dirs, args: &ResumeArgs, out: &mut Out) -> Result<Code, Failure> {
    let options = host_options(&args.host)?;
    let newest = || {
        let none = || Failure::usage("every run has ended; there is nothing to resume");
        unfinished(dirs)?.pop().ok_or_else(none)
    };
    let run = args.about.run.map_or_else(newest, Ok)?;
    let shows = Shows { json: args.about.format.json, quiet: args.quiet, typed: Typed::now() };
    let mut follower = Follower::open(dirs, run, shows.quiet, shows.typed.clone())?;
    follower.pass()?;
    let begun = begin(dirs, &options, Wanted::Resume(Again { run, add: args.add.clone() }));
    let Begun { place, mut interrupts, .. } = begun.map_err(|not| not_begun(not, &shows.typed))?;
    let shown = followed(follower, &place, &mut interrupts, &shows, out);
    place.leave(interrupts);
    shown
}
