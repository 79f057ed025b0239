//! What the interface answers, as JSON that is the same in every run.

use aos_guest::bindings::aos::host::types as wit;
use aos_guest::{Error, Failure};
use serde_json::{Value, json};

use crate::hex;

/// Text up to this many bytes is shown whole.
const WHOLE_LIMIT: usize = 4_096;
/// Of longer text, and of bytes that are no text, so many bytes are shown.
const START: usize = 32;

/// Bytes: as text, or their number and their start.
pub fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() <= WHOLE_LIMIT => json!(text),
        Ok(text) => json!({"size": text.len(), "start": &text[..text.floor_char_boundary(START)]}),
        Err(_) => json!({"size": bytes.len(), "hex": hex::show(&bytes[..bytes.len().min(START)])}),
    }
}

/// `{"ok":…}` or `{"err":…}`.
pub fn outcome(outcome: &Result<Value, Error>) -> Value {
    match outcome {
        Ok(value) => json!({"ok": value}),
        Err(why) => json!({"err": error(why)}),
    }
}

/// An error: its case and its payload.
pub fn error(error: &Error) -> Value {
    match error {
        Error::Denied => json!({"denied": null}),
        Error::Exhausted(meter) => json!({"exhausted": meter.name()}),
        Error::NotFound => json!({"not-found": null}),
        Error::Conflict(there) => json!({"conflict": there}),
        Error::Stale(token) => json!({"stale": token}),
        Error::Busy => json!({"busy": null}),
        Error::TimedOut => json!({"timed-out": null}),
        Error::Interrupted => json!({"interrupted": null}),
        Error::Closed => json!({"closed": null}),
        Error::TooLarge(limit) => json!({"too-large": limit}),
        Error::Invalid(what) => json!({"invalid": what}),
        Error::Unsupported => json!({"unsupported": null}),
        Error::Unavailable(fault) => json!({"unavailable": {
            "detail": fault.detail, "retryable": fault.retryable, "retry_after_ms": fault.retry_after_ms,
        }}),
        Error::UnknownOutcome => json!({"unknown-outcome": null}),
    }
}

/// A failure: its message and its cause.
pub fn failure(failure: wit::Failure) -> Value {
    let failure = Failure::from(failure);
    json!({"message": failure.message, "cause": failure.cause.as_ref().map(error)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_or_their_start() {
        assert_eq!(bytes(b"hi"), json!("hi"));
        assert_eq!(bytes(&[0xff, 0x00]), json!({"size": 2, "hex": "ff00"}));
        let long = "é".repeat(4_000);
        assert_eq!(bytes(long.as_bytes()), json!({"size": 8_000, "start": "é".repeat(16)}));
        assert_eq!(bytes(&[0xff; 100]), json!({"size": 100, "hex": "ff".repeat(32)}));
    }

    #[test]
    fn errors_are_their_case_and_payload() {
        assert_eq!(outcome(&Err(Error::Denied)), json!({"err": {"denied": null}}));
        assert_eq!(outcome(&Err(Error::TooLarge(9))), json!({"err": {"too-large": 9}}));
        assert_eq!(outcome(&Ok(json!(1))), json!({"ok": 1}));
    }
}
