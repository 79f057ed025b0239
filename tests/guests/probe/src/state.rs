//! What a script holds between its steps.

use std::collections::BTreeMap;
use std::time::Instant;

use aos_guest::Failure;
use aos_guest::bindings::aos::host::infer::Generation;
use aos_guest::bindings::aos::host::ipc::Subscription;
use aos_guest::bindings::aos::host::lease::Lease;
use aos_guest::bindings::aos::host::process::Child;

use crate::args::Args;

/// A handle of any kind.
pub enum Handle {
    /// From `subscribe`, or held.
    Subscription(Subscription),
    /// From `acquire`, or held.
    Lease(Lease),
    /// From `stream`.
    Generation(Generation),
    /// From `spawn`, or held.
    Child(Child),
}

/// What a script holds.
#[derive(Default)]
pub struct State {
    handles: BTreeMap<String, Handle>,
    unnamed: usize,
    /// The first reading of the monotonic clock.
    pub start: Option<Instant>,
}

impl State {
    /// Keeps a handle under its name; one without a name lives to the end all the same.
    pub fn keep(&mut self, name: Option<String>, handle: Handle) {
        let name = name.unwrap_or_else(|| {
            self.unnamed += 1;
            format!("#{}", self.unnamed)
        });
        self.handles.insert(name, handle);
    }

    /// Drops a handle, without its explicit method.
    pub fn drop(&mut self, args: &mut Args) -> Result<(), Failure> {
        let name = args.text("on")?;
        self.handles
            .remove(&name)
            .map(drop)
            .ok_or_else(|| Failure::new(format!("drop: there is no handle {name:?}")))
    }

    /// The subscription that a step is `on`.
    pub fn subscription(&self, args: &mut Args) -> Result<&Subscription, Failure> {
        self.find(args, |handle| if let Handle::Subscription(it) = handle { Some(it) } else { None })
    }

    /// The lease that a step is `on`.
    pub fn lease(&self, args: &mut Args) -> Result<&Lease, Failure> {
        let name = args.text("on")?;
        self.lease_named(&name).ok_or_else(|| missing(args, &name))
    }

    /// A lease by its name.
    pub fn lease_named(&self, name: &str) -> Option<&Lease> {
        if let Handle::Lease(lease) = self.handles.get(name)? { Some(lease) } else { None }
    }

    /// The generation that a step is `on`.
    pub fn generation(&self, args: &mut Args) -> Result<&Generation, Failure> {
        self.find(args, |handle| if let Handle::Generation(it) = handle { Some(it) } else { None })
    }

    /// The child that a step is `on`.
    pub fn child(&self, args: &mut Args) -> Result<&Child, Failure> {
        self.find(args, |handle| if let Handle::Child(it) = handle { Some(it) } else { None })
    }

    fn find<'a, T>(
        &'a self,
        args: &mut Args,
        kind: impl Fn(&'a Handle) -> Option<&'a T>,
    ) -> Result<&'a T, Failure> {
        let name = args.text("on")?;
        self.handles.get(&name).and_then(kind).ok_or_else(|| missing(args, &name))
    }
}

fn missing(args: &Args, name: &str) -> Failure {
    Failure::new(format!("{}: there is no such handle {name:?}", args.op()))
}
