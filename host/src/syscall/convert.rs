//! The kernel's words as the WIT's, and back.

use crate::kernel::answer::{self, Answer};
use crate::kernel::call::{self, clip};
use crate::kernel::ports;

use super::bindings::{artifact, infer, ipc, log, mount, process, types};

/// The WIT's error.
pub(crate) fn error(error: answer::Error) -> types::Error {
    use answer::Error as E;
    match error {
        E::Denied => types::Error::Denied,
        E::Exhausted(m) => types::Error::Exhausted(meter(m)),
        E::NotFound => types::Error::NotFound,
        E::Conflict(digest) => types::Error::Conflict(digest.map(|d| d.to_string())),
        E::Stale(token) => types::Error::Stale(token),
        E::Busy => types::Error::Busy,
        E::TimedOut => types::Error::TimedOut,
        E::Interrupted => types::Error::Interrupted,
        E::Closed => types::Error::Closed,
        E::TooLarge(limit) => types::Error::TooLarge(limit),
        E::Invalid(what) => types::Error::Invalid(what),
        E::Unsupported => types::Error::Unsupported,
        // What is for the operator stays here.
        E::Unavailable(ports::Fault { detail, retryable, retry_after_ms, spent: _, remedy: _ }) => {
            types::Error::Unavailable(types::Fault { detail, retryable, retry_after_ms })
        }
        E::UnknownOutcome => types::Error::UnknownOutcome,
    }
}

/// A guest's error, as an entry keeps it.
pub(crate) fn kernel_error(error: types::Error) -> answer::Error {
    use answer::Error as E;
    match error {
        types::Error::Denied => E::Denied,
        types::Error::Exhausted(m) => E::Exhausted(kernel_meter(m)),
        types::Error::NotFound => E::NotFound,
        types::Error::Conflict(digest) => E::Conflict(digest.and_then(|d| d.parse().ok())),
        types::Error::Stale(token) => E::Stale(token.min(ledger::MAX)),
        types::Error::Busy => E::Busy,
        types::Error::TimedOut => E::TimedOut,
        types::Error::Interrupted => E::Interrupted,
        types::Error::Closed => E::Closed,
        types::Error::TooLarge(limit) => E::TooLarge(limit.min(ledger::MAX)),
        types::Error::Invalid(what) => E::Invalid(clip(what)),
        types::Error::Unsupported => E::Unsupported,
        types::Error::Unavailable(fault) => E::Unavailable(ports::Fault {
            detail: clip(fault.detail),
            retryable: fault.retryable,
            retry_after_ms: fault.retry_after_ms.map(|ms| ms.min(ledger::MAX)),
            ..ports::Fault::default()
        }),
        types::Error::UnknownOutcome => E::UnknownOutcome,
    }
}

/// A meter, the WIT's way.
pub(crate) fn meter(meter: ledger::Meter) -> types::Meter {
    use ledger::Meter as M;
    match meter {
        M::Fuel => types::Meter::Fuel,
        M::Memory => types::Meter::Memory,
        M::WallTime => types::Meter::WallTime,
        M::TokensIn => types::Meter::TokensIn,
        M::TokensOut => types::Meter::TokensOut,
        M::MicroUsd => types::Meter::MicroUsd,
        M::BytesStored => types::Meter::BytesStored,
        M::BytesSent => types::Meter::BytesSent,
        M::Calls => types::Meter::Calls,
        M::Children => types::Meter::Children,
    }
}

/// A meter, the kernel's way.
pub(crate) fn kernel_meter(meter: types::Meter) -> ledger::Meter {
    use ledger::Meter as M;
    match meter {
        types::Meter::Fuel => M::Fuel,
        types::Meter::Memory => M::Memory,
        types::Meter::WallTime => M::WallTime,
        types::Meter::TokensIn => M::TokensIn,
        types::Meter::TokensOut => M::TokensOut,
        types::Meter::MicroUsd => M::MicroUsd,
        types::Meter::BytesStored => M::BytesStored,
        types::Meter::BytesSent => M::BytesSent,
        types::Meter::Calls => M::Calls,
        types::Meter::Children => M::Children,
    }
}

pub(crate) fn kernel_priority(priority: ipc::Priority) -> call::Priority {
    match priority {
        ipc::Priority::Low => call::Priority::Low,
        ipc::Priority::Normal => call::Priority::Normal,
        ipc::Priority::High => call::Priority::High,
    }
}

pub(crate) fn message(head: answer::Head, body: Vec<u8>) -> ipc::Message {
    ipc::Message {
        id: head.id,
        sender: u64::from(head.sender),
        sender_name: head.name,
        topic: head.topic,
        in_reply_to: head.in_reply_to,
        priority: match head.priority {
            call::Priority::Low => ipc::Priority::Low,
            call::Priority::Normal => ipc::Priority::Normal,
            call::Priority::High => ipc::Priority::High,
        },
        labels: head.labels.iter().map(str::to_owned).collect(),
        body,
    }
}

pub(crate) fn kernel_condition(condition: mount::Condition) -> call::Condition {
    match condition {
        mount::Condition::Any => call::Condition::Any,
        mount::Condition::Absent => call::Condition::Absent,
        mount::Condition::DigestIs(digest) => call::Condition::DigestIs(clip(digest)),
        mount::Condition::Fence(token) => call::Condition::Fence(super::number(token)),
    }
}

pub(crate) fn listed(listed: ports::Listed) -> mount::Entry {
    mount::Entry {
        name: listed.name,
        kind: if listed.directory { mount::Kind::Directory } else { mount::Kind::File },
        size: listed.size,
        digest: listed.digest.map(|d| d.to_string()),
    }
}

pub(crate) fn artifact(artifact: answer::Artifact) -> artifact::Artifact {
    artifact::Artifact {
        digest: artifact.digest.to_string(),
        kind: artifact.kind,
        media_type: artifact.media_type,
        size: artifact.size,
        parents: artifact.parents.iter().map(ToString::to_string).collect(),
        subject: artifact.subject,
        by: u64::from(artifact.by),
        labels: artifact.labels.iter().map(str::to_owned).collect(),
    }
}

pub(crate) fn kernel_level(level: log::Level) -> call::Level {
    match level {
        log::Level::Trace => call::Level::Trace,
        log::Level::Debug => call::Level::Debug,
        log::Level::Info => call::Level::Info,
        log::Level::Warn => call::Level::Warn,
        log::Level::Error => call::Level::Error,
    }
}

/// How a child ended. One that the host could not run has trapped, as far as its parent is concerned.
pub(crate) fn exit(exit: answer::Exit, output: Vec<u8>) -> process::Exit {
    match exit {
        answer::Exit::Returned => process::Exit::Returned(output),
        answer::Exit::Failed { message, cause } => {
            process::Exit::Failed(types::Failure { message, cause: cause.map(error) })
        }
        answer::Exit::Trapped(text) | answer::Exit::Unstarted(text) => process::Exit::Trapped(text),
        answer::Exit::Exhausted(m) => process::Exit::Exhausted(meter(m)),
        answer::Exit::Killed => process::Exit::Killed,
    }
}

pub(crate) fn finish(finish: ports::Finish) -> infer::Finish {
    match finish {
        ports::Finish::Stop => infer::Finish::Stop,
        ports::Finish::Length => infer::Finish::Length,
        ports::Finish::ToolCalls => infer::Finish::ToolCalls,
        ports::Finish::Filtered => infer::Finish::Filtered,
    }
}

pub(crate) fn usage(spent: answer::Spent) -> infer::Usage {
    let usage = spent.usage.unwrap_or_default();
    infer::Usage { tokens_in: usage.tokens_in, tokens_out: usage.tokens_out, micro_usd: spent.micro_usd }
}

/// An answer that does not fit its call: the kernel or the log is wrong, and the guest cannot go on.
pub(crate) fn unexpected(answer: &Answer) -> wasmtime::Error {
    wasmtime::Error::msg(format!("the kernel answered with what the call does not: {answer:?}"))
}
