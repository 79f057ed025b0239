//! The side that asks.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::address;
use super::frame::{Ask, REPLY_BYTES, Reply, line, read};

/// How long the owner may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to the host that has a state directory.
#[derive(Debug)]
pub struct Owner {
    stream: BufReader<UnixStream>,
}

/// Why the owner did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// No host listens there.
    #[error("no host is running on this state directory")]
    Nobody,
    /// The connection failed.
    #[error("the host does not answer: {0}")]
    Io(#[from] io::Error),
    /// It said something else.
    #[error("the host's answer cannot be understood: {0}")]
    Strange(String),
    /// It closed the connection.
    #[error("the host has gone")]
    Gone,
}

impl Owner {
    /// Connects.
    ///
    /// # Errors
    /// When nobody is there.
    pub fn find(state: &Path) -> Result<Owner, Unanswered> {
        use io::ErrorKind::{ConnectionRefused, NotFound};
        let connect = || {
            let (_directory, path) = address(state)?;
            UnixStream::connect(path)
        };
        match connect() {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Owner { stream: BufReader::new(stream) })
            }
            Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => Err(Unanswered::Nobody),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks, and waits for the first answer.
    ///
    /// # Errors
    /// When there is none.
    pub fn ask(&mut self, ask: Ask) -> Result<Reply, Unanswered> {
        let line = line(ask).map_err(|error| Unanswered::Strange(error.to_string()))?;
        self.stream.get_mut().write_all(&line)?;
        self.reply()
    }

    /// Waits for the next answer.
    ///
    /// # Errors
    /// When there is none.
    pub fn reply(&mut self) -> Result<Reply, Unanswered> {
        let mut line = Vec::new();
        let read_to = (&mut self.stream).take(REPLY_BYTES).read_until(b'\n', &mut line);
        read_to.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionReset => Unanswered::Gone,
            _ => Unanswered::Io(error),
        })?;
        if line.is_empty() {
            return Err(Unanswered::Gone);
        }
        read(&line).map_err(Unanswered::Strange)
    }

    /// Waits for the next answer as long as it takes.
    ///
    /// # Errors
    /// As [`Owner::reply`].
    pub fn last(&mut self) -> Result<Reply, Unanswered> {
        self.stream.get_mut().set_read_timeout(None)?;
        self.reply()
    }
}
