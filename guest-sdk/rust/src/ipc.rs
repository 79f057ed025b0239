//! Messages between the agents of a run.
//!
//! ```no_run
//! # use aos_guest::{ipc, Failure};
//! # fn serve() -> Result<(), Failure> {
//! for task in ipc::tasks() {
//!     let task = task?;
//!     ipc::reply(&task, task.text()?.to_uppercase())?;
//! }
//! Ok(())
//! # }
//! ```

use std::time::Duration;

use crate::bindings::aos::host::ipc as wit;
pub use crate::bindings::aos::host::ipc::{Message, Priority, Subscription};
use crate::error::{Error, Failure};
use crate::time::millis;

/// How a message is sent: [`send_with`].
#[derive(Clone, Debug)]
pub struct Options {
    priority: Priority,
    in_reply_to: Option<u64>,
    wait: Option<Duration>,
}

impl Options {
    /// Normal priority, answering nothing, waiting for room for ever.
    pub fn new() -> Options {
        Options { priority: Priority::Normal, in_reply_to: None, wait: None }
    }

    /// Which of the mailbox's messages comes first.
    pub fn priority(mut self, priority: Priority) -> Options {
        self.priority = priority;
        self
    }

    /// The id of the message that this one answers.
    pub fn in_reply_to(mut self, id: u64) -> Options {
        self.in_reply_to = Some(id);
        self
    }

    /// How long to wait for room in the peer's mailbox.
    pub fn wait(mut self, wait: Duration) -> Options {
        self.wait = Some(wait);
        self
    }
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

/// Sends a message, waiting for room, and answers its id. `to` is a process's name or `parent`.
/// Capability: `send` with the peer's name. Limits: 1 MiB.
/// Errors: `Denied`, `NotFound` (spawn it first), `Closed` (the peer has ended), `Interrupted` (finish),
/// `TooLarge` (put an artifact), `Exhausted`.
pub fn send(to: &str, body: impl AsRef<[u8]>) -> Result<u64, Error> {
    send_with(to, body, &Options::new())
}

/// Sends a message in a chosen way. Errors as [`send`], and `TimedOut` when the mailbox stayed full.
pub fn send_with(to: &str, body: impl AsRef<[u8]>, options: &Options) -> Result<u64, Error> {
    let options = wit::SendOptions {
        priority: options.priority,
        in_reply_to: options.in_reply_to,
        wait_ms: options.wait.map(millis),
    };
    Ok(wit::send(to, body.as_ref(), options)?)
}

/// Answers a message: sends to its sender, naming the message. A sender that is this process's parent is
/// addressed as `parent`, because that is the right that a child usually has.
/// Capability: `send` with `parent`, or with the sender's name.
/// Errors: as [`send`], and `Invalid` for a notice of the kernel, which takes no answer.
pub fn reply(message: &Message, body: impl AsRef<[u8]>) -> Result<u64, Error> {
    if message.sender == 0 {
        return Err(Error::Invalid("a notice of the kernel takes no answer".into()));
    }
    let parent = crate::process::whoami().parent == Some(message.sender);
    let to = if parent { "parent" } else { &message.sender_name };
    send_with(to, body, &Options::new().in_reply_to(message.id))
}

/// Takes the first message of the mailbox, waiting for ever.
/// Errors: `Exhausted`.
pub fn receive() -> Result<Message, Error> {
    wit::receive(None)?.ok_or(Error::TimedOut)
}

/// Takes the first message of the mailbox; absent when none came in time.
/// Errors: `Exhausted`.
pub fn receive_timeout(timeout: Duration) -> Result<Option<Message>, Error> {
    Ok(wit::receive(Some(millis(timeout)))?)
}

/// The messages of others, one after the other as they come, until this process is asked to stop. Notices of children that
/// ended are left out.
pub fn tasks() -> Tasks {
    Tasks(())
}

/// What [`tasks`] answers: an iterator that waits. Errors as [`receive`].
#[derive(Debug)]
pub struct Tasks(());

impl Iterator for Tasks {
    type Item = Result<Message, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match receive() {
                Ok(message) if message.is_stop() => return None,
                Ok(message) if message.is_exit() => {}
                other => return Some(other),
            }
        }
    }
}

/// Delivers an event to every subscriber of the topic and answers how many there were. Never waits.
/// Capability: `publish` with the topic. Limits: 1 MiB; topic 256 bytes.
/// Errors: `Denied`, `Invalid` (mend the topic), `TooLarge`, `Exhausted`.
pub fn publish(topic: &str, body: impl AsRef<[u8]>) -> Result<u32, Error> {
    Ok(wit::publish(topic, body.as_ref())?)
}

/// Has the events of a topic, or with `prefix.*` of all below it, put into the mailbox while the subscription
/// lives.
/// Capability: `subscribe` with a pattern that covers this one.
/// Errors: `Denied`, `Invalid` (mend the pattern), `TooLarge` (64 are open), `Exhausted`.
pub fn subscribe(pattern: &str) -> Result<Subscription, Error> {
    Ok(wit::subscribe(pattern)?)
}

impl Message {
    /// The body as text.
    /// Errors: a failure that names the sender when it is not UTF-8.
    pub fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(&self.body).map_err(|error| {
            Failure::new(format!("the message of {} is not UTF-8: {error}", self.sender_name))
        })
    }

    /// The body as JSON.
    /// Errors: a failure that names the sender when it is not the JSON expected.
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::new(format!("the message of {} is not the JSON expected: {error}", self.sender_name))
        })
    }

    /// Whether it asks this process to stop: finish and return.
    pub fn is_stop(&self) -> bool {
        self.is_notice("$stop")
    }

    /// Whether it tells that a child has ended.
    pub fn is_exit(&self) -> bool {
        self.is_notice("$exit")
    }

    /// Only the kernel is sender 0, so a peer cannot forge one.
    fn is_notice(&self, topic: &str) -> bool {
        self.sender == 0 && self.topic.as_deref() == Some(topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(sender: u64, topic: Option<&str>, body: &[u8]) -> Message {
        Message {
            id: 1,
            sender,
            sender_name: "writer".into(),
            topic: topic.map(str::to_owned),
            in_reply_to: None,
            priority: Priority::Normal,
            labels: Vec::new(),
            body: body.to_vec(),
        }
    }

    #[test]
    fn only_the_kernel_gives_notice() {
        assert!(message(0, Some("$stop"), b"").is_stop());
        assert!(message(0, Some("$exit"), b"{}").is_exit());
        assert!(!message(3, Some("$stop"), b"").is_stop());
        assert!(!message(0, None, b"").is_stop());
        assert!(matches!(reply(&message(0, Some("$stop"), b""), "no"), Err(Error::Invalid(_))));
    }

    #[test]
    fn bodies_are_read_as_text_and_json() {
        assert_eq!(message(3, None, b"hi").text().unwrap(), "hi");
        assert!(message(3, None, b"\xff").text().unwrap_err().message.contains("writer"));
        #[cfg(feature = "json")]
        {
            assert_eq!(message(3, None, b"[1]").json::<Vec<u8>>().unwrap(), [1]);
            assert!(message(3, None, b"[").json::<Vec<u8>>().unwrap_err().message.contains("writer"));
        }
    }
}
