//! The two streams: results go to standard output, everything else to standard error.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Stdout, Write};

use serde::Serialize;

use super::failure::{Code, Failure};

/// Standard output. A reader that has gone (`| head`) is no error: what follows is dropped.
pub struct Out {
    to: BufWriter<Stdout>,
    closed: bool,
}

/// A line of `--json`: the format's version, what the line is about, and that.
#[derive(Serialize)]
struct Line<'a, T> {
    v: u8,
    kind: &'a str,
    #[serde(flatten)]
    of: &'a T,
}

/// The version of the lines of `--json`.
const JSON_VERSION: u8 = 1;

impl Default for Out {
    fn default() -> Out {
        Out { to: BufWriter::new(io::stdout()), closed: false }
    }
}

impl Out {
    /// Whether the reader has gone.
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// Whether a person reads along.
    pub fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Whether colours may be used: a person reads along, and nobody said no (no-color.org).
    pub fn drawn(&self) -> bool {
        self.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// When they cannot be written although somebody reads.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        let result = self.to.write_all(bytes);
        self.judge(result)
    }

    /// Writes a line.
    ///
    /// # Errors
    /// As [`Out::bytes`].
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    /// Writes a line of JSON that begins with its version and its kind.
    ///
    /// # Errors
    /// As [`Out::bytes`].
    pub fn json<T: Serialize>(&mut self, kind: &str, of: &T) -> Result<(), Failure> {
        let line = serde_json::to_string(&Line { v: JSON_VERSION, kind, of });
        self.line(&line.map_err(|error| Failure::new(Code::Internal, error))?)
    }

    /// Hands on what is still here.
    ///
    /// # Errors
    /// As [`Out::bytes`].
    pub fn finish(&mut self) -> Result<(), Failure> {
        if self.closed {
            return Ok(());
        }
        let result = self.to.flush();
        self.judge(result)
    }

    fn judge(&mut self, result: io::Result<()>) -> Result<(), Failure> {
        match result {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => {
                self.closed = true;
                Err(Failure::new(Code::Internal, format!("standard output: {error}")))
            }
        }
    }
}

/// Whether standard error may show drawings and colours: it is a terminal, and nobody said no (no-color.org).
pub fn drawn() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Draws on standard error, without an end of line.
pub fn draw(text: &str) {
    let mut stderr = io::stderr().lock();
    let _unseen = stderr.write_all(text.as_bytes());
}

/// Writes a line to standard error; there is nowhere to say that it could not be written.
pub fn note(text: &str) {
    let mut stderr = io::stderr().lock();
    let _unheard = stderr.write_all(format!("{text}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_json_begins_with_its_version() {
        #[derive(Serialize)]
        struct Of {
            run: u32,
        }
        let line = serde_json::to_string(&Line { v: JSON_VERSION, kind: "run", of: &Of { run: 3 } }).unwrap();
        assert_eq!(line, r#"{"v":1,"kind":"run","run":3}"#);
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is_one() {
        let mut out = Out::default();
        assert!(out.judge(Err(ErrorKind::BrokenPipe.into())).is_ok());
        assert!(out.closed() && out.line("dropped").is_ok());
        let full = Out::default().judge(Err(ErrorKind::StorageFull.into()));
        assert_eq!(full.unwrap_err().code, Code::Internal);
    }
}
