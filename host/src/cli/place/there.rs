//! The host of another process, as the place of a run: it is told what is wanted, and its log is read as it grows.

use std::path::PathBuf;
use std::thread;

use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc};

use super::{Begun, GLANCE, Interrupts, NotBegun, Place, Wanted};
use crate::cli::failure::{Code, Failure};
use crate::cli::signal::done_as;
use crate::host::control::client::{Owner, Unanswered};
use crate::host::control::frame::{Ask, Reply, Ruling};
use crate::host::control::order::{Order, Spelling};
use crate::host::{Dirs, HostError, Running};
use crate::journal::Reader;
use crate::kernel::call::Signal;
use crate::kernel::live::Over;

/// The host of another process.
pub struct There {
    pub(super) runtime: Runtime,
    dirs: Dirs,
    reader: Reader,
    told: Mutex<mpsc::UnboundedReceiver<Result<Reply, Unanswered>>>,
    spelling: Spelling,
    pub(super) running: Running,
}

/// Hands a run to the host that has the state directory; none when there is none, or it is about to end.
pub(super) fn there(dirs: &Dirs, wanted: &Wanted, spelling: &Spelling) -> Result<Option<Begun>, NotBegun> {
    let mut owner = match Owner::find(&dirs.state) {
        Ok(owner) => owner,
        Err(Unanswered::Nobody) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let ask = match wanted {
        Wanted::Run(request) => Ask::Run(Box::new(Order::new((**request).clone()))),
        Wanted::Resume(again) => Ask::Resume(again.clone()),
    };
    match owner.ask(ask) {
        Ok(Reply::Taken) => {}
        // Nothing was done yet, and nothing will be.
        Ok(Reply::Ending) | Err(Unanswered::Gone | Unanswered::Nobody) => return Ok(None),
        Ok(reply) => return Err(HostError::from(reply).into()),
        Err(error) => return Err(error.into()),
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io)?;
    let (tell, mut told) = mpsc::unbounded_channel();
    thread::spawn(move || {
        loop {
            let reply = owner.further();
            let more = matches!(reply, Ok(Reply::Opened(_)));
            if tell.send(reply).is_err() || !more {
                return;
            }
        }
    });
    let first = runtime.block_on(async {
        let mut interrupts = Interrupts::new().map_err(NotBegun::Here)?;
        tokio::select! {
            reply = told.recv() => Ok((reply, interrupts)),
            () = interrupts.next() => {
                Err(NotBegun::Here(Failure::new(Code::Failed, "interrupted before the run began")))
            }
        }
    });
    let (opened, interrupts) = match first? {
        (Some(Ok(Reply::Opened(opened))), interrupts) => (opened, interrupts),
        (Some(Ok(reply)), _) => return Err(HostError::from(reply).into()),
        (Some(Err(error)), _) => return Err(error.into()),
        (None, _) => return Err(Unanswered::Gone.into()),
    };
    let (reader, running) = (Reader::open(&dirs.state)?, Running { run: opened.run });
    let (unused, idle, told) = (opened.unused, opened.idle, Mutex::new(told));
    let (dirs, spelling) = (dirs.clone(), spelling.clone());
    let place = Place::There(Box::new(There { runtime, dirs, reader, told, spelling, running }));
    Ok(Some(Begun { place, interrupts, unused, idle }))
}

/// What a host says, in the words of this terminal.
pub(super) fn typed(error: HostError, spelling: &Spelling) -> HostError {
    match error {
        HostError::Manifest { mut error, text } => {
            error.file = spelling.typed(&error.file);
            HostError::Manifest { error, text }
        }
        HostError::Usage { message, help } => HostError::Usage {
            message: spelling.typed(&message),
            help: help.map(|help| spelling.typed(&help)),
        },
        HostError::Told { kind, message, help } => {
            let (message, help) = (spelling.typed(&message), help.map(|help| spelling.typed(&help)));
            HostError::Told { kind, message, help }
        }
        HostError::Untrusted { message, help } => HostError::Untrusted {
            message: spelling.typed(&message),
            help: help.map(|help| spelling.typed(&help)),
        },
        kept @ (HostError::Refused(_) | HostError::Store(_) | HostError::Unanswered(_)) => kept,
        other => {
            HostError::Told { kind: other.kind(), message: spelling.typed(&other.to_string()), help: None }
        }
    }
}

pub(super) fn io(source: std::io::Error) -> HostError {
    HostError::Io { path: PathBuf::from("."), source }
}

impl There {
    pub(super) async fn ended(&self) -> Result<Over, Failure> {
        match self.told.lock().await.recv().await {
            Some(Ok(Reply::Ended(over))) => Ok(over),
            Some(Ok(reply)) => Err(typed(reply.into(), &self.spelling).into()),
            Some(Err(_)) | None => Err(self.gone()),
        }
    }

    pub(super) async fn durable_after(&self, seen: u64) -> Result<u64, Failure> {
        loop {
            let (durable, _) = self.reader.head()?;
            if durable > seen {
                return Ok(durable);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    pub(super) fn end(&self) -> Result<(), Failure> {
        let ask = Ask::Signal { run: self.running.run, pid: 1, signal: Signal::Kill };
        match done_as(&self.dirs, ask) {
            // It has just ended by itself.
            Ok(_) | Err(HostError::Told { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn rule(&self, ruling: Ruling) -> Result<u64, HostError> {
        done_as(&self.dirs, Ask::Rule(ruling))
    }

    fn gone(&self) -> Failure {
        let run = self.running.run;
        Failure::new(Code::State, format!("the host has gone before r{run} ended"))
            .help(format!("it goes on with `aos-host resume r{run}`, or with the next `aos-host up`"))
    }
}
