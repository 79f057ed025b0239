//! What was taken from a log, checked without it: an export or a proof.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use audit::export::{self, Checker, LINE_BYTES, Shown};
use audit::proof_file::{self, PROOF_FILE_BYTES};
use audit::{Checkpoint, Digest, ProofFile, leaf_hash, proof};
use serde::Deserialize;

use super::trust::{Trust, kept};
use super::verdict::{Answered, Verdict, counted};
use crate::cli::failure::Failure;
use crate::cli::view::escape::visible_bytes;

/// What a file shows when no key was brought.
const KEYLESS: &str = "note: without --key this shows that the file agrees with itself, not who made it";

/// Checks a file.
///
/// # Errors
/// When it cannot be read.
pub fn file(path: &Path, trust: &Trust, shown: Option<&PathBuf>) -> Result<Verdict, Failure> {
    let cannot = |error: &std::io::Error| Failure::file("read", path, error);
    let mut lines = BufReader::new(File::open(path).map_err(|error| cannot(&error))?);
    let first = lines.fill_buf().map_err(|error| cannot(&error))?;
    let begins =
        |header: &str| first.strip_prefix(header.as_bytes()).is_some_and(|rest| rest.starts_with(b"\n"));
    let found = if begins(proof_file::HEADER) {
        let mut bytes = Vec::new();
        lines.take(PROOF_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
        proved(&bytes, trust)
    } else if begins(export::HEADER) {
        exported(lines, trust).map_err(|error| cannot(&error))?
    } else {
        let (export, proof) = (export::HEADER, proof_file::HEADER);
        Err(format!("{} is neither an export ({export}) nor a proof ({proof})", path.display()))
    };
    let sound = found.and_then(|sound| {
        sound.witnessed(trust)?;
        sound.is_of(shown)?;
        Ok(sound)
    });
    Ok(match sound {
        Ok(sound) => sound.verdict(trust),
        Err(fault) => Verdict::failed(&fault, Answered::default()),
    })
}

/// What a file shows that holds.
struct Sound {
    checkpoint: Checkpoint,
    seen: usize,
    text: String,
    notes: Vec<String>,
    answered: Answered,
}

fn exported(mut lines: impl BufRead, trust: &Trust) -> std::io::Result<Result<Sound, String>> {
    let keys = trust.keys();
    let mut checker = Checker::new(&keys);
    let mut line = Vec::new();
    loop {
        line.clear();
        // One byte more than a line may have is enough to refuse it.
        lines.by_ref().take(LINE_BYTES as u64 + 2).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            break;
        }
        if let Err(error) = checker.take(line.strip_suffix(b"\n").unwrap_or(&line)) {
            return Ok(Err(error.to_string()));
        }
    }
    let Shown { checkpoint, entries: (from, to), present, bodies, committed, signers } =
        match checker.finish() {
            Ok(shown) => shown,
            Err(error) => return Ok(Err(error.to_string())),
        };
    let hidden = to - from + 1 - present;
    let text = format!(
        "· {} of #{from}–{to} · in the checkpoint of #1–{} · bodies {}/{}",
        counted(present, "entry", "entries"),
        checkpoint.size,
        ledger::grouped(bodies),
        ledger::grouped(committed)
    );
    let notes = (hidden > 0).then(|| {
        format!(
            "note: of {} between only the hash is there: of other runs, or left out",
            counted(hidden, "entry", "entries")
        )
    });
    let seen = signers.iter().filter(|(_, time)| *time > 0).count();
    let answered = Answered {
        entries: present,
        bodies_present: bodies,
        bodies_committed: committed,
        ..Answered::default()
    };
    Ok(Ok(Sound { checkpoint, seen, text, notes: notes.into_iter().collect(), answered }))
}

/// What is read of a proved entry.
#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

fn proved(bytes: &[u8], trust: &Trust) -> Result<Sound, String> {
    let file = ProofFile::parse(bytes).map_err(|error| error.to_string())?;
    let checkpoint: Checkpoint =
        file.note.text().parse().map_err(|error| format!("its checkpoint: {error}"))?;
    let keys = trust.keys();
    let logs = keys.iter().filter(|key| key.kind() == audit::Kind::Author);
    if logs.clone().next().is_some() {
        let own = logs.filter(|key| key.name() == checkpoint.origin);
        file.note.verify(own).map_err(|error| format!("its checkpoint: {error}"))?;
    }
    let seen = trust.seen(&file.note).map_err(|error| format!("its checkpoint: {error}"))?;
    let line = file.extra.ok_or("it has no entry: the line itself belongs into its extra data")?;
    let Checkpoint { size, root, .. } = checkpoint;
    let (leaf, seq) = (leaf_hash(&line), file.index + 1);
    proof::verify_inclusion(&leaf, file.index, size, &file.hashes, &root)
        .map_err(|error| format!("#{seq}: {error}: the entry, the proof or the checkpoint was changed"))?;
    let read: Numbered = serde_json::from_slice(&line).map_err(|_| format!("#{seq}: it is no entry"))?;
    if read.seq != seq {
        return Err(format!("#{seq}: it says that it is #{}", read.seq));
    }
    let text = format!("· #{seq} · in the checkpoint of #1–{size}\n{}", visible_bytes(&line));
    let answered = Answered { entries: 1, ..Answered::default() };
    Ok(Sound { checkpoint, seen, text, notes: Vec::new(), answered })
}

impl Sound {
    fn witnessed(&self, trust: &Trust) -> Result<(), String> {
        if self.seen >= trust.quorum() {
            return Ok(());
        }
        Err(format!("{} of these witnesses have seen its checkpoint, not {}", self.seen, trust.quorum()))
    }

    /// Compares its checkpoint with one that somebody kept. Of another size it says nothing.
    fn is_of(&self, shown: Option<&PathBuf>) -> Result<(), String> {
        let Some(path) = shown else { return Ok(()) };
        let name = path.display();
        let note = kept(path).map_err(|failure| failure.message)?;
        let read =
            audit::Note::parse(&note.note).ok().and_then(|note| note.text().parse::<Checkpoint>().ok());
        match read {
            Some(kept) if kept.size == self.checkpoint.size && kept == self.checkpoint => Ok(()),
            Some(kept) if kept.size == self.checkpoint.size => {
                Err(format!("it is of another log than {name}"))
            }
            _ => Err(format!(
                "{name} is of another size: compare it with the log, by `aos-host audit consistency`"
            )),
        }
    }

    fn verdict(mut self, trust: &Trust) -> Verdict {
        if !trust.is_pinned() {
            self.notes.push(KEYLESS.into());
        }
        if trust.asks_witnesses() {
            let seen = counted(self.seen as u64, "witness", "witnesses");
            let first = self.text.find('\n').unwrap_or(self.text.len());
            self.text.insert_str(first, &format!(" · {seen}"));
        }
        let Checkpoint { size, root, .. } = self.checkpoint;
        let root = Some(Digest(root).to_string());
        let answered = Answered { ok: true, root, signed: size, witnesses: self.seen, ..self.answered };
        Verdict { text: self.text, notes: self.notes, answered }
    }
}
