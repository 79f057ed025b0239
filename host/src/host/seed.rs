//! A private key on disk: 32 random bytes in base 64, after the form of its line. Its bytes are wiped from memory when it is
//! dropped.

use std::io;
use std::path::Path;

use audit::{KeyError, Kind, SignerKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::TryRngCore;
use zeroize::Zeroizing;

use super::error::HostError;
use super::private;
use crate::infer::file::{PrivateError, read_private};

/// The file: bytes.
const FILE_BYTES: u64 = 128;

/// What a private key's file is.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// What its line begins with, with a space at the end.
    pub line: &'static str,
    /// What it is called: `the host's key`.
    pub name: &'static str,
    /// What mends one that cannot be read.
    pub mend: &'static str,
}

/// The bytes that a key follows from.
pub(super) struct Seed(Zeroizing<[u8; 32]>);

impl Seed {
    /// A new one, from the system's randomness.
    ///
    /// # Errors
    /// When there is none.
    pub fn draw() -> io::Result<Seed> {
        let mut seed = Zeroizing::new([0; 32]);
        rand::rngs::OsRng.try_fill_bytes(&mut *seed).map_err(io::Error::other)?;
        Ok(Seed(seed))
    }

    /// Reads one from its file; there may be none.
    ///
    /// # Errors
    /// When it cannot be read, others can read it, or it is of another form.
    pub fn read(path: &Path, form: Form) -> Result<Option<Seed>, HostError> {
        let text = match read_private(path, FILE_BYTES) {
            Ok(text) => text,
            Err(PrivateError::Read(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(PrivateError::Read(source)) => return Err(HostError::Io { path: path.to_owned(), source }),
            Err(PrivateError::Others) => {
                let message = format!("others can read {}: {}", form.name, path.display());
                let help = format!("if nobody did: chown it to yourself and chmod 600 {}", path.display());
                return Err(HostError::Usage { message, help: Some(help) });
            }
        };
        match parse(&text, form) {
            Some(seed) => Ok(Some(seed)),
            None => Err(HostError::Usage {
                message: format!("{} is not {}", path.display(), form.name),
                help: Some(form.mend.into()),
            }),
        }
    }

    /// Writes it to a file that is not there yet; false when there is one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn place(&self, path: &Path, form: Form) -> io::Result<bool> {
        private::place(path, self.line(form).as_bytes())
    }

    /// Writes it into the place of another one.
    ///
    /// # Errors
    /// When it cannot be written; then the other one is still there.
    pub fn replace(&self, path: &Path, form: Form) -> io::Result<()> {
        private::replace(path, self.line(form).as_bytes())
    }

    fn line(&self, form: Form) -> Zeroizing<String> {
        let code = Zeroizing::new(STANDARD.encode(*self.0));
        // As large as it will be: growing would leave copies behind.
        let mut line = Zeroizing::new(String::with_capacity(form.line.len() + code.len() + 1));
        line.extend([form.line, &code, "\n"]);
        line
    }

    /// The key that it is under a name.
    ///
    /// # Errors
    /// When the name cannot be one.
    pub fn signer(&self, name: &str) -> Result<SignerKey, KeyError> {
        SignerKey::new(name, Kind::Author, &self.0)
    }
}

fn parse(text: &str, form: Form) -> Option<Seed> {
    let code = text.strip_suffix('\n').unwrap_or(text).strip_prefix(form.line)?;
    // The decoder asks for room for whole groups of four characters.
    let mut bytes = Zeroizing::new([0; 33]);
    let length = STANDARD.decode_slice(code, &mut *bytes).ok()?;
    let seed = bytes.first_chunk::<32>()?;
    (length == seed.len()).then(|| Seed(Zeroizing::new(*seed)))
}
