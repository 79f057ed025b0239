//! The command line: the only code that prints or ends the process. Results go to standard output, everything else to
//! standard error; what is shown of a run is read from durable entries.
//!
//! - [`args`], [`flags`], [`help`]: what can be typed. [`command`]: what was typed.
//! - [`run`] and [`resume`] with [`place`], [`follow`], [`live`] and [`prompt`]; [`up`], [`ps`], [`signal`], [`rule`]: hosts and
//!   what runs on them. [`witness`]: who watches other hosts' logs. [`inspect`], [`report`], [`grant`], [`logs`], [`replay`], [`audit`], [`doctor`], [`overlay`],
//!   [`model`]: the other verbs. [`key`], [`trust`], [`sign`]: who signs packages, and whose signatures count.
//! - [`view`]: entries, for people. [`out`], [`failure`], [`written`]: the streams, the exit codes, and files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::FromArgMatches;

use crate::host::{Dirs, Options};
use crate::sandbox::compile;

pub mod args;
pub mod audit;
pub mod command;
pub mod consent;
pub mod doctor;
pub mod failure;
pub mod flags;
pub mod follow;
pub mod grant;
pub mod help;
pub mod inspect;
pub mod key;
pub mod live;
pub mod logs;
pub mod model;
pub mod out;
pub mod overlay;
pub mod place;
pub mod prompt;
pub mod ps;
pub mod replay;
pub mod report;
pub mod resume;
pub mod revoke;
pub mod rule;
pub mod run;
pub mod sign;
pub mod signal;
pub mod standing;
pub mod trust;
pub mod up;
pub mod view;
pub mod why;
pub mod witness;
pub mod written;

use args::{Cli, HostArgs, Signals, Verb};
use failure::{Code, Failure};
use out::Out;

/// The program: does what was typed and answers the exit code.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let [_, verb, input, output] = words.as_slice()
        && verb == compile::SUBCOMMAND
    {
        // The parent reads the verdict from standard output, where `child` writes it.
        return match compile::child(Path::new(input), Path::new(output)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let parsed = help::command().try_get_matches_from(words).and_then(|found| Cli::from_arg_matches(&found));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version too; a reader that has gone is no error.
            let _unheard = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    let mut out = Out::default();
    let done = perform(cli, &mut out).and_then(|code| out.finish().map(|()| code));
    done.unwrap_or_else(|failure| {
        let _shown_first = out.finish();
        failure.show();
        failure.code
    })
    .into()
}

fn perform(cli: Cli, out: &mut Out) -> Result<Code, Failure> {
    if let Verb::Completions { shell } = cli.verb {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut help::command(), "aos-host", &mut script);
        out.bytes(&script)?;
        return Ok(Code::Ok);
    }
    // An empty variable is one that is not set.
    let set = || std::env::var_os("AOS_STATE").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let dirs = Dirs::resolve(cli.state.or_else(set))?;
    match cli.verb {
        Verb::Run(args) => run::run(&dirs, *args, out),
        Verb::Resume(args) => resume::resume(&dirs, &args, out),
        Verb::Overlay(verb) => overlay::overlay(&dirs, &verb, out),
        Verb::Grant(verb) => grant::grant(&dirs, verb, out),
        Verb::Trust(verb) => trust::trust(&dirs, verb, out),
        Verb::Key(verb) => key::key(&dirs, &verb, out),
        Verb::Sign(args) => sign::sign(&dirs, &args, out),
        Verb::Verify(args) => sign::verify(&dirs, &args, out),
        Verb::Inspect(about) => inspect::inspect(&dirs, &about, out),
        Verb::Report(args) => report::report(&dirs, &args, out),
        Verb::Up(args) => up::up(&dirs, &args),
        Verb::Ps(format) => ps::ps(&dirs, format, out),
        Verb::Signal { process, signal } => signal::signal(&dirs, process, signal, out),
        Verb::Stop { process } => signal::signal(&dirs, process, Signals::Stop, out),
        Verb::Kill { process } => signal::signal(&dirs, process, Signals::Kill, out),
        Verb::Why(args) => why::why(&dirs, &args, out),
        Verb::Revoke { process, rights, all } => revoke::revoke(&dirs, process, (rights, all), out),
        Verb::Approve { question } => rule::rule(&dirs, question, true, out),
        Verb::Deny { question } => rule::rule(&dirs, question, false, out),
        Verb::Logs(args) => logs::logs(&dirs, &args, out),
        Verb::Replay(args) => replay::replay(&dirs, args, out),
        Verb::Audit(verb) => audit::audit(&dirs, verb, out),
        Verb::Witness(args) => witness::witness(&args, out),
        Verb::Model(verb) => model::model(&dirs, &verb, out),
        Verb::Doctor(format) => doctor::doctor(&dirs, format, out),
        Verb::Completions { .. } => Ok(Code::Ok),
    }
}

/// How a host works that was asked for with these flags.
fn host_options(args: &HostArgs) -> Result<Options, Failure> {
    let threads = args.threads.map(usize::from);
    Ok(Options { check: args.self_check, log_limit: args.log_limit, threads, ..options()? })
}

/// How a host works unless flags say otherwise.
fn options() -> Result<Options, Failure> {
    let compiler: PathBuf = std::env::current_exe().map_err(|error| {
        Failure::new(Code::Internal, format!("where this program is cannot be told: {error}"))
    })?;
    Ok(Options {
        check: false,
        log_limit: None,
        threads: None,
        compiler,
        lines: Default::default(),
        tell: out::note,
    })
}
