//! What is offered to an agent, for one run or for longer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use authority::{Narrowing, Pattern, Verb as Right};
use clap::{Args, Subcommand};

use super::{About, Format};
use crate::cli::flags::{self, Ends, Rate, Until};
use crate::host::{ModelFlag, MountFlag, Request};

/// What an agent or a team is offered.
#[derive(Debug, Args)]
pub struct OfferArgs {
    /// Let it read a directory, write it too, or change it in the run alone; `,label=personal` says what is in it
    #[arg(long = "mount", value_name = "LABEL=DIR[:ro|:rw|:overlay]", value_parser = flags::mount)]
    pub mounts: Vec<MountFlag>,
    /// Let it ask a model
    #[arg(long = "model", value_name = "LABEL=MODEL@URL|NAME|scripted:FILE", value_parser = flags::model)]
    pub models: Vec<ModelFlag>,
    /// Tables of models [default: models.toml in the configuration directory]
    #[arg(long = "models", value_name = "FILE")]
    pub models_file: Option<PathBuf>,
    /// Give it a capability
    #[arg(long, value_name = "VERB=OBJECT", value_parser = flags::allow)]
    pub allow: Vec<(Right, Pattern)>,
    /// Have each such call wait for `approve`
    #[arg(long, value_name = "VERB=OBJECT", value_parser = flags::ask)]
    pub ask: Vec<Narrowing>,
    /// Take it from a process that carries one of these categories
    #[arg(long, value_name = "VERB=OBJECT,label=CATEGORY", value_parser = flags::unless)]
    pub unless: Vec<Narrowing>,
    /// Have it end, or all that reaches outside: `write=site,30m`, `2027-01-31`
    #[arg(long, value_name = "[VERB=OBJECT,]WHEN", value_parser = flags::ends)]
    pub until: Vec<Ends>,
    /// Have it handed on so many generations down at most
    #[arg(long, value_name = "VERB=OBJECT,N", value_parser = flags::depth)]
    pub depth: Vec<Narrowing>,
    /// Limit it; with a period, what was used comes back each hour or day
    #[arg(long, value_name = "METER=AMOUNT[/h|/d]", value_parser = flags::budget)]
    pub budget: Vec<Rate>,
    /// Give a member's processes more or less of a backend that many ask, 1 to 1000 [default: 100]
    #[arg(long = "weight", value_name = "MEMBER=N", value_parser = flags::weight)]
    pub weights: Vec<(String, u16)>,
}

impl OfferArgs {
    /// A request to run something with this offer, without an input.
    pub fn request(self, target: PathBuf) -> Request {
        Request {
            target,
            mounts: self.mounts,
            models: self.models,
            models_file: self.models_file,
            allow: self.allow,
            narrow: {
                let until = self.until.into_iter().flat_map(|Ends(narrowings)| narrowings);
                self.ask.into_iter().chain(self.unless).chain(until).chain(self.depth).collect()
            },
            // The last one of a meter counts.
            windows: {
                let mut last = BTreeMap::new();
                last.extend(self.budget.iter().map(|rate| (rate.meter, rate.period)));
                last.into_iter().filter_map(|(meter, period)| Some((meter, period?))).collect()
            },
            budget: self.budget.iter().map(|rate| (rate.meter, rate.amount)).collect(),
            weights: self.weights,
            ..Request::default()
        }
    }
}

/// What can be done about grants.
#[derive(Debug, Subcommand)]
pub enum GrantVerb {
    /// Let a package start with this offer from now on, unless it asks for more
    #[command(
        after_help = "Examples:\n  aos-host grant add docs --mount notes=in --mount site=out:overlay\n  aos-host grant add docs --mount notes=in --key offline -o docs.dsse\n  aos-host grant add docs.dsse"
    )]
    Add(Box<GrantArgs>),
    /// List the standing grants
    #[command(after_help = "Example:\n  aos-host grant list")]
    List(Format),
    /// Show a standing grant
    #[command(after_help = "Example:\n  aos-host grant show docs-merge")]
    Show {
        /// Its name
        name: String,
        /// How it is written
        #[command(flatten)]
        format: Format,
    },
    /// Take a standing grant away, for good
    #[command(after_help = "Example:\n  aos-host grant revoke docs-merge --now")]
    Revoke {
        /// Its name
        name: String,
        /// End what runs under it
        #[arg(long)]
        now: bool,
    },
    /// Print the least grant that a run needed, from its entries
    #[command(after_help = "Example:\n  aos-host grant suggest r1 > least.toml")]
    Suggest(About),
    /// Decide a past run's calls under another grant: exit code 3 if some would have been refused
    #[command(after_help = "Example:\n  aos-host grant try least.toml r1")]
    Try(TryArgs),
}

/// Arguments of `grant add`.
#[derive(Debug, Args)]
pub struct GrantArgs {
    /// What may start: a component, a manifest, a folder with one; or a grant that was signed elsewhere
    pub target: PathBuf,
    /// What it is called [default: the package's name]
    #[arg(long)]
    pub name: Option<String>,
    /// When it ends
    #[arg(long, value_name = "DATE|DURATION", value_parser = flags::until)]
    pub expires: Option<Until>,
    /// Only for exactly what is there now, not for later versions
    #[arg(long)]
    pub exact: bool,
    /// Sign it with this key of yours instead of the host's
    #[arg(long, value_name = "NAME", requires = "output")]
    pub key: Option<String>,
    /// Write it to a file instead of keeping it
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// What it is offered
    #[command(flatten)]
    pub offer: OfferArgs,
}

/// Arguments of `grant try`.
#[derive(Debug, Args)]
pub struct TryArgs {
    /// A file with rights, as `grant suggest` prints it; an agent.toml too
    pub file: PathBuf,
    /// Which run
    #[command(flatten)]
    pub about: About,
}
