//! `aos-host audit witness`: has witnesses see the newest checkpoint, and keeps what they say of it.

use std::path::{Path, PathBuf};

use audit::note::Signature;
use audit::{Checkpoint, Kind, Note, Submission, VerifierKey, proof};
use clap::Args;

use super::checkpoint::newest;
use super::trust;
use crate::cli::failure::{Code, Failure};
use crate::cli::out::{Out, note};
use crate::cli::view::escape::visible;
use crate::cli::written::Written;
use crate::host::Dirs;
use crate::journal::Reader;
use crate::witness::client::{self, Answered, AskError};

/// How often a witness is asked: once more when it tells what it saw, and once when another asked meanwhile.
const ATTEMPTS: usize = 3;

/// Arguments of `audit witness`.
#[derive(Debug, Args)]
pub struct WitnessArgs {
    /// The witness to ask, https://HOST/PREFIX; or a file to write that is handed to one
    #[arg(long, value_name = "URL|FILE", required_unless_present = "from")]
    pub to: Option<String>,
    /// A file with a witness's answer
    #[arg(long, value_name = "FILE", conflicts_with = "to", requires = "witnesses")]
    pub from: Option<PathBuf>,
    /// The key of the witness, or a file with it; what others sign is not kept
    #[arg(long = "witness", value_name = "KEY")]
    pub witnesses: Vec<String>,
    /// What a witness saw last, for a file
    #[arg(long, value_name = "SIZE", requires = "to")]
    pub old: Option<u64>,
}

/// Asks a witness, writes what is to be handed to one, or takes its answer.
///
/// # Errors
/// When there is no checkpoint, the witness refuses, or nothing in its answer is by a known key.
pub fn witness(dirs: &Dirs, args: &WitnessArgs, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let keys = trust::keys(&args.witnesses, Kind::Witness)?;
    let asked = Asked { reader: &reader, keys };
    match (&args.to, &args.from) {
        (Some(url), _) if url.starts_with("http://") || url.starts_with("https://") => {
            let (size, cosigned) = asked.ask(url, args.old)?;
            asked.keep(size, &cosigned, out)
        }
        (Some(file), _) => asked.write(Path::new(file), args.old, out),
        (None, Some(file)) => asked.take(file, out),
        (None, None) => Err(Failure::usage("--to or --from is missing")),
    }
}

struct Asked<'a> {
    reader: &'a Reader,
    keys: Vec<VerifierKey>,
}

impl Asked<'_> {
    /// What a witness that saw `old` is sent.
    fn submission(&self, old: u64) -> Result<(Submission, Checkpoint), Failure> {
        let (note, new) = newest(self.reader)?;
        if old > new.size {
            return Err(Failure::new(
                Code::NotVerified,
                format!(
                    "the witness saw #1–{old}, and the newest checkpoint is of #1–{}: the log was rolled back, or goes on elsewhere",
                    new.size
                ),
            ));
        }
        let hashes = proof::consistency(self.reader.store(), old, new.size)?
            .map_err(|error| Failure::new(Code::NotVerified, error))?;
        Ok((Submission { old, hashes, note }, new))
    }

    /// The size that is tried first: the newest that a witness saw.
    fn seen(&self, old: Option<u64>) -> Result<u64, Failure> {
        let newest = newest(self.reader)?.1.size;
        let sizes = self.reader.store().cosigned_sizes()?;
        Ok(old.unwrap_or_else(|| sizes.into_iter().rfind(|size| *size <= newest).unwrap_or(0)))
    }

    fn ask(&self, url: &str, old: Option<u64>) -> Result<(u64, Note), Failure> {
        if self.keys.is_empty() {
            return Err(Failure::usage("--witness is missing: whose answer counts?")
                .help("`aos-host witness` prints its key when it starts; ask its owner for it"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(Code::Internal, error))?;
        let mut old = self.seen(old)?;
        for _ in 0..ATTEMPTS {
            let (submission, new) = self.submission(old)?;
            let answered = runtime.block_on(client::ask(url, submission.to_string()));
            match answered.map_err(unanswered)? {
                Answered::Cosigned(lines) => return Ok((new.size, with(submission.note, &lines)?)),
                Answered::Saw(size) if size == new.size && old == size => {
                    return Err(Failure::new(
                        Code::NotVerified,
                        format!("the witness saw another root of #1–{size}: the log was forked"),
                    ));
                }
                Answered::Saw(size) => old = size,
                Answered::Refused { status: 422, why } => {
                    return Err(Failure::new(
                        Code::NotVerified,
                        format!(
                            "the log does not continue what the witness saw, #1–{old}: it was forked ({why})"
                        ),
                    ));
                }
                Answered::Refused { status, why } => {
                    let hint = match status {
                        403 | 404 => "its owner has to know this log's key: aos-host audit key",
                        _ => "ask its owner",
                    };
                    return Err(Failure::new(Code::Failed, format!("the witness refuses ({status}): {why}"))
                        .help(hint));
                }
            }
        }
        Err(Failure::new(
            Code::Failed,
            "the witness saw another size each time: others ask it meanwhile; try again",
        ))
    }

    fn write(&self, path: &Path, old: Option<u64>, out: &mut Out) -> Result<Code, Failure> {
        let (submission, new) = self.submission(self.seen(old)?)?;
        let mut written = Written::new(Some(path), out)?;
        written.bytes(submission.to_string().as_bytes())?;
        written.finish()?;
        let (old, file) = (submission.old, path.display());
        note(&format!("what continues #1–{old} to #1–{} is in {file}: have a witness sign it", new.size));
        note("its answer: aos-host audit witness --from ANSWER --witness KEY");
        Ok(Code::Ok)
    }

    /// Takes an answer: signature lines of the newest checkpoint, or a note of any.
    fn take(&self, path: &Path, out: &mut Out) -> Result<Code, Failure> {
        let bytes = trust::file(path)?;
        let (newest, new) = newest(self.reader)?;
        if let Ok(cosigned) = Note::parse(&bytes) {
            let wrong = |what: &str| Failure::new(Code::NotVerified, format!("{}: {what}", path.display()));
            let of: Checkpoint = cosigned.text().parse().map_err(|_| wrong("it is no checkpoint"))?;
            if of.origin != new.origin
                || of.size > new.size
                || self.reader.store().root_at(of.size)? != of.root
            {
                return Err(wrong("it is not a checkpoint of this log"));
            }
            return self.keep(of.size, &cosigned, out);
        }
        let lines = String::from_utf8_lossy(&bytes).into_owned();
        self.keep(new.size, &with(newest, &lines)?, out)
    }

    /// Keeps what the known witnesses say.
    fn keep(&self, size: u64, cosigned: &Note, out: &mut Out) -> Result<Code, Failure> {
        let seen = cosigned.verify(&self.keys).map_err(|error| {
            Failure::new(Code::NotVerified, format!("the witness's answer: {error}"))
                .help("compare its key with the one that its owner gave you")
        })?;
        let (mut note, _) = match self.reader.store().checkpoint_from(size)?.filter(|own| own.size == size) {
            Some(own) => own.read(&self.reader.store().origin()?.unwrap_or_default()).map_err(|error| {
                Failure::new(Code::NotVerified, format!("the checkpoint of #1–{size}: {error}"))
            })?,
            None => return Err(Failure::usage(format!("there is no checkpoint of #1–{size} here"))),
        };
        if note.text() != cosigned.text() {
            return Err(Failure::new(Code::NotVerified, "the answer is about another checkpoint"));
        }
        let known = |signature: &&Signature| {
            seen.iter().any(|seen| seen.key.name() == signature.name && seen.key.id() == signature.id)
        };
        cosigned.signatures().iter().filter(known).for_each(|signature| note.add(signature.clone()));
        self.reader.store().keep_cosigned(size, &note)?;
        for seen in seen {
            let time = crate::cli::view::time::rfc3339(seen.time.saturating_mul(1_000));
            out.line(&format!("cosigned · #1–{size} · {} · {time}", visible(seen.key.name())))?;
        }
        Ok(Code::Ok)
    }
}

/// A note with further signatures.
fn with(mut note: Note, lines: &str) -> Result<Note, Failure> {
    for line in lines.strip_suffix('\n').unwrap_or(lines).split('\n') {
        let signature = Signature::parse(line)
            .map_err(|error| Failure::new(Code::NotVerified, format!("the witness's answer: {error}")))?;
        note.add(signature);
    }
    Ok(note)
}

fn unanswered(error: AskError) -> Failure {
    let code = match error {
        AskError::Address(_) => Code::Usage,
        AskError::Http(_) | AskError::Form(_) => Code::Failed,
    };
    Failure::new(code, error)
}
