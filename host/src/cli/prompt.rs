//! The question that a run's own terminal shows while a call waits for the operator. Other terminals may answer it first.

use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use rustix::termios::{QueueSelector, tcflush, tcgetpgrp};

use super::failure::Failure;
use super::follow::Follower;
use super::out::{draw, note};
use super::view::question::commands;
use crate::host::control::frame::Ruling;

/// The last line of a question.
const LINE: &str = "  allow it? [y/N] ";
/// How often the terminal is looked at while something is asked.
const GLANCE: Duration = Duration::from_millis(30);
/// Bytes of an answer.
const ANSWER: usize = 256;

/// What was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typed {
    Yes,
    No,
    Unclear,
    /// The end of the input: somebody else may answer.
    Left,
}

/// See the module.
pub struct Prompt {
    /// The terminal, when there is one to ask on: of its own, so that it can be read without blocking.
    terminal: Option<File>,
    /// `--state DIR`, if that was typed.
    state: String,
    /// What is on the screen and waits for an answer.
    asking: Option<Ruling>,
    /// What is not asked for any more: the newest entry that was shown.
    shown: u64,
}

impl Prompt {
    /// To be called on the runtime. `state` is `--state DIR`, as it was typed.
    pub fn new(state: String) -> Prompt {
        let people = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let open = || {
            let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
            File::options().read(true).custom_flags(flags).open("/dev/tty").ok()
        };
        Prompt { terminal: people.then(open).flatten(), state, asking: None, shown: 0 }
    }

    /// Makes room for lines that may follow.
    pub fn clear(&self) {
        if self.asking.is_some() {
            draw("\r\u{1b}[K");
        }
    }

    /// Shows what the operator is asked, one after the other; what was cleared again, unless it was answered meanwhile.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn show(&mut self, follower: &Follower) -> Result<(), Failure> {
        if self.asking.is_some_and(|asking| !follower.asks(asking.seq)) {
            self.asking = None;
        }
        while self.asking.is_none()
            && let Some((question, lines)) = follower.question(self.shown)?
        {
            self.shown = question.entry.seq;
            lines.iter().for_each(|line| note(line));
            let (run, seq, leaf) = (question.entry.run, question.entry.seq, question.leaf);
            self.asking = self.asks().then_some(Ruling { run, seq, leaf, allow: false });
            if self.asking.is_none() {
                note(&commands(run, seq, &self.state));
            }
        }
        if self.asking.is_some() {
            draw(LINE);
        }
        Ok(())
    }

    /// Whether this terminal can be asked now. What was typed before the question is no answer to it.
    fn asks(&self) -> bool {
        let Some(terminal) = &self.terminal else { return false };
        // In the background, reading would stop the program.
        let ours = tcgetpgrp(terminal).is_ok_and(|group| group == rustix::process::getpgrp());
        ours && tcflush(terminal, QueueSelector::IFlush).is_ok()
    }

    /// Waits for an answer; for ever while nothing is asked here.
    pub async fn answer(&mut self) -> Ruling {
        let (Some(asking), Some(terminal)) = (self.asking, &self.terminal) else {
            return std::future::pending().await;
        };
        loop {
            match typed(terminal).await {
                Typed::Unclear => draw(&format!("  answer y or n\n{LINE}")),
                Typed::Left => {
                    self.asking = None;
                    note("");
                    note(&commands(asking.run, asking.seq, &self.state));
                    return std::future::pending().await;
                }
                said => {
                    self.asking = None;
                    return Ruling { allow: said == Typed::Yes, ..asking };
                }
            }
        }
    }
}

/// Waits for a line on the terminal.
async fn typed(mut terminal: &File) -> Typed {
    loop {
        let mut line = [0; ANSWER];
        // The terminal gives whole lines.
        match terminal.read(&mut line) {
            Ok(0) => return Typed::Left,
            Ok(n) => return meant(&line[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => tokio::time::sleep(GLANCE).await,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Typed::Left,
        }
    }
}

fn meant(line: &[u8]) -> Typed {
    match line.trim_ascii().to_ascii_lowercase().as_slice() {
        b"y" | b"yes" => Typed::Yes,
        b"" | b"n" | b"no" => Typed::No,
        _ => Typed::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_allows() {
        for (line, expected) in [
            (&b"y\n"[..], Typed::Yes),
            (b" YES \n", Typed::Yes),
            (b"\n", Typed::No),
            (b"no\n", Typed::No),
            (b"yy\n", Typed::Unclear),
            (b"approve\n", Typed::Unclear),
            (b"y\ny\n", Typed::Unclear),
        ] {
            assert_eq!(meant(line), expected, "{line:?}");
        }
    }
}
