//! Runs of other terminals: the owner carries them out as if they were its own. A client that goes away after its run was
//! opened leaves it running, on record; one that goes before does not get it.

use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::super::error::HostError;
use super::super::prepare::prepare;
use super::super::resume::{Again, take_up};
use super::super::{Running, start, until_ended};
use super::frame::Reply;
use super::order::{Opened, Order};
use super::server::{Server, tell};
use crate::kernel::call::{Key, Signal};

/// Runs of other terminals at a time. Each has an engine of its own, and a system maps 65,530 places of memory for a process.
const RUNS: usize = 128;
/// Teams that are loaded at a time: each may compile.
const LOADED: usize = 2;

/// The runs of other terminals.
pub(super) struct Handed {
    line: Semaphore,
    count: watch::Sender<Count>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    runs: usize,
    closed: bool,
}

/// The place of one run.
struct Seat<'a>(&'a Handed);

/// What becomes of a run whose client went away before it was told of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unheard {
    /// Nobody knows of it: it ends before it does much.
    Ends,
    /// It was there before.
    GoesOn,
}

/// Why there is no place.
enum Full {
    Busy,
    Closed,
}

impl Full {
    fn reply(&self) -> Reply {
        match self {
            Full::Busy => Reply::Busy,
            Full::Closed => Reply::Ending,
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.count.send_modify(|count| count.runs -= 1);
    }
}

impl Default for Handed {
    fn default() -> Handed {
        Handed { line: Semaphore::new(LOADED), count: watch::channel(Count::default()).0 }
    }
}

impl Handed {
    fn enter(&self) -> Result<Seat<'_>, Full> {
        let mut full = None;
        self.count.send_if_modified(|count| {
            match *count {
                Count { closed: true, .. } => full = Some(Full::Closed),
                Count { runs: RUNS.., .. } => full = Some(Full::Busy),
                Count { .. } => count.runs += 1,
            }
            full.is_none()
        });
        match full {
            None => Ok(Seat(self)),
            Some(full) => Err(full),
        }
    }

    /// Waits until there is none, and takes none any more.
    pub(super) async fn none_left(&self) {
        let mut seen = self.count.subscribe();
        loop {
            let closed = self.count.send_if_modified(|count| {
                count.closed = count.runs == 0;
                count.closed
            });
            if closed || seen.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Server {
    /// Carries out an order, and tells its client what comes of it.
    pub(super) async fn run(
        &self,
        stream: &mut BufReader<UnixStream>,
        order: Order,
        large: Option<SemaphorePermit<'_>>,
    ) {
        let opening = async |stream: &mut BufReader<UnixStream>| {
            let Some(request) = order.request() else {
                return Some(Err(HostError::Usage {
                    message: "the input is not base 64".into(),
                    help: None,
                }));
            };
            drop(large);
            let turn = self.turn(stream).await?;
            let (dirs, options) = (self.dirs.clone(), self.options.clone());
            let prepared = tokio::task::spawn_blocking(move || prepare(&dirs, &options, request)).await;
            drop(turn);
            let prepared = match prepared {
                Ok(Ok(prepared)) if !gone(stream) => prepared,
                Ok(Ok(_)) => return None,
                Ok(Err(error)) => return Some(Err(error)),
                Err(error) => return Some(Err(HostError::Engine(error.to_string()))),
            };
            let (unused, idle) = (prepared.unused.clone(), prepared.idle.clone());
            let begun = start(&self.kernel, &self.dirs, prepared).await;
            Some(begun.map(|running| Opened { run: running.run, unused, idle }))
        };
        self.seated(stream, opening, Unheard::Ends).await;
    }

    /// Goes on with a run that was cut off, and tells its client what comes of it.
    pub(super) async fn resume(&self, stream: &mut BufReader<UnixStream>, again: Again) {
        let opening = async |stream: &mut BufReader<UnixStream>| {
            let _turn = self.turn(stream).await?;
            let begun = take_up(&self.kernel, &self.dirs, &self.options, again).await;
            Some(begun.map(|running| Opened { run: running.run, unused: Vec::new(), idle: Vec::new() }))
        };
        self.seated(stream, opening, Unheard::GoesOn).await;
    }

    /// Gives a run a seat until its client was told of its end; opens it, unless the client goes away before.
    async fn seated(
        &self,
        stream: &mut BufReader<UnixStream>,
        opening: impl AsyncFnOnce(&mut BufReader<UnixStream>) -> Option<Result<Opened, HostError>>,
        unheard: Unheard,
    ) {
        let seat = self.handed.enter();
        let reply = match &seat {
            Err(full) => full.reply(),
            Ok(_) => match opening(stream).await {
                Some(opened) => self.to_its_end(stream, opened, unheard).await.unwrap_or_else(Reply::from),
                None => return,
            },
        };
        tell(stream, reply).await;
    }

    /// Waits for a place among those that are loaded; none when the client has gone meanwhile. From here on the run is the
    /// client's only through this connection: it does not ask again.
    async fn turn(&self, stream: &mut BufReader<UnixStream>) -> Option<SemaphorePermit<'_>> {
        if !tell(stream, Reply::Taken).await {
            return None;
        }
        let turn = self.handed.line.acquire().await.ok()?;
        (!gone(stream)).then_some(turn)
    }

    /// Tells a client of its run, once that is on disk, and waits for the run's end.
    async fn to_its_end(
        &self,
        stream: &mut BufReader<UnixStream>,
        opened: Result<Opened, HostError>,
        unheard: Unheard,
    ) -> Result<Reply, HostError> {
        let opened = opened?;
        self.kernel.on_disk().await?;
        let run = opened.run;
        let told = tell(stream, Reply::Opened(Box::new(opened))).await;
        if !told && unheard == Unheard::Ends {
            self.kernel.signal(Key { run, pid: 1 }, Signal::Kill).await?;
        }
        Ok(Reply::Ended(until_ended(&self.kernel, Running { run }).await?))
    }
}

/// Whether a client that has asked has hung up.
fn gone(stream: &BufReader<UnixStream>) -> bool {
    match stream.get_ref().try_read(&mut [0; 1]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}
