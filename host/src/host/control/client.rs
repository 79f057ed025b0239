//! The side that asks.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::address;
use super::frame::{Ask, REPLY_BYTES, Reply, line, read};

/// How long the owner may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a client waits before it asks a busy owner again.
const PAUSE: Duration = Duration::from_millis(50);

/// A connection to the host that has a state directory.
#[derive(Debug)]
pub struct Owner {
    state: PathBuf,
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
    /// It took too long.
    #[error("the host does not answer; `aos-host doctor` looks at its state directory")]
    Silent,
    /// It has too much to do.
    #[error("the host answers too many others already; try again")]
    Busy,
    /// It said something else.
    #[error("the host's answer cannot be understood: {0}")]
    Strange(String),
    /// The question cannot be put.
    #[error("that cannot be handed to the running host: {0}")]
    Unsaid(String),
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
        use ErrorKind::{ConnectionRefused, NotADirectory, NotFound};
        let connect = || {
            let (_directory, path) = address(state)?;
            UnixStream::connect(path)
        };
        match connect() {
            Ok(stream) => {
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Owner { state: state.to_owned(), stream: BufReader::new(stream) })
            }
            Err(error) if matches!(error.kind(), NotFound | NotADirectory | ConnectionRefused) => {
                Err(Unanswered::Nobody)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks, and waits for the first answer; for a busy owner as long as for a slow one. A run's further answers are
    /// [`Owner::further`].
    ///
    /// # Errors
    /// When there is none.
    pub fn ask(&mut self, ask: Ask) -> Result<Reply, Unanswered> {
        let line = line(ask).map_err(|error| Unanswered::Unsaid(error.to_string()))?;
        let since = Instant::now();
        loop {
            self.stream.get_ref().set_read_timeout(Some(PATIENCE))?;
            match self.stream.get_mut().write_all(&line) {
                Ok(()) => {}
                // It was answered, and the connection closed, before all was said.
                Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {}
                Err(error) => return Err(failed(error)),
            }
            match self.reply()? {
                Reply::Busy if since.elapsed() > PATIENCE => return Err(Unanswered::Busy),
                Reply::Busy => std::thread::sleep(PAUSE),
                reply => return Ok(reply),
            }
            *self = Owner::find(&self.state)?;
        }
    }

    fn reply(&mut self) -> Result<Reply, Unanswered> {
        let mut line = Vec::new();
        let read_to = (&mut self.stream).take(REPLY_BYTES).read_until(b'\n', &mut line);
        read_to.map_err(failed)?;
        if !line.ends_with(b"\n") {
            return Err(Unanswered::Gone);
        }
        read(&line).map_err(Unanswered::Strange)
    }

    /// Waits for the next answer as long as it takes.
    ///
    /// # Errors
    /// When there is none.
    pub fn further(&mut self) -> Result<Reply, Unanswered> {
        self.stream.get_ref().set_read_timeout(None)?;
        self.reply()
    }
}

fn failed(error: io::Error) -> Unanswered {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Unanswered::Gone,
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Unanswered::Silent,
        _ => Unanswered::Io(error),
    }
}
