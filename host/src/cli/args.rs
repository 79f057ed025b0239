//! What can be typed.

use std::path::PathBuf;

use authority::{Pattern, Verb as Right};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use ledger::Meter;

use super::flags;
use crate::kernel::call::{Key, RunId};

/// Runs AI agents as WebAssembly components behind one gated, metered, logged system call interface.
#[derive(Debug, Parser)]
#[command(name = "aos-host", version)]
pub struct Cli {
    /// The state directory, where the log is [env: AOS_STATE] [default: one for each project directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs; `help` groups them.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run an agent or a team
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// Go on with a run that was cut off
    #[command(after_help = "Examples:\n  aos-host resume r1\n  aos-host resume r1 --add tokens-in=20k")]
    Resume(ResumeArgs),
    /// See what a run left in an overlay, and make it so or give it up
    #[command(subcommand, after_help = OVERLAY_EXAMPLES)]
    Overlay(Overlay),
    /// Keep a host running, for the runs of other terminals
    #[command(after_help = "Example:\n  aos-host up")]
    Up(HostArgs),
    /// Show what runs, what it waits for, and what you are asked
    #[command(after_help = "Example:\n  aos-host ps")]
    Ps(Format),
    /// Signal a process, or the root of a run
    #[command(after_help = "Examples:\n  aos-host signal r1/2 stop\n  aos-host signal r1 kill")]
    Signal {
        /// The process
        #[arg(value_name = "RUN[/PID]", value_parser = flags::process)]
        process: Key,
        /// To stop asks it to end; to kill ends it, with everything that it spawned
        signal: Signals,
    },
    /// Ask a process to end: `signal RUN stop`
    #[command(after_help = "Example:\n  aos-host stop r1")]
    Stop {
        /// The process
        #[arg(value_name = "RUN[/PID]", value_parser = flags::process)]
        process: Key,
    },
    /// End a process with everything that it spawned: `signal RUN kill`
    #[command(after_help = "Example:\n  aos-host kill r1")]
    Kill {
        /// The process
        #[arg(value_name = "RUN[/PID]", value_parser = flags::process)]
        process: Key,
    },
    /// Show why a process may do something, or may not: from you to it
    #[command(
        after_help = "Examples:\n  aos-host why r1/2\n  aos-host why r1/3 write=site\n  aos-host why r1/3 '#27'\n\nExit code 3 when it may not."
    )]
    Why(super::why::WhyArgs),
    /// Take rights from a process and from all that it spawned
    #[command(
        after_help = "Examples:\n  aos-host revoke r1/2 write=site\n  aos-host revoke r1 infer=* tool=*\n  aos-host revoke r1/3 --all"
    )]
    Revoke {
        /// The process
        #[arg(value_name = "RUN[/PID]", value_parser = flags::process)]
        process: Key,
        /// What is taken: a right that has one of these objects goes as a whole
        #[arg(value_name = "VERB=OBJECT", value_parser = flags::allow, required_unless_present = "all")]
        rights: Vec<(Right, Pattern)>,
        /// All of its rights
        #[arg(long, conflicts_with = "rights")]
        all: bool,
    },
    /// Let a call be made that waits for you
    #[command(after_help = "Example:\n  aos-host approve r1#12")]
    Approve {
        /// The entry that asks, as `ps` shows it
        #[arg(value_name = "RUN#ENTRY", value_parser = flags::question)]
        question: (RunId, u64),
    },
    /// Refuse a call that waits for you
    #[command(after_help = "Example:\n  aos-host deny r1#12")]
    Deny {
        /// The entry that asks, as `ps` shows it
        #[arg(value_name = "RUN#ENTRY", value_parser = flags::question)]
        question: (RunId, u64),
    },
    /// See what a run needed, and what another grant would have refused it
    #[command(
        subcommand,
        after_help = "Examples:\n  aos-host grant suggest r1 > least.toml\n  aos-host grant try least.toml r1"
    )]
    Grant(GrantVerb),
    /// Say whose packages run here, and what runs no more
    #[command(subcommand, after_help = super::trust::EXAMPLES)]
    Trust(super::trust::TrustVerb),
    /// Make the keys that packages and grants are signed with
    #[command(subcommand, after_help = super::key::EXAMPLES)]
    Key(super::key::KeyVerb),
    /// Sign a package: its manifest, its components, its name and version
    #[command(after_help = "Example:\n  aos-host sign team --key acme")]
    Sign(super::sign::SignArgs),
    /// Check what was signed of a package, and whose key did: exit code 3 unless it would run here
    #[command(after_help = "Example:\n  aos-host verify team")]
    Verify(super::sign::VerifyArgs),
    /// Show what a run did, and what it cost
    #[command(after_help = "Example:\n  aos-host inspect r1")]
    Inspect(About),
    /// Write a run as one HTML file that opens offline
    #[command(after_help = "Example:\n  aos-host report r1 -o report.html")]
    Report(ReportArgs),
    /// Show what a run's agents logged
    #[command(after_help = "Examples:\n  aos-host logs r1\n  aos-host logs -f")]
    Logs(LogsArgs),
    /// Execute a run again on its log, and compare
    #[command(
        after_help = "Examples:\n  aos-host replay r1\n  aos-host replay r1 --component writer=new.wasm"
    )]
    Replay(ReplayArgs),
    /// Check the log, prove what is in it, or take it elsewhere
    #[command(subcommand)]
    Audit(super::audit::args::Audit),
    /// See checkpoints of other hosts' logs, and say that they continue what was seen
    #[command(after_help = "Example:\n  aos-host witness --listen 127.0.0.1:8181 --dir seen --log KEY")]
    Witness(super::witness::WitnessArgs),
    /// Look at models, and ask them something
    #[command(subcommand, after_help = "Examples:\n  aos-host model list\n  aos-host model check default")]
    Model(super::model::ModelVerb),
    /// Check what the host needs on this machine
    #[command(after_help = "Example:\n  aos-host doctor")]
    Doctor(Format),
    /// Write a shell's completions
    #[command(after_help = "Example:\n  aos-host completions bash > aos-host.bash")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

mod grants;

pub use grants::{GrantArgs, GrantVerb, OfferArgs, TryArgs};

const RUN_EXAMPLES: &str = "Examples:
  aos-host run hello.wasm Ada
  aos-host run agent.toml --mount notes=in --mount site=out:rw --model default=scripted:a.toml
  aos-host run agent.toml --mount site=out:overlay
  aos-host run hello.wasm --allow publish=progress.* --budget fuel=2G --budget wall-time=30s";

const OVERLAY_EXAMPLES: &str = "Examples:
  aos-host overlay diff r1 site
  aos-host overlay apply r1 site
  aos-host overlay discard r1 site";

/// How a result is written.
#[derive(Debug, Clone, Copy, Args)]
pub struct Format {
    /// Write lines of JSON
    #[arg(long)]
    pub json: bool,
}

/// Which run, and how it is shown.
#[derive(Debug, Args)]
pub struct About {
    /// The run; the newest by default
    #[arg(value_name = "RUN", value_parser = flags::run)]
    pub run: Option<RunId>,
    /// How it is written
    #[command(flatten)]
    pub format: Format,
}

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Which run
    #[command(flatten)]
    pub about: About,
    /// Show further lines as they come, until the run ends
    #[arg(long, short)]
    pub follow: bool,
}

/// What the operator can signal.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Signals {
    /// Ask it to end
    Stop,
    /// End it
    Kill,
}

/// How a host works.
#[derive(Debug, Args)]
pub struct HostArgs {
    /// Fold each entry into a second state and stop at the first difference; slow
    #[arg(long, env = "AOS_SELF_CHECK", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub self_check: bool,
    /// The log's size at most
    #[arg(long, value_name = "BYTES", value_parser = flags::bytes)]
    pub log_limit: Option<u64>,
    /// Threads for agents [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A component (.wasm), a manifest (agent.toml), or a folder with one
    pub target: PathBuf,
    /// The agent's input: these words, with a space between
    #[arg(value_name = "INPUT", conflicts_with = "input")]
    pub words: Vec<String>,
    /// The agent's input: a file's contents, or standard input (-)
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// What it is offered
    #[command(flatten)]
    pub offer: OfferArgs,
    /// Start a signed package although a newer version of it was started already
    #[arg(long)]
    pub older: bool,
    /// Show nothing but the result and what went wrong
    #[arg(long, short)]
    pub quiet: bool,
    /// How the host works, unless one runs already
    #[command(flatten)]
    pub host: HostArgs,
    /// How it is written
    #[command(flatten)]
    pub format: Format,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run; the newest by default
    #[arg(value_name = "RUN", value_parser = flags::run)]
    pub run: Option<RunId>,
    /// The file to write; `-` is standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Which run
    #[command(flatten)]
    pub about: About,
    /// Let it spend so much more than it was granted
    #[arg(long, value_name = "METER=AMOUNT", value_parser = flags::amount)]
    pub add: Vec<(Meter, u64)>,
    /// Show nothing but the result and what went wrong
    #[arg(long, short)]
    pub quiet: bool,
    /// How the host works, unless one runs already
    #[command(flatten)]
    pub host: HostArgs,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Which run
    #[command(flatten)]
    pub about: About,
    /// Use this component instead of the root's, or of a member's
    #[arg(long, value_name = "[MEMBER=]FILE", value_parser = flags::changed)]
    pub component: Option<(String, PathBuf)>,
}

/// What can be done with an overlay of a run that has ended.
#[derive(Debug, Subcommand)]
pub enum Overlay {
    /// Show what would change in its directory
    #[command(after_help = "Example:\n  aos-host overlay diff r1 site")]
    Diff(OverlayArgs),
    /// Make its changes, unless the directory has changed meanwhile
    #[command(after_help = "Example:\n  aos-host overlay apply r1 site")]
    Apply(OverlayArgs),
    /// Give it up
    #[command(after_help = "Example:\n  aos-host overlay discard r1 site")]
    Discard(OverlayArgs),
}

/// Which overlay.
#[derive(Debug, Args)]
pub struct OverlayArgs {
    /// The run
    #[arg(value_name = "RUN", value_parser = flags::run)]
    pub run: RunId,
    /// The overlay's label
    #[arg(value_name = "NAME")]
    pub name: String,
    /// How it is written
    #[command(flatten)]
    pub format: Format,
}
