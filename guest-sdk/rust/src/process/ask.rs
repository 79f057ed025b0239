//! Work for a child: a message to it, its answer, and its end.

use std::time::Duration;

use super::{Child, Exit};
use crate::error::{Error, Failure};
use crate::ipc::{self, Message};

impl Child {
    /// Sends it a message and waits for its answer, which is what it sends with [`ipc::reply`] to that message. What
    /// others send meanwhile is dropped: an agent that talks to several at once calls [`ipc::receive`] itself.
    /// Capability: `send` with its name.
    /// Errors: how it ended, when it ends without an answer; as [`ipc::send`], and `Interrupted` (a stop was
    /// requested: finish), and `Invalid` for a child that [`held`](super::held) answered, whose name is not known.
    pub fn ask(&self, body: impl AsRef<[u8]>) -> Result<Message, Failure> {
        let name = self.name.as_deref();
        let name = name.ok_or_else(|| Error::Invalid("a child from `held` has no name to send to".into()))?;
        match ipc::send(name, body) {
            Ok(question) => self.answer(name, question),
            // Why it ended says more than that it has.
            Err(error @ (Error::Closed | Error::NotFound)) => {
                self.ended(name)?;
                Err(Failure::of(&format!("asking {name}"), error))
            }
            Err(error) => Err(Failure::of(&format!("asking {name}"), error)),
        }
    }

    /// Asks it to stop, waits for its end, and answers its output; also of a child that has ended already.
    /// Errors: how else it ended; `Interrupted`, `Exhausted`.
    pub fn finish(&self) -> Result<Vec<u8>, Failure> {
        match self.stop() {
            Ok(()) | Err(Error::Closed) => self.wait()?.output(),
            Err(error) => Err(error.into()),
        }
    }

    fn answer(&self, name: &str, question: u64) -> Result<Message, Failure> {
        let pid = self.pid();
        let mut ended = false;
        loop {
            // After its end, whatever it sent is in the mailbox already.
            let message = if ended { ipc::receive_timeout(Duration::ZERO)? } else { Some(ipc::receive()?) };
            match message {
                None => return Err(format!("{name} ended without an answer").into()),
                Some(message) if message.is_stop() => return Err(Error::Interrupted.into()),
                Some(message) if message.is_exit() => ended = ended || self.ended(name)?,
                Some(message) if message.sender == pid && message.in_reply_to == Some(question) => {
                    return Ok(message);
                }
                Some(_) => {}
            }
        }
    }

    /// Whether it has returned; a failure when it has ended otherwise.
    fn ended(&self, name: &str) -> Result<bool, Failure> {
        match self.wait_timeout(Duration::ZERO) {
            Ok(None) | Err(Error::TimedOut) => Ok(false),
            Ok(Some(exit)) => exit.of(name).map(|_| true),
            Err(error) => Err(error.into()),
        }
    }
}

impl Exit {
    /// As [`Exit::output`], and a failure names the child.
    pub(super) fn of(self, name: &str) -> Result<Vec<u8>, Failure> {
        self.output().map_err(|failure| Failure { message: format!("{name}: {failure}"), ..failure })
    }
}
