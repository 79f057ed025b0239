//! What a witness answers to a checkpoint (C2SP tlog-witness, `add-checkpoint`), in the order of the text there.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use audit::proof::verify_consistency;
use audit::{Checkpoint, NoteError, SignerKey, Submission, VerifierKey};

use super::memory::Memory;
use super::{SIZE_TYPE, WitnessError, key};

/// Where kinds of answers differ.
const TEXT: &str = "text/plain; charset=utf-8";

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP's.
    pub status: u16,
    /// Its media type.
    pub kind: &'static str,
    /// What is answered.
    pub body: String,
    /// What happened, for the witness's owner; nothing of it is fit for a terminal yet.
    pub event: String,
}

impl Reply {
    /// A refusal with a reason.
    pub fn refusal(status: u16, why: impl std::fmt::Display) -> Reply {
        Reply { status, kind: TEXT, body: format!("{why}\n"), event: format!("refused ({status}): {why}") }
    }
}

/// A witness of some logs.
#[derive(Debug)]
pub struct Witness {
    key: SignerKey,
    /// The keys of each log, by its origin.
    logs: BTreeMap<String, Vec<VerifierKey>>,
    /// Whoever looks at what was seen also writes it: one at a time.
    memory: Mutex<Memory>,
}

impl Witness {
    /// A witness of the logs with these keys, with its own key and what it has seen in a directory.
    ///
    /// # Errors
    /// When the directory cannot be used, or its key is none.
    pub fn open(dir: &Path, name: Option<&str>, logs: &[VerifierKey]) -> Result<Witness, WitnessError> {
        let memory = Memory::open(dir)?;
        let key = key::own(dir, name)?;
        let mut by_origin: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for log in logs {
            by_origin.entry(log.name().to_owned()).or_default().push(log.clone());
        }
        Ok(Witness { key, logs: by_origin, memory: Mutex::new(memory) })
    }

    /// The key that its cosignatures are verified with.
    pub fn key(&self) -> &VerifierKey {
        self.key.public()
    }

    /// Answers a submission; `now` is in seconds since 1970.
    pub fn add(&self, submission: &[u8], now: u64) -> Reply {
        self.judge(submission, now).unwrap_or_else(|refusal| refusal)
    }

    fn judge(&self, submission: &[u8], now: u64) -> Result<Reply, Reply> {
        let bad = |error: &dyn std::fmt::Display| Reply::refusal(400, error);
        let Submission { old, hashes, mut note } =
            Submission::parse(submission).map_err(|error| bad(&error))?;
        let new: Checkpoint = note.text().parse().map_err(|error| bad(&error))?;
        let keys =
            self.logs.get(&new.origin).ok_or_else(|| Reply::refusal(404, "this log is not known here"))?;
        note.verify(keys).map_err(|error| match error {
            NoteError::Unknown(_) => Reply::refusal(403, "it is not signed with the log's key"),
            error => Reply::refusal(403, error),
        })?;
        if old > new.size {
            return Err(Reply::refusal(400, "the old size is over the new one"));
        }
        let broken = |error: WitnessError| Reply {
            event: error.to_string(),
            ..Reply::refusal(500, "the witness cannot remember")
        };
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let (size, root) = memory.last(&new.origin).map_err(broken)?;
        let of = format!("{}, #1–{}", new.origin, new.size);
        if old != size || (old == new.size && root != new.root) {
            let fork = if old == size { "FORK: another root of a size that was seen" } else { "seen last" };
            let event = format!("refused (409): {of}: {fork}: {size}");
            return Err(Reply { status: 409, kind: SIZE_TYPE, body: format!("{size}\n"), event });
        }
        verify_consistency((size, &root), (new.size, &new.root), &hashes).map_err(|error| {
            let event = format!("refused (422): {of}: not what follows #1–{size}: {error}");
            Reply { event, ..Reply::refusal(422, error) }
        })?;
        if new.size > size || size == 0 {
            memory.keep(&new.origin, &note).map_err(broken)?;
        }
        note.sign(&self.key, now);
        let own = note.signatures().last().map(audit::note::Signature::line);
        let event = format!("cosigned: {of}");
        Ok(Reply { status: 200, kind: TEXT, body: own.unwrap_or_default(), event })
    }
}
