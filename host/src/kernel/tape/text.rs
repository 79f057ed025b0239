//! How a divergence shows calls and ends.

use audit::Digest;
use bytes::Bytes;

use crate::kernel::answer::Exit;
use crate::kernel::call::Call;

/// A call as a divergence shows it.
pub(super) fn summary(call: &Call) -> String {
    let json = serde_json::to_string(call).unwrap_or_default();
    let arguments: String = json.chars().take(160).collect();
    format!("{} {arguments}", call.verb())
}

/// A call with the fuel that was consumed before it, and what it carries.
pub(super) fn describe(call: &Call, fuel: u64, body: Option<&Bytes>) -> String {
    let body =
        body.map(|b| format!(", body {} bytes, {}", ledger::grouped(b.len() as u64), Digest::of(b).short()));
    format!("{} fuel {}{}", summary(call), ledger::grouped(fuel), body.unwrap_or_default())
}

/// How a process ended.
pub(super) fn ended(exit: &Exit) -> String {
    match exit {
        Exit::Returned | Exit::Killed => exit.word().into(),
        Exit::Failed { message, .. } => format!("failed: {message}"),
        Exit::Trapped(text) | Exit::Unstarted(text) => format!("{}: {text}", exit.word()),
        Exit::Exhausted(meter) => format!("exhausted {meter}"),
    }
}
