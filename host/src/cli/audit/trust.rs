//! The keys that a verifier brings, and what they have signed.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use audit::{Checkpoint, Kind, Note, NoteError, VerifierKey};

use super::args::TrustArgs;
use crate::cli::failure::{Code, Failure};
use crate::host::{Dirs, HostKey};
use crate::journal::{Sealed, Unsealed};

/// A file with a key, or a note: bytes.
const FILE_BYTES: u64 = audit::note::NOTE_BYTES as u64;

/// Whom a verifier trusts.
#[derive(Debug)]
pub struct Trust {
    logs: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    quorum: usize,
    own: bool,
}

impl Trust {
    /// The keys that were typed.
    ///
    /// # Errors
    /// When one is none, or of another kind.
    pub fn new(args: &TrustArgs) -> Result<Trust, Failure> {
        let logs = keys(&args.keys, Kind::Author)?;
        let witnesses = keys(&args.witnesses, Kind::Witness)?;
        let quorum = args.quorum.unwrap_or(witnesses.len());
        if quorum > witnesses.len() || (quorum == 0 && !witnesses.is_empty()) {
            let most = witnesses.len();
            return Err(Failure::usage(format!(
                "--quorum {quorum}: there are {most} witnesses to choose from"
            )));
        }
        Ok(Trust { logs, witnesses, quorum, own: false })
    }

    /// With this host's own key, where the verifier brought none.
    ///
    /// # Errors
    /// When others can read the key, or it is none.
    pub fn or_own(mut self, dirs: &Dirs, origin: Option<&str>) -> Result<Trust, Failure> {
        if let (true, Some(origin)) = (self.logs.is_empty(), origin)
            && let Some(key) = HostKey::read(&dirs.config)?
        {
            self.logs.push(key.of_log(origin)?.public().clone());
            self.own = true;
        }
        Ok(self)
    }

    /// Whether the verifier brought the log's key.
    pub fn is_pinned(&self) -> bool {
        !self.own && !self.logs.is_empty()
    }

    /// This host's own key, where that was used.
    pub fn own(&self) -> Option<&VerifierKey> {
        self.logs.first().filter(|_| self.own)
    }

    /// All keys, of logs and of witnesses.
    pub fn keys(&self) -> Vec<VerifierKey> {
        self.logs.iter().chain(&self.witnesses).cloned().collect()
    }

    /// Reads a checkpoint of a log, and checks its signature unless there is no key at all.
    ///
    /// # Errors
    /// Why it is none.
    pub fn open(&self, sealed: &Sealed, origin: &str) -> Result<(Note, Checkpoint), Unsealed> {
        if self.logs.is_empty() { sealed.read(origin) } else { sealed.open(origin, &self.logs) }
    }

    /// Whether witnesses are asked for.
    pub fn asks_witnesses(&self) -> bool {
        !self.witnesses.is_empty()
    }

    /// How many witnesses have to have seen a checkpoint.
    pub fn quorum(&self) -> usize {
        self.quorum
    }

    /// How many of the witnesses have seen a note.
    ///
    /// # Errors
    /// When a signature of one of them is not valid.
    pub fn seen(&self, note: &Note) -> Result<usize, NoteError> {
        match note.verify(&self.witnesses) {
            Ok(seen) => Ok(seen.len()),
            Err(NoteError::Unknown(_)) => Ok(0),
            Err(error) => Err(error),
        }
    }
}

/// Reads keys as they were typed, each once.
///
/// # Errors
/// When one is none, or of another kind.
pub fn keys(words: &[String], kind: Kind) -> Result<Vec<VerifierKey>, Failure> {
    let mut keys: Vec<VerifierKey> = Vec::new();
    for word in words {
        let key = key(word)?;
        if key.kind() != kind {
            let (is, flag) = match kind {
                Kind::Author => ("a witness's key", "--witness"),
                Kind::Witness => ("a log's key", "--key"),
            };
            return Err(Failure::usage(format!("{word}: this is {is}")).help(format!("give it with {flag}")));
        }
        // One key under two names is one witness.
        if !keys.iter().any(|known| known.bytes() == key.bytes() && (kind == Kind::Witness || *known == key))
        {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// A written key, or a file with one.
fn key(word: &str) -> Result<VerifierKey, Failure> {
    let parsed = word.parse::<VerifierKey>();
    match (parsed, Path::new(word)) {
        (Ok(key), _) => Ok(key),
        (Err(_), path) if path.exists() => {
            let text = String::from_utf8_lossy(&file(path)?).into_owned();
            text.trim_end().parse().map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
        }
        (Err(error), _) => {
            Err(Failure::usage(format!("{word}: {error}")).help("`aos-host audit key` prints a log's key"))
        }
    }
}

/// Reads a small file.
///
/// # Errors
/// When it cannot be read, or is not small.
pub fn file(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let opened = File::open(path).and_then(|file| file.take(FILE_BYTES + 1).read_to_end(&mut bytes));
    opened.map_err(|error| Failure::file("read", path, &error))?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(Failure::usage(format!("{} is longer than {FILE_BYTES} bytes", path.display())));
    }
    Ok(bytes)
}

/// Reads a checkpoint that somebody kept. What it says of its size is not checked against anything yet.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn kept(path: &Path) -> Result<Sealed, Failure> {
    let note = file(path)?;
    let none = |error: &dyn std::fmt::Display| {
        Failure::new(Code::NotVerified, format!("{}: it is no checkpoint: {error}", path.display()))
    };
    let read = Note::parse(&note).map_err(|error| none(&error))?;
    let checkpoint: Checkpoint = read.text().parse().map_err(|error| none(&error))?;
    Ok(Sealed { size: checkpoint.size, note })
}
