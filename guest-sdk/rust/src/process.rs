//! Processes: this one and its children.
//!
//! ```no_run
//! # use aos_guest::{process::{Child, Meter}, Failure};
//! # fn delegate() -> Result<Vec<u8>, Failure> {
//! let writer = Child::spawn("writer")
//!     .input("site")
//!     .budget(Meter::Fuel, 1_000_000_000)
//!     .capability("write", "site")
//!     .start()?;
//! let written = writer.ask("a page")?;
//! println!("{}", written.text()?);
//! writer.finish()
//! # }
//! ```

mod ask;

use std::time::Duration;

use crate::bindings::aos::host::process as wit;
pub use crate::bindings::aos::host::process::{Allowance, Info, Restart, Signal};
pub use crate::error::Meter;
use crate::error::{Error, Failure};
use crate::ipc::Subscription;
use crate::lease::Lease;
use crate::time::millis;

/// Who this is.
pub fn whoami() -> Info {
    wit::whoami()
}

/// What is left of each meter that is limited.
pub fn budget() -> Vec<Allowance> {
    wit::budget()
}

/// Ends this instance and starts a fresh one of the same process whose [`restored`] is this state. It comes
/// back only with an error: `Unsupported` (go on without), `TooLarge` (over 16 MiB), `Exhausted`.
pub fn continue_as_new(state: impl AsRef<[u8]>) -> Result<(), Error> {
    Ok(wit::continue_as_new(state.as_ref())?)
}

/// The state that the last [`continue_as_new`] left; absent in a first instance.
pub fn restored() -> Option<Vec<u8>> {
    wit::restored()
}

/// What stayed with the process across [`continue_as_new`] or a restart.
#[derive(Debug)]
pub struct Held {
    /// Leases that have not been released.
    pub leases: Vec<Lease>,
    /// Subscriptions that have not been closed.
    pub subscriptions: Vec<Subscription>,
    /// Children.
    pub children: Vec<Child>,
}

/// What stayed with the process.
pub fn held() -> Held {
    let held = wit::held();
    Held {
        leases: held.leases.into_iter().map(Lease::new).collect(),
        subscriptions: held.subscriptions,
        children: held.children.into_iter().map(|handle| Child { handle, name: None }).collect(),
    }
}

/// A child. Dropping it does nothing to the process.
#[derive(Debug)]
pub struct Child {
    handle: wit::Child,
    /// As it was spawned; not known of one that was held.
    name: Option<String>,
}

impl Child {
    /// A child to be: say what it gets, then [`Spawn::start`] it. `component` is its label in the manifest.
    pub fn spawn(component: &str) -> Spawn {
        Spawn {
            spec: wit::Spec {
                component: component.to_owned(),
                name: None,
                input: Vec::new(),
                budget: Vec::new(),
                capabilities: None,
                restart: Restart::Never,
            },
        }
    }

    /// Its process number, unique in the run.
    pub fn pid(&self) -> u64 {
        self.handle.pid()
    }

    /// How it ended, waiting for ever.
    /// Errors: `Interrupted` (finish), `Exhausted`.
    pub fn wait(&self) -> Result<Exit, Error> {
        self.handle.wait(None)?.map(Exit::from).ok_or(Error::TimedOut)
    }

    /// How it ended; absent when the time-out passed first. Errors as [`Child::wait`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Option<Exit>, Error> {
        Ok(self.handle.wait(Some(millis(timeout)))?.map(Exit::from))
    }

    /// Asks it to stop: it gets a `$stop` notice and its waits answer `Interrupted`.
    /// Errors: `Closed` (it has ended), `Exhausted`.
    pub fn stop(&self) -> Result<(), Error> {
        self.signal(Signal::Stop)
    }

    /// Ends it at once. Errors as [`Child::stop`].
    pub fn kill(&self) -> Result<(), Error> {
        self.signal(Signal::Kill)
    }

    /// Sends a signal. Errors as [`Child::stop`], and `Unsupported` (`pause` and `resume` on this host).
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        Ok(self.handle.signal(signal)?)
    }
}

/// What a child gets.
#[derive(Clone, Debug)]
pub struct Spawn {
    spec: wit::Spec,
}

impl Spawn {
    /// Its name, unique among the living; the component's label when nothing is said.
    pub fn name(mut self, name: &str) -> Spawn {
        self.spec.name = Some(name.to_owned());
        self
    }

    /// Its input, at most 1 MiB.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Spawn {
        self.spec.input = input.into();
        self
    }

    /// Moves so much of a meter from this process's budget to it.
    pub fn budget(mut self, meter: Meter, amount: u64) -> Spawn {
        self.spec.budget.push(wit::Amount { meter, amount });
        self
    }

    /// Gives it this capability, and of the others only those that are named the same way.
    pub fn capability(mut self, verb: &str, object: &str) -> Spawn {
        let capability = wit::Capability { verb: verb.to_owned(), object: object.to_owned() };
        self.spec.capabilities.get_or_insert_default().push(capability);
        self
    }

    /// Gives it no capabilities but those named by [`Spawn::capability`].
    pub fn no_capabilities(mut self) -> Spawn {
        self.spec.capabilities.get_or_insert_default();
        self
    }

    /// What the host does when it ends; never restarted when nothing is said.
    pub fn restart(mut self, restart: Restart) -> Spawn {
        self.spec.restart = restart;
        self
    }

    /// Starts it.
    /// Capability: `spawn` with the label.
    /// Errors: `Denied` (the label, or a capability that may not be delegated), `NotFound` (no such label in the
    /// manifest), `Conflict` (a living process has the name), `Exhausted` (ask for less), `Invalid`,
    /// `TooLarge` (a shorter input), `Unsupported` (this restart).
    pub fn start(self) -> Result<Child, Error> {
        let handle = wit::spawn(&self.spec)?;
        Ok(Child { handle, name: self.spec.name.or(Some(self.spec.component)) })
    }
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It answered this output.
    Returned(Vec<u8>),
    /// It answered a failure.
    Failed(Failure),
    /// It trapped; why.
    Trapped(String),
    /// It spent this meter.
    Exhausted(Meter),
    /// It was killed.
    Killed,
}

impl Exit {
    /// The output, or a failure that says how else it ended.
    pub fn output(self) -> Result<Vec<u8>, Failure> {
        match self {
            Exit::Returned(output) => Ok(output),
            Exit::Failed(failure) => Err(failure),
            Exit::Trapped(why) => Err(Failure::new(format!("the child trapped: {why}"))),
            Exit::Exhausted(meter) => {
                Err(Failure::new(format!("the child spent its budget of {}", meter.name())))
            }
            Exit::Killed => Err(Failure::new("the child was killed")),
        }
    }

    /// The output as text; a failure also when it is not UTF-8.
    pub fn text(self) -> Result<String, Failure> {
        String::from_utf8(self.output()?).map_err(|_| Failure::new("the child's output is not UTF-8"))
    }
}

impl From<wit::Exit> for Exit {
    fn from(exit: wit::Exit) -> Exit {
        match exit {
            wit::Exit::Returned(output) => Exit::Returned(output),
            wit::Exit::Failed(failure) => Exit::Failed(failure.into()),
            wit::Exit::Trapped(why) => Exit::Trapped(why),
            wit::Exit::Exhausted(meter) => Exit::Exhausted(meter),
            wit::Exit::Killed => Exit::Killed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spawn_says_what_was_asked() {
        let spawn =
            Child::spawn("writer").name("w").input("x").budget(Meter::Calls, 9).capability("write", "site");
        assert_eq!((spawn.spec.component.as_str(), spawn.spec.name.as_deref()), ("writer", Some("w")));
        assert_eq!(spawn.spec.budget[0].amount, 9);
        let asked = spawn.spec.capabilities.unwrap_or_default();
        assert_eq!((asked[0].verb.as_str(), asked[0].object.as_str()), ("write", "site"));
        assert!(Child::spawn("writer").spec.capabilities.is_none());
        assert_eq!(Child::spawn("writer").no_capabilities().spec.capabilities.map(|all| all.len()), Some(0));
    }

    #[test]
    fn only_a_return_is_an_output() {
        assert_eq!(Exit::Returned(vec![1]).output(), Ok(vec![1]));
        let told = Exit::Exhausted(Meter::Fuel).output();
        assert_eq!(told, Err(Failure::new("the child spent its budget of fuel")));
        assert_eq!(Exit::Returned(b"3".to_vec()).text().as_deref(), Ok("3"));
        assert!(Exit::Returned(vec![0xff]).text().is_err());
        let failed = Exit::Failed(Failure::of("writing", Error::Denied)).of("writer");
        assert_eq!(
            failed,
            Err(Failure { message: "writer: writing: denied".into(), cause: Some(Error::Denied) })
        );
    }
}
