//! Why a command did not succeed, and what the shell is told.

use std::fmt::Display;
use std::process::ExitCode;

use super::out;
use super::view::escape::visible;
use super::view::report::report;
use crate::host::control::client::Unanswered;
use crate::host::{HostError, Kind};
use crate::journal::{Fault, StoreError};
use crate::kernel::state::Inconsistent;
use crate::kernel::{Halt, entry::EntryError};

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// It is done.
    Ok = 0,
    /// The run failed.
    Failed = 1,
    /// The command was not understood, or its input is bad.
    Usage = 2,
    /// The run needs what the operator did not offer.
    NotAuthorised = 3,
    /// The log or a replay does not verify.
    NotVerified = 4,
    /// A budget is used up.
    Exhausted = 5,
    /// The state directory is in use, unreadable or damaged.
    State = 6,
    /// The host is wrong, or the machine failed it.
    Internal = 70,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> ExitCode {
        ExitCode::from(code as u8)
    }
}

/// An error for a person: what, where, and what would mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the shell is told.
    pub code: Code,
    /// What is wrong; it may have several lines, all of them fit for a terminal.
    pub message: String,
    /// What would mend it.
    pub help: Option<String>,
}

impl Failure {
    /// An error; what is not fit for a terminal in it is made visible.
    pub fn new(code: Code, message: impl Display) -> Failure {
        Failure { code, message: visible(&message.to_string()), help: None }
    }

    /// An error whose text is laid out and escaped already.
    pub fn laid_out(code: Code, message: String) -> Failure {
        Failure { code, message, help: None }
    }

    /// A mistake in the command.
    pub fn usage(message: impl Display) -> Failure {
        Failure::new(Code::Usage, message)
    }

    /// A file that cannot be read or written.
    pub fn file(what: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
        Failure::usage(format!("cannot {what} {}: {error}", path.display()))
    }

    /// With what would mend it.
    pub fn help(self, help: impl Display) -> Failure {
        Failure { help: Some(visible(&help.to_string())), ..self }
    }

    /// Shows it on standard error.
    pub fn show(&self) {
        out::note(&format!("error: {}", self.message));
        if let Some(help) = &self.help {
            out::note(&format!("  help: {help}"));
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        let code = match &error {
            StoreError::Absent(_) => Code::Usage,
            StoreError::Busy(_)
            | StoreError::OtherKey(_)
            | StoreError::Io { .. }
            | StoreError::Sql { .. }
            | StoreError::Damaged { .. } => Code::State,
        };
        Failure::new(code, error)
    }
}

impl From<Halt> for Failure {
    fn from(halt: Halt) -> Failure {
        let code = match &halt {
            Halt::Stopped(_) => Code::State,
            Halt::Broken(_) | Halt::Ended => Code::Internal,
            Halt::Over(_) => Code::NotAuthorised,
        };
        Failure::new(code, halt)
    }
}

impl From<Inconsistent> for Failure {
    fn from(error: Inconsistent) -> Failure {
        Failure::new(Code::State, error)
            .help("keep a copy of the state directory, then see `aos-host audit verify`")
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        match fault {
            Fault::Store(error) => error.into(),
            Fault::Entry { .. } | Fault::Between { .. } | Fault::Log(_) => {
                Failure::new(Code::NotVerified, fault)
            }
        }
    }
}

impl From<Kind> for Code {
    fn from(kind: Kind) -> Code {
        match kind {
            Kind::Usage => Code::Usage,
            Kind::NotAuthorised => Code::NotAuthorised,
            Kind::Conflict => Code::Failed,
            Kind::Verification => Code::NotVerified,
            Kind::State => Code::State,
            Kind::Internal => Code::Internal,
        }
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Failure {
        let code = error.kind().into();
        match error {
            HostError::Usage { message, help } => {
                Failure { help: help.map(|help| visible(&help)), ..Failure::new(code, message) }
            }
            HostError::Manifest { error, text } => {
                Failure::laid_out(code, report(&error, &text, out::drawn()))
            }
            HostError::Told { message, help, .. } | HostError::Untrusted { message, help } => {
                Failure { help: help.map(|help| visible(&help)), ..Failure::new(code, message) }
            }
            HostError::Store(error) => error.into(),
            HostError::Unanswered(Unanswered::Nobody) => {
                Failure::new(code, Unanswered::Nobody).help("`aos-host up` keeps one running")
            }
            other => Failure::new(code, other),
        }
    }
}

/// An entry that cannot be read.
pub fn unreadable(seq: u64, error: &EntryError) -> Failure {
    Failure::new(Code::State, format!("#{seq}: {error}"))
        .help("keep a copy of the state directory, then see `aos-host audit verify`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_directory_that_is_not_there_is_a_mistake_and_a_busy_one_is_not() {
        let absent = Failure::from(StoreError::Absent("x".into()));
        assert_eq!(absent.code, Code::Usage);
        assert_eq!(Failure::from(StoreError::Busy("x".into())).code, Code::State);
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        let failure = Failure::usage("a\u{1b}[2Jb").help("c\u{202e}d");
        assert_eq!(failure.message, "a\\u{1b}[2Jb");
        assert_eq!(failure.help.as_deref(), Some("c\\u{202e}d"));
    }
}
