//! How a divergence shows calls and ends.

use audit::Digest;

use crate::kernel::Lifted;
use crate::kernel::answer::Exit;
use crate::kernel::call::Call;
use crate::kernel::tape::Divergence;

/// A call as a divergence shows it.
pub(super) fn summary(call: &Call) -> String {
    let json = serde_json::to_string(call).unwrap_or_default();
    let arguments: String = json.chars().take(160).collect();
    format!("{} {arguments}", call.verb())
}

/// A call with the fuel that was consumed before it, and what it carries.
pub(super) fn describe(call: &Call, fuel: u64, body: Option<&Lifted>) -> String {
    let digest = |lifted: &Lifted| {
        lifted.bytes.as_ref().map(|b| format!(", {}", Digest::of(b).short())).unwrap_or_default()
    };
    let body = body.map(|b| format!(", body {} bytes{}", ledger::grouped(b.size), digest(b)));
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

impl std::fmt::Display for Divergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Divergence { call, seq, logged, now, .. } = self;
        let entry = seq.map(|seq| format!(" (#{seq})")).unwrap_or_default();
        write!(f, "call {call}{entry} was logged as {logged}, and is now {now}")
    }
}
