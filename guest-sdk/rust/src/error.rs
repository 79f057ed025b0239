//! Why a call did not succeed, and why an agent did not.

use std::fmt;

use crate::bindings::aos::host::types as wit;
pub use wit::Meter;

/// Why a call did not succeed: the cases of `aos:host/types.error`. Closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No capability covers this. Do not retry.
    Denied,
    /// This meter does not cover it. Ask for less, or end.
    Exhausted(Meter),
    /// It does not exist.
    NotFound,
    /// The condition did not hold; the digest that is there now, if any. Read again, then retry.
    Conflict(Option<String>),
    /// The fencing token is not the newest, which is this. The lease is lost: stop writing.
    Stale(u64),
    /// Somebody else holds it. Retry later.
    Busy,
    /// The time-out passed first.
    TimedOut,
    /// A stop was requested while waiting. Finish and return.
    Interrupted,
    /// The object was closed, or the right to it revoked.
    Closed,
    /// Larger than this many bytes.
    TooLarge(u64),
    /// An argument is malformed; what about it.
    Invalid(String),
    /// This host does not offer the function.
    Unsupported,
    /// The far side failed.
    Unavailable(Fault),
    /// It may or may not have happened: the host died in between. Look before repeating it.
    UnknownOutcome,
}

/// How the far side failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// For a person. Never holds a secret.
    pub detail: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// When, in milliseconds, if the far side said so.
    pub retry_after_ms: Option<u64>,
}

impl Error {
    /// Whether the same call may succeed later without anything being changed by this agent.
    pub fn retryable(&self) -> bool {
        match self {
            Error::Busy | Error::TimedOut => true,
            Error::Unavailable(fault) => fault.retryable,
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Denied => f.write_str("denied"),
            Error::Exhausted(meter) => write!(f, "the budget of {} is spent", meter.name()),
            Error::NotFound => f.write_str("not found"),
            Error::Conflict(Some(there)) => write!(f, "conflict: {there} is there now"),
            Error::Conflict(None) => f.write_str("conflict: the condition did not hold"),
            Error::Stale(token) => write!(f, "stale: the lease is lost, its newest token is {token}"),
            Error::Busy => f.write_str("busy: somebody else holds it"),
            Error::TimedOut => f.write_str("timed out"),
            Error::Interrupted => f.write_str("interrupted: a stop was requested"),
            Error::Closed => f.write_str("closed"),
            Error::TooLarge(limit) => write!(f, "too large: the limit is {limit}"),
            Error::Invalid(what) => write!(f, "invalid: {what}"),
            Error::Unsupported => f.write_str("this host does not offer it"),
            Error::Unavailable(fault) => write!(f, "unavailable: {}", fault.detail),
            Error::UnknownOutcome => f.write_str("it may or may not have happened"),
        }
    }
}

impl std::error::Error for Error {}

impl Meter {
    /// Its name as budgets spell it, such as `tokens-in`.
    pub fn name(self) -> &'static str {
        match self {
            Meter::Fuel => "fuel",
            Meter::Memory => "memory",
            Meter::WallTime => "wall-time",
            Meter::TokensIn => "tokens-in",
            Meter::TokensOut => "tokens-out",
            Meter::MicroUsd => "micro-usd",
            Meter::BytesStored => "bytes-stored",
            Meter::BytesSent => "bytes-sent",
            Meter::Calls => "calls",
            Meter::Children => "children",
        }
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Error {
        match error {
            wit::Error::Denied => Error::Denied,
            wit::Error::Exhausted(meter) => Error::Exhausted(meter),
            wit::Error::NotFound => Error::NotFound,
            wit::Error::Conflict(there) => Error::Conflict(there),
            wit::Error::Stale(token) => Error::Stale(token),
            wit::Error::Busy => Error::Busy,
            wit::Error::TimedOut => Error::TimedOut,
            wit::Error::Interrupted => Error::Interrupted,
            wit::Error::Closed => Error::Closed,
            wit::Error::TooLarge(limit) => Error::TooLarge(limit),
            wit::Error::Invalid(what) => Error::Invalid(what),
            wit::Error::Unsupported => Error::Unsupported,
            wit::Error::Unavailable(wit::Fault { detail, retryable, retry_after_ms }) => {
                Error::Unavailable(Fault { detail, retryable, retry_after_ms })
            }
            wit::Error::UnknownOutcome => Error::UnknownOutcome,
        }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> wit::Error {
        match error {
            Error::Denied => wit::Error::Denied,
            Error::Exhausted(meter) => wit::Error::Exhausted(meter),
            Error::NotFound => wit::Error::NotFound,
            Error::Conflict(there) => wit::Error::Conflict(there),
            Error::Stale(token) => wit::Error::Stale(token),
            Error::Busy => wit::Error::Busy,
            Error::TimedOut => wit::Error::TimedOut,
            Error::Interrupted => wit::Error::Interrupted,
            Error::Closed => wit::Error::Closed,
            Error::TooLarge(limit) => wit::Error::TooLarge(limit),
            Error::Invalid(what) => wit::Error::Invalid(what),
            Error::Unsupported => wit::Error::Unsupported,
            Error::Unavailable(Fault { detail, retryable, retry_after_ms }) => {
                wit::Error::Unavailable(wit::Fault { detail, retryable, retry_after_ms })
            }
            Error::UnknownOutcome => wit::Error::UnknownOutcome,
        }
    }
}

/// What an agent answers when it fails. `?` makes one of an [`Error`], of a text and of a JSON error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For a person; the host keeps the first 1,024 bytes.
    pub message: String,
    /// The call's error that led here, if one did.
    pub cause: Option<Error>,
}

impl Failure {
    /// A failure with a message and no cause.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), cause: None }
    }

    /// A failure of a call, saying what was being done: `writing index.html: denied`.
    pub fn of(doing: &str, error: Error) -> Failure {
        Failure { message: format!("{doing}: {error}"), cause: Some(error) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { message: error.to_string(), cause: Some(error) }
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Failure {
        Failure::new(message)
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::new(message)
    }
}

#[cfg(feature = "json")]
impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        Failure::new(format!("not the JSON expected: {error}"))
    }
}

impl From<wit::Failure> for Failure {
    fn from(failure: wit::Failure) -> Failure {
        Failure { message: failure.message, cause: failure.cause.map(Error::from) }
    }
}

impl From<Failure> for wit::Failure {
    fn from(failure: Failure) -> wit::Failure {
        wit::Failure { message: failure.message, cause: failure.cause.map(wit::Error::from) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_interface_and_reads_well() {
        let fault = Fault { detail: "overloaded".into(), retryable: true, retry_after_ms: Some(50) };
        let all = [
            (Error::Denied, "denied"),
            (Error::Exhausted(Meter::TokensIn), "the budget of tokens-in is spent"),
            (Error::NotFound, "not found"),
            (Error::Conflict(Some("sha256:00".into())), "conflict: sha256:00 is there now"),
            (Error::Conflict(None), "conflict: the condition did not hold"),
            (Error::Stale(7), "stale: the lease is lost, its newest token is 7"),
            (Error::Busy, "busy: somebody else holds it"),
            (Error::TimedOut, "timed out"),
            (Error::Interrupted, "interrupted: a stop was requested"),
            (Error::Closed, "closed"),
            (Error::TooLarge(9), "too large: the limit is 9"),
            (Error::Invalid("no".into()), "invalid: no"),
            (Error::Unsupported, "this host does not offer it"),
            (Error::Unavailable(fault), "unavailable: overloaded"),
            (Error::UnknownOutcome, "it may or may not have happened"),
        ];
        for (error, text) in all {
            assert_eq!(Error::from(wit::Error::from(error.clone())), error);
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn a_failure_keeps_its_cause() {
        let failure = Failure::of("writing index.html", Error::Denied);
        assert_eq!(failure.to_string(), "writing index.html: denied");
        assert_eq!(Failure::from(wit::Failure::from(failure.clone())), failure);
        assert_eq!(Failure::from("no").cause, None);
    }
}
