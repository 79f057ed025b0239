//! What can be typed after `aos-host audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::args::Format;
use crate::cli::flags;
use crate::cli::view::time;
use crate::kernel::call::RunId;

/// What can be done with the log.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check the log, a part of it, or a file that was taken from it
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Print the key that the log's checkpoints are verified with
    #[command(after_help = "Examples:\n  aos-host audit key\n  aos-host audit key -o log.key")]
    Key(OutputArgs),
    /// Print the newest checkpoint: how long the log is, its root, and a signature
    #[command(after_help = "Example:\n  aos-host audit checkpoint -o kept.note")]
    Checkpoint(OutputArgs),
    /// Write a proof that an entry is in the log, in one file that is checked offline
    #[command(after_help = "Example:\n  aos-host audit prove 12 -o entry.tlog-proof")]
    Prove(ProveArgs),
    /// Prove that the log still begins with what a checkpoint said
    #[command(
        after_help = "Examples:\n  aos-host audit consistency kept.note\n  aos-host audit consistency 64"
    )]
    Consistency(ConsistencyArgs),
    /// Write the log's entries: as they are, with a proof for a stranger, or as a static log
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArgs),
    /// Make a state directory of a backup: a log of its own, since others may have seen more than the backup has
    #[command(after_help = "Example:\n  aos-host audit restore backup --state restored")]
    Restore(RestoreArgs),
    /// Erase bodies of runs that have ended: every entry stays, and every proof; what is erased is on record
    #[command(after_help = PRUNE_EXAMPLES)]
    Prune(PruneArgs),
    /// Have a witness see the newest checkpoint, and keep what it says
    #[command(after_help = WITNESS_EXAMPLES)]
    Witness(super::witness::WitnessArgs),
    /// Show an entry: who did what, by which right, what it cost, what proves it
    #[command(after_help = "Example:\n  aos-host audit show 12")]
    Show(super::show::ShowArgs),
    /// Show the newest entries, one a line
    #[command(after_help = "Examples:\n  aos-host audit tail\n  aos-host audit tail -f")]
    Tail(super::tail::TailArgs),
    /// Count what is in the log, and what it takes on disk
    #[command(after_help = "Example:\n  aos-host audit stats")]
    Stats(Format),
}

const WITNESS_EXAMPLES: &str = "Examples:
  aos-host audit witness --to https://witness.example --witness KEY
  aos-host audit witness --to submission.txt
  aos-host audit witness --from answer.txt --witness KEY";

const VERIFY_EXAMPLES: &str = "Examples:
  aos-host audit verify
  aos-host audit verify r1
  aos-host audit verify 1-64
  aos-host audit verify --key KEY --checkpoint kept.note
  aos-host audit verify r1.aos --key KEY";

const EXPORT_EXAMPLES: &str = "Examples:
  aos-host audit export r1 -o r1.jsonl
  aos-host audit export r1 -o r1.aos --bodies
  aos-host audit export --form tiles -o log";

const PRUNE_EXAMPLES: &str = "Examples:
  aos-host audit prune --bodies --before 2026-01-31
  aos-host audit prune --bodies --before 2026-01-31T12:00:00Z --run r3
  aos-host audit prune --bodies --before '#1000'";

/// What is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A run.
    Run(RunId),
    /// The entries from one to another.
    Range(u64, u64),
    /// A file that was taken from a log.
    File(PathBuf),
}

/// `r1`, `1-64`, or a file's name.
fn what(text: &str) -> Result<What, String> {
    let numbers = text.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    if let Some((from, to)) = numbers {
        let sound = 1 <= from && from <= to && to <= audit::MAX_SIZE;
        return sound.then_some(What::Range(from, to)).ok_or("entries are counted from 1: write 1-64".into());
    }
    Ok(crate::kernel::parse_run(text).map_or_else(|| What::File(text.into()), What::Run))
}

/// The keys that a verifier brings.
#[derive(Debug, Args)]
pub struct TrustArgs {
    /// The log's key, as `audit key` prints it, or a file with it [default: this host's own]
    #[arg(long = "key", value_name = "KEY")]
    pub keys: Vec<String>,
    /// The key of a witness, or a file with it
    #[arg(long = "witness", value_name = "KEY")]
    pub witnesses: Vec<String>,
    /// How many of these witnesses must have seen it [default: all]
    #[arg(long, value_name = "N", requires = "witnesses")]
    pub quorum: Option<usize>,
}

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A run, some entries, an export or a proof [default: the whole log]
    #[arg(value_name = "RUN|FROM-TO|FILE", value_parser = what)]
    pub what: Option<What>,
    /// Whom the verifier trusts
    #[command(flatten)]
    pub trust: TrustArgs,
    /// A checkpoint that somebody kept: the log must still begin with what it says
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// How it is written
    #[command(flatten)]
    pub format: Format,
}

/// Arguments of `audit key` and `audit checkpoint`.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// The file to write instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of `audit prove`.
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// The entry's number
    #[arg(value_name = "ENTRY", value_parser = clap::value_parser!(u64).range(1..))]
    pub entry: u64,
    /// The file to write instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of `audit consistency`.
#[derive(Debug, Args)]
pub struct ConsistencyArgs {
    /// A checkpoint that was kept, or a number of entries
    #[arg(value_name = "FILE|SIZE")]
    pub old: String,
    /// Write the proof to a file, as a witness takes it (C2SP tlog-witness)
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of `audit restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A copy of a state directory
    pub backup: PathBuf,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// The entries, one line of JSON each, byte for byte
    Jsonl,
    /// One file that proves itself to a stranger with the log's key
    Aos,
    /// A folder of static files that any client of such logs reads (C2SP tlog-tiles)
    Tiles,
}

/// Arguments of `audit export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Only this run's entries
    #[arg(value_name = "RUN", value_parser = flags::run)]
    pub run: Option<RunId>,
    /// The file to write instead of standard output; the folder for tiles
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The form [default: aos for a file that is named so, else jsonl]
    #[arg(long, value_name = "FORM")]
    pub form: Option<Form>,
    /// With the bodies that its entries commit to
    #[arg(long)]
    pub bodies: bool,
}

/// Where a past ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// With the entries before this one.
    Entry(u64),
    /// With what happened before this time: milliseconds since 1970.
    Time(u64),
}

/// `#1000`, `1000`, `2026-01-31` or `2026-01-31T12:00:00Z`.
fn before(text: &str) -> Result<Before, String> {
    let entry = text.strip_prefix('#').unwrap_or(text).parse::<u64>().ok();
    let found = entry.map(Before::Entry).or_else(|| time::parse(text).map(Before::Time));
    found.ok_or_else(|| {
        "an entry ('#1000'), a day (2026-01-31) or a time (2026-01-31T12:00:00Z), in UTC".into()
    })
}

/// Arguments of `audit prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// What is erased: what entries commit to beside their lines, but for grants
    #[arg(long, required = true)]
    pub bodies: bool,
    /// Of which entries: those before this one, or before this time (UTC)
    #[arg(long, value_name = "WHEN|#ENTRY", value_parser = before)]
    pub before: Before,
    /// Of this run alone
    #[arg(long, value_name = "RUN", value_parser = flags::run)]
    pub run: Option<RunId>,
    /// How it is written
    #[command(flatten)]
    pub format: Format,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_past_ends() {
        assert_eq!((before("#12"), before("12")), (Ok(Before::Entry(12)), Ok(Before::Entry(12))));
        assert_eq!(before("2000-02-29"), Ok(Before::Time(951_782_400_000)));
        for bad in ["", "#", "-1", "yesterday", "2026-02-30", "#1-2"] {
            assert!(before(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_verified() {
        assert_eq!(what("r2"), Ok(What::Run(2)));
        assert_eq!(what("1-64"), Ok(What::Range(1, 64)));
        assert_eq!(what("7-7"), Ok(What::Range(7, 7)));
        assert_eq!(what("r1.aos"), Ok(What::File("r1.aos".into())));
        assert_eq!(what("./r1"), Ok(What::File("./r1".into())));
        assert_eq!(what("a-b.aos"), Ok(What::File("a-b.aos".into())));
        for bad in ["0-4", "5-4", "1-9007199254740992"] {
            assert!(what(bad).is_err(), "{bad}");
        }
    }
}
