//! Where a run is carried out: in this process, or in the host that has the state directory already. `run` does the same in
//! both. [`there`]: the host of another process.

mod there;

use std::thread;
use std::time::{Duration, Instant};

use authority::{Narrowing, Pattern, Verb};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use super::command::Typed;
use super::failure::{Code, Failure};
use super::out::note;
use crate::host::control::frame::Ruling;
use crate::host::control::order::Spelling;
use crate::host::resume::Again;
use crate::host::{Dirs, Host, HostError, Options, Prepared, Request, Running, Socket, prepare};
use crate::journal::StoreError;
use crate::kernel::live::Over;

pub use there::There;
use there::{there, typed};

/// How long a state directory may be in use by a host that does not listen: one that is about to begin, or to end.
const HANDOVER: Duration = Duration::from_secs(10);
/// How often the log of another host is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// SIGINT and SIGTERM.
pub struct Interrupts {
    interrupt: Stream,
    terminate: Stream,
}

impl Interrupts {
    /// From here on they do not end the program. To be called on the runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new() -> Result<Interrupts, Failure> {
        let stream =
            |kind| signal(kind).map_err(|error| Failure::new(Code::Internal, format!("signals: {error}")));
        let (interrupt, terminate) = (stream(SignalKind::interrupt())?, stream(SignalKind::terminate())?);
        Ok(Interrupts { interrupt, terminate })
    }

    /// Waits for one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// See the module.
pub enum Place {
    /// This process owns the state directory.
    Here(Box<Here>),
    /// Another one does.
    There(Box<There>),
}

/// A host of this process's own.
pub struct Here {
    host: Host,
    socket: Option<Socket>,
    running: Running,
}

/// A run that has begun.
pub struct Begun {
    /// Where.
    pub place: Place,
    /// What may interrupt it.
    pub interrupts: Interrupts,
    /// Allowed, but asked for by nobody.
    pub unused: Vec<(Verb, Pattern)>,
    /// Narrowed, but held by nobody.
    pub idle: Vec<Narrowing>,
}

/// Why a run did not begin.
pub enum NotBegun {
    /// The host says so.
    Host(HostError),
    /// It was interrupted, or the machine failed.
    Here(Failure),
}

impl<E: Into<HostError>> From<E> for NotBegun {
    fn from(error: E) -> NotBegun {
        NotBegun::Host(error.into())
    }
}

/// What is to be done.
pub enum Wanted {
    /// Run this.
    Run(Box<Request>),
    /// Go on with this run.
    Resume(Again),
}

/// What is ready to be done here.
enum Ready {
    Run(Box<Prepared>),
    Resume(Again),
}

/// Begins a run, or goes on with one: where a host runs, there; else here.
///
/// # Errors
/// When it is refused, or cannot be begun.
pub fn begin(dirs: &Dirs, options: &Options, mut wanted: Wanted) -> Result<Begun, NotBegun> {
    let spelling = match &mut wanted {
        Wanted::Run(request) => Spelling::of(request).map_err(there::io)?,
        Wanted::Resume(_) => Spelling::default(),
    };
    begun(dirs, options, &wanted, &spelling).map_err(|not| match not {
        NotBegun::Host(error) => NotBegun::Host(typed(error, &spelling)),
        here => here,
    })
}

fn begun(dirs: &Dirs, options: &Options, wanted: &Wanted, spelling: &Spelling) -> Result<Begun, NotBegun> {
    let since = Instant::now();
    let mut prepared = None;
    loop {
        if let Some(begun) = there(dirs, wanted, spelling)? {
            // A check that the environment asks for is of every host that it starts.
            let typed = Typed::now();
            for flag in
                ["--threads", "--log-limit", "--self-check"].into_iter().filter(|flag| typed.has(flag))
            {
                note(&format!("note: {flag}: a host runs already, and what it was started with holds"));
            }
            return Ok(begun);
        }
        let ready = match prepared.take() {
            Some(ready) => ready,
            None => match wanted {
                Wanted::Run(request) => Ready::Run(Box::new(prepare(dirs, options, (**request).clone())?)),
                Wanted::Resume(again) => Ready::Resume(again.clone()),
            },
        };
        match Host::open(dirs, options) {
            Ok(host) => return here(host, options, ready),
            Err(HostError::Store(StoreError::Busy(_))) if since.elapsed() < HANDOVER => {
                prepared = Some(ready);
                thread::sleep(GLANCE);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn here(host: Host, options: &Options, ready: Ready) -> Result<Begun, NotBegun> {
    let (unused, idle) = match &ready {
        Ready::Run(prepared) => (prepared.unused.clone(), prepared.idle.clone()),
        Ready::Resume(_) => Default::default(),
    };
    let begun = host.runtime().block_on(async {
        // Before there is anything to interrupt, so that no Ctrl-C ends the program instead of the run.
        let interrupts = Interrupts::new().map_err(NotBegun::Here)?;
        let socket = host.listen(options);
        if let Err(error) = &socket {
            note(&format!("note: other terminals cannot reach this host: {error}"));
        }
        let running = match ready {
            Ready::Run(prepared) => host.run(*prepared).await?,
            Ready::Resume(again) => host.resume(options, again).await?,
        };
        Ok::<_, NotBegun>((interrupts, socket.ok(), running))
    });
    match begun {
        Ok((interrupts, socket, running)) => {
            let place = Place::Here(Box::new(Here { host, socket, running }));
            Ok(Begun { place, interrupts, unused, idle })
        }
        Err(error) => {
            host.close();
            Err(error)
        }
    }
}

impl Place {
    /// Waits on its runtime.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self {
            Place::Here(here) => here.host.runtime().block_on(future),
            Place::There(there) => there.runtime.block_on(future),
        }
    }

    /// The run.
    pub fn running(&self) -> Running {
        match self {
            Place::Here(here) => here.running,
            Place::There(there) => there.running,
        }
    }

    /// Waits until the run has ended and all of its entries are on disk.
    ///
    /// # Errors
    /// When the log cannot be written any more, or the host has gone.
    pub async fn ended(&self) -> Result<Over, Failure> {
        match self {
            Place::Here(here) => Ok(here.host.ended(here.running).await?),
            Place::There(there) => there.ended().await,
        }
    }

    /// Waits for entries after `seen` to be on disk and answers the last that is.
    ///
    /// # Errors
    /// When the log cannot be read, or not be written any more.
    pub async fn durable_after(&self, seen: u64) -> Result<u64, Failure> {
        match self {
            Place::Here(here) => Ok(here.host.durable_after(seen).await?),
            Place::There(there) => there.durable_after(seen).await,
        }
    }

    /// Ends the run as the operator.
    ///
    /// # Errors
    /// When the log cannot be written, or the host has gone.
    pub async fn end(&self) -> Result<(), Failure> {
        match self {
            Place::Here(here) => Ok(here.host.end(here.running).await?),
            Place::There(there) => there.end(),
        }
    }

    /// Answers a call of the run that waits for the operator.
    ///
    /// # Errors
    /// When it waits no more.
    pub async fn rule(&self, ruling: Ruling) -> Result<u64, HostError> {
        match self {
            Place::Here(here) => here.host.rule(ruling).await,
            Place::There(there) => there.rule(ruling),
        }
    }

    /// Leaves it. A host of this process's own stays for the runs of other terminals; an interrupt ends those.
    pub fn leave(self, mut interrupts: Interrupts) {
        let Here { host, socket, .. } = match self {
            Place::Here(here) => *here,
            Place::There(_) => return,
        };
        host.runtime().block_on(async {
            if let Some(socket) = &socket {
                stay(&host, socket, &mut interrupts).await;
                socket.answered().await;
            }
        });
        drop(socket);
        host.close();
    }
}

/// Stays for the runs of other terminals.
async fn stay(host: &Host, socket: &Socket, interrupts: &mut Interrupts) {
    tokio::select! {
        biased;
        () = socket.idle() => return,
        () = std::future::ready(()) => {}
    }
    note("this host goes on for runs of other terminals; Ctrl-C ends them");
    tokio::select! {
        () = socket.idle() => {}
        () = interrupts.next() => {
            for run in host.kernel().open_runs() {
                // What cannot be written ends all of them anyway.
                let _ends = host.end(Running { run }).await;
            }
            socket.idle().await;
        }
    }
}
