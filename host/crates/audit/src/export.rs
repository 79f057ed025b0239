//! An export: entries of a log with what proves them, in one text that a stranger can check without the log. Lines, each with
//! its newline:
//!
//! ```text
//! aos-export@v1
//! entries FIRST LAST             numbers of entries, counted from 1
//! hashes N                       then N lines of base 64: the subtrees beside them, left to right
//! checkpoint N                   then N lines: the note, as C2SP signed-note and tlog-checkpoint have it
//! HASH {"v":1,…}                 for each entry: its leaf hash in base 64, and the entry where it is part of the export
//! + SALT DATA                    the body of the entry above, in base 64; `-` for no salt
//! end
//! ```
//!
//! The checker takes it line by line, so that a large one needs no more memory than a small one.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::checkpoint::{Checkpoint, decimal, hash};
use crate::key::{Kind, VerifierKey};
use crate::note::{Note, SIGNATURES};
use crate::proof::PROOF_HASHES;
use crate::range::RangeRoot;
use crate::{Digest, Hash, leaf_hash};

/// The first line.
pub const HEADER: &str = "aos-export@v1";
const END: &str = "end";
/// Lines of a checkpoint's note at most.
const NOTE_LINES: u64 = SIGNATURES as u64 + 32;
/// A line: bytes. A body has at most 16 MiB, before base 64.
pub const LINE_BYTES: usize = 24 << 20;

/// What a sound export shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Which log, how large it was, and its root.
    pub checkpoint: Checkpoint,
    /// The first entry and the last one.
    pub entries: (u64, u64),
    /// Entries that it has, without those that it has only the hash of.
    pub present: u64,
    /// Bodies that it has.
    pub bodies: u64,
    /// Bodies that its entries commit to.
    pub committed: u64,
    /// Whose valid signatures are on its checkpoint: names, and when a witness saw it (seconds since 1970; 0 for the log).
    pub signers: Vec<(String, u64)>,
}

/// Why an export does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// It is not in the form.
    #[error("line {line}: {what}")]
    Form {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// An entry or its body is not the one that was logged.
    #[error("#{seq}: {what}")]
    Entry {
        /// The entry.
        seq: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The entries as a whole are not those of the checkpoint.
    #[error(
        "#{0} to #{1} do not give the root of the checkpoint: one of them, or the checkpoint, was changed"
    )]
    Root(u64, u64),
    /// The checkpoint is not signed as was asked.
    #[error("the checkpoint: {0}")]
    Signature(String),
    /// It ends before its end.
    #[error("it is cut off after line {0}")]
    Cut(u64),
}

/// What is read of an entry.
#[derive(Deserialize)]
struct Line {
    seq: u64,
    body: Option<Blob>,
}

#[derive(Deserialize)]
struct Blob {
    size: u64,
    digest: Option<Digest>,
}

enum Stage {
    Header,
    Entries,
    Hashes,
    Hash { left: u64 },
    Checkpoint,
    Note { left: u64 },
    Leaves,
    Done,
}

/// Checks an export line by line.
pub struct Checker<'a> {
    keys: &'a [VerifierKey],
    line: u64,
    stage: Stage,
    entries: (u64, u64),
    hashes: Vec<Hash>,
    note: String,
    found: Option<(Checkpoint, Vec<(String, u64)>)>,
    root: Option<RangeRoot>,
    next: u64,
    /// What the entry above commits to.
    body: Option<(u64, Digest)>,
    counts: (u64, u64, u64),
    /// What was wrong first. Nothing is taken after it, and nothing shown.
    broken: Option<ExportError>,
}

impl<'a> Checker<'a> {
    /// With keys of the log and of witnesses that the verifier brings. Without one of a log, a signature is not asked for:
    /// then the export only agrees with itself.
    pub fn new(keys: &'a [VerifierKey]) -> Checker<'a> {
        Checker {
            keys,
            line: 0,
            stage: Stage::Header,
            entries: (0, 0),
            hashes: Vec::new(),
            note: String::new(),
            found: None,
            root: None,
            next: 0,
            body: None,
            counts: (0, 0, 0),
            broken: None,
        }
    }

    fn wrong(&self, what: impl fmt::Display) -> ExportError {
        ExportError::Form { line: self.line, what: what.to_string() }
    }

    /// Takes the next line, without its newline.
    ///
    /// # Errors
    /// The first thing that is wrong, and the same from then on.
    pub fn take(&mut self, line: &[u8]) -> Result<(), ExportError> {
        if self.broken.is_none() {
            self.broken = self.step(line).err();
        }
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn step(&mut self, line: &[u8]) -> Result<(), ExportError> {
        self.line += 1;
        if line.len() > LINE_BYTES {
            return Err(self.wrong("it is longer than any line of an export"));
        }
        let line = std::str::from_utf8(line).map_err(|_| self.wrong("it is not UTF-8"))?;
        match self.stage {
            Stage::Header if line == HEADER => self.stage = Stage::Entries,
            Stage::Header => return Err(self.wrong(format!("an export begins with {HEADER}"))),
            Stage::Entries => {
                let numbers = line.strip_prefix("entries ").and_then(|rest| rest.split_once(' '));
                let numbers = numbers.and_then(|(first, last)| Some((decimal(first)?, decimal(last)?)));
                self.entries = numbers
                    .filter(|(first, last)| 1 <= *first && first <= last)
                    .ok_or_else(|| self.wrong("`entries FIRST LAST` is expected"))?;
                self.next = self.entries.0;
                self.stage = Stage::Hashes;
            }
            Stage::Hashes => {
                let left = self.count(line, "hashes ", 2 * PROOF_HASHES as u64)?;
                self.stage = if left == 0 { Stage::Checkpoint } else { Stage::Hash { left } };
            }
            Stage::Hash { left } => {
                let hash = hash(line).ok_or_else(|| self.wrong("32 bytes in base 64 are expected"))?;
                self.hashes.push(hash);
                self.stage = if left == 1 { Stage::Checkpoint } else { Stage::Hash { left: left - 1 } };
            }
            Stage::Checkpoint => {
                let left = self.count(line, "checkpoint ", NOTE_LINES)?;
                if left == 0 {
                    return Err(self.wrong("a checkpoint has lines"));
                }
                self.stage = Stage::Note { left };
            }
            Stage::Note { left } => {
                // Writing to a string cannot fail.
                let _written = writeln!(self.note, "{line}");
                self.stage = Stage::Note { left: left - 1 };
                if left == 1 {
                    self.checkpoint()?;
                    self.stage = Stage::Leaves;
                }
            }
            Stage::Leaves => self.leaf(line)?,
            Stage::Done => return Err(self.wrong("something follows its end")),
        }
        Ok(())
    }

    fn count(&self, line: &str, word: &str, most: u64) -> Result<u64, ExportError> {
        let count = line.strip_prefix(word).and_then(decimal).filter(|count| *count <= most);
        count.ok_or_else(|| self.wrong(format!("`{word}N` is expected, with N at most {most}")))
    }

    fn checkpoint(&mut self) -> Result<(), ExportError> {
        let unsigned = |what: &dyn fmt::Display| ExportError::Signature(what.to_string());
        let note = Note::parse(self.note.as_bytes()).map_err(|error| self.wrong(error))?;
        let checkpoint: Checkpoint = note.text().parse().map_err(|error| self.wrong(error))?;
        let log = |key: &&VerifierKey| key.kind() == Kind::Author;
        let mut signers = Vec::new();
        if self.keys.iter().any(|key| log(&key)) {
            let verified = note.verify(self.keys.iter().filter(log)).map_err(|error| unsigned(&error))?;
            if verified.iter().all(|signed| signed.key.name() != checkpoint.origin) {
                return Err(unsigned(&"it is signed, but not by the log that it is of"));
            }
            signers.extend(verified.iter().map(|signed| (signed.key.name().to_owned(), signed.time)));
        }
        let witnesses: Vec<&VerifierKey> = self.keys.iter().filter(|key| !log(key)).collect();
        if !witnesses.is_empty() {
            // Who did not see it says nothing; how many have to is for the caller.
            match note.verify(witnesses) {
                Ok(seen) => signers.extend(seen.iter().map(|seen| (seen.key.name().to_owned(), seen.time))),
                Err(crate::NoteError::Unknown(_)) => {}
                Err(error) => return Err(unsigned(&error)),
            }
        }
        let (first, last) = self.entries;
        let root = RangeRoot::new(first - 1..last, checkpoint.size, &self.hashes);
        self.root = Some(root.map_err(|error| self.wrong(error))?);
        self.found = Some((checkpoint, signers));
        Ok(())
    }

    fn leaf(&mut self, line: &str) -> Result<(), ExportError> {
        if line == END {
            if self.next <= self.entries.1 {
                return Err(self.wrong(format!("its end, before #{}", self.next)));
            }
            self.stage = Stage::Done;
            return Ok(());
        }
        if let Some(body) = line.strip_prefix("+ ") {
            return self.body(body);
        }
        let seq = self.next;
        if seq > self.entries.1 {
            return Err(self.wrong("there are more entries than it says"));
        }
        let (leaf, entry) = line.split_once(' ').map_or((line, None), |(leaf, entry)| (leaf, Some(entry)));
        let leaf = hash(leaf).ok_or_else(|| self.wrong("a leaf hash in base 64 is expected"))?;
        self.body = None;
        if let Some(entry) = entry {
            let wrong = |what| ExportError::Entry { seq, what };
            if leaf_hash(entry.as_bytes()) != leaf {
                return Err(wrong("it is not the line of its leaf hash"));
            }
            let read: Line = serde_json::from_str(entry).map_err(|_| wrong("it is no entry"))?;
            if read.seq != seq {
                return Err(wrong("it says that it is another one"));
            }
            self.body = read.body.and_then(|body| Some((body.size, body.digest?)));
            self.counts.0 += 1;
            self.counts.2 += u64::from(self.body.is_some());
        }
        if let Some(root) = &mut self.root {
            root.push(leaf);
        }
        self.next += 1;
        Ok(())
    }

    fn body(&mut self, line: &str) -> Result<(), ExportError> {
        let wrong = |what| ExportError::Entry { seq: self.next - 1, what };
        let (size, digest) = self.body.take().ok_or_else(|| wrong("it commits to no body, or to one"))?;
        let parts = line.split_once(' ').and_then(|(salt, data)| {
            let salt = if salt == "-" { None } else { Some(STANDARD.decode(salt).ok()?) };
            Some((salt, STANDARD.decode(data).ok()?))
        });
        let (salt, data) = parts.ok_or_else(|| self.wrong("a salt and a body in base 64 are expected"))?;
        let found = salt.map_or_else(|| Digest::of(&data), |salt| Digest::salted(&salt, &data));
        if found != digest || data.len() as u64 != size {
            return Err(wrong("its body is not the one that it commits to"));
        }
        self.counts.1 += 1;
        Ok(())
    }

    /// What it shows, once its last line was taken.
    ///
    /// # Errors
    /// When a line was refused, it is cut off, or its entries are not those of its checkpoint.
    pub fn finish(self) -> Result<Shown, ExportError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let (Stage::Done, Some(root), Some((checkpoint, signers))) = (self.stage, self.root, self.found)
        else {
            return Err(ExportError::Cut(self.line));
        };
        if root.finish() != Ok(checkpoint.root) {
            return Err(ExportError::Root(self.entries.0, self.entries.1));
        }
        let (present, bodies, committed) = self.counts;
        Ok(Shown { checkpoint, entries: self.entries, present, bodies, committed, signers })
    }
}

/// The lines before the first entry.
pub fn head(entries: (u64, u64), hashes: &[Hash], note: &Note) -> String {
    let (note, mut text) = (note.to_string(), format!("{HEADER}\nentries {} {}\n", entries.0, entries.1));
    let _written = writeln!(text, "hashes {}", hashes.len());
    hashes.iter().for_each(|hash| text.extend([&STANDARD.encode(hash), "\n"]));
    let _written = write!(text, "checkpoint {}\n{note}", note.lines().count());
    text
}

/// An entry's lines: the entry itself where it is part of the export, and its body with its salt where it is.
pub fn entry(leaf: &Hash, line: Option<&str>, body: Option<(Option<&[u8]>, &[u8])>) -> String {
    let mut text = STANDARD.encode(leaf);
    text.extend(line.into_iter().flat_map(|line| [" ", line]));
    text.push('\n');
    if let Some((salt, data)) = body {
        let salt = salt.map_or("-".to_owned(), |salt| STANDARD.encode(salt));
        text.extend(["+ ", &salt, " ", &STANDARD.encode(data), "\n"]);
    }
    text
}

/// The last line.
pub fn end() -> &'static str {
    "end\n"
}

#[cfg(test)]
mod tests;
