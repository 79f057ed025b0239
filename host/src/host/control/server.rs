//! The owner's side. Whatever a client does, it takes a bounded part of the host: a line of limited length, a limited time, one
//! of a limited number of places.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use audit::Digest;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::super::error::{HostError, Kind};
use super::super::overlay;
use super::super::prepare::{Options, prepare};
use super::super::{Dirs, start, until_ended};
use super::frame::{ASK_BYTES, Ask, Order, Reply, line, read};
use super::{NAME, address};
use crate::journal::Reader;
use crate::kernel::Kernel;
use crate::kernel::call::{Key, RunId};
use crate::kernel::entry::{Entry, Event};

/// Clients that are answered at a time.
const CLIENTS: usize = 64;
/// Handed runs whose clients wait for the end.
const FOLLOWERS: usize = 256;
/// How long a client may take to ask, or to take an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What answers.
pub struct Server {
    kernel: Arc<Kernel>,
    dirs: Dirs,
    options: Options,
    clients: Arc<Semaphore>,
    followers: Arc<Semaphore>,
}

/// The socket in the state directory; it goes with this.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
        // One that stays is replaced by the next owner.
        let _stays = std::fs::remove_file(&self.path);
    }
}

impl Server {
    /// For the owner of a state directory.
    pub fn new(kernel: Arc<Kernel>, dirs: Dirs, options: Options) -> Server {
        let (clients, followers) = (Semaphore::new(CLIENTS), Semaphore::new(FOLLOWERS));
        Server { kernel, dirs, options, clients: Arc::new(clients), followers: Arc::new(followers) }
    }

    /// Listens. Whoever has the state directory's lock may take the place of a socket that a dead owner left.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(self) -> Result<Socket, HostError> {
        let path = self.dirs.state.join(NAME);
        let listener =
            bind(&self.dirs.state, &path).map_err(|source| HostError::Io { path: path.clone(), source })?;
        let server = Arc::new(self);
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => server.clone().admit(stream),
                    // No file descriptors left, say: they come back.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        });
        Ok(Socket { path, task })
    }

    fn admit(self: Arc<Self>, stream: UnixStream) {
        let own = rustix::process::geteuid().as_raw();
        let peer = stream.peer_cred().map(|peer| peer.uid());
        let place = self.clients.clone().try_acquire_owned();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            let reply = match (peer, place) {
                (Ok(peer), _) if peer != own && peer != 0 => {
                    Some(Reply::refused(Kind::NotAuthorised, "this host is another user's", None))
                }
                (Err(error), _) => Some(Reply::refused(Kind::Internal, error.to_string(), None)),
                (_, Err(_)) => Some(Reply::refused(
                    Kind::State,
                    format!("{CLIENTS} clients are being answered"),
                    Some("try again in a moment"),
                )),
                (Ok(_), Ok(place)) => self.serve(&mut stream, place).await,
            };
            if let Some(reply) = reply {
                tell(&mut stream, reply).await;
            }
        });
    }

    async fn serve(&self, stream: &mut BufReader<UnixStream>, place: OwnedSemaphorePermit) -> Option<Reply> {
        let mut line = Vec::new();
        let mut bounded = stream.take(ASK_BYTES);
        let asked = timeout(PATIENCE, bounded.read_until(b'\n', &mut line)).await;
        if !matches!(asked, Ok(Ok(1..))) || !line.ends_with(b"\n") {
            return Some(Reply::refused(Kind::Usage, "that is not a question, or it is too long", None));
        }
        let ask = match read::<Ask>(&line) {
            Ok(ask) => ask,
            Err(error) => return Some(Reply::refused(Kind::Usage, error, None)),
        };
        drop(line);
        let answered = match ask {
            Ask::Run(order) => return self.run(stream, *order, place).await,
            Ask::Glance => self.kernel.glance().await.map(Reply::Glance).map_err(HostError::from),
            Ask::Signal { run, pid, signal } => {
                let signalled = self.kernel.signal(Key { run, pid }, signal).await;
                signalled.map_err(HostError::from).map(|seq| match seq {
                    Some(seq) => Reply::Done(seq),
                    None => Reply::refused(
                        Kind::Usage,
                        format!("r{run}/{pid} does not live"),
                        Some("see aos-host ps"),
                    ),
                })
            }
            Ask::Overlay { run, mount, settle } => {
                let settled = overlay::settle(&self.kernel, &self.dirs, (run, &mount), settle).await;
                settled.map(Reply::Settled)
            }
            Ask::Rule { run, seq, leaf, allow } => self.rule((run, seq), leaf, allow).await,
        };
        Some(answered.unwrap_or_else(|error| refusal(&error)))
    }

    /// Rules on a call, if the entry that asks is the one that the operator read.
    async fn rule(&self, (run, seq): (RunId, u64), leaf: Digest, allow: bool) -> Result<Reply, HostError> {
        let refused =
            |message: String| Ok(Reply::refused(Kind::NotAuthorised, message, Some("see aos-host ps")));
        let reader = Reader::open(&self.dirs.state)?;
        let mut found = None;
        reader.lines(seq, seq, |_, line| {
            let entry = Entry::parse(line).map_err(|source| HostError::Entry { seq, source })?;
            found = Some((entry, Digest(audit::leaf_hash(line))));
            Ok::<_, HostError>(())
        })?;
        let Some((entry, there)) = found else { return refused(format!("there is no entry #{seq}")) };
        if entry.run != run {
            return refused(format!("#{seq} is of run r{}, not of r{run}", entry.run));
        }
        if !matches!(entry.event, Event::Ask { .. }) {
            return refused(format!("#{seq} does not ask for anything"));
        }
        if there != leaf {
            return refused(format!("#{seq} is not the entry that was answered: its hash is another"));
        }
        match self.kernel.rule(Key { run, pid: entry.pid }, seq, leaf, allow).await? {
            Some(ruled) => Ok(Reply::Done(ruled)),
            None => refused(format!(
                "r{run}#{seq} waits no more: it was answered before, or its process has ended"
            )),
        }
    }

    async fn run(
        &self,
        stream: &mut BufReader<UnixStream>,
        order: Order,
        place: OwnedSemaphorePermit,
    ) -> Option<Reply> {
        let Ok(follower) = self.followers.clone().try_acquire_owned() else {
            let message = format!("{FOLLOWERS} handed runs are being followed");
            return Some(Reply::refused(Kind::State, message, Some("wait for one to end")));
        };
        let Some(request) = order.request() else {
            return Some(Reply::refused(Kind::Usage, "the input is not base 64", None));
        };
        let (dirs, options) = (self.dirs.clone(), self.options.clone());
        let prepared = tokio::task::spawn_blocking(move || prepare(&dirs, &options, request)).await;
        let opened = match prepared {
            Ok(Ok(prepared)) => start(&self.kernel, &self.dirs.state, prepared).await,
            Ok(Err(error)) => Err(error),
            Err(error) => return Some(Reply::refused(Kind::Internal, error.to_string(), None)),
        };
        let running = match opened {
            Ok(running) => running,
            Err(error) => return Some(refusal(&error)),
        };
        drop(place);
        tell(stream, Reply::Opened(running.run)).await;
        let ended = until_ended(&self.kernel, running).await;
        drop(follower);
        Some(ended.map_or_else(|error| refusal(&error), |over| Reply::Ended(over.exit)))
    }
}

fn bind(state: &Path, path: &Path) -> std::io::Result<UnixListener> {
    if path.symlink_metadata().is_ok() {
        std::fs::remove_file(path)?;
    }
    let (_directory, address) = address(state)?;
    let listener = UnixListener::bind(address)?;
    // The directory is the owner's alone, so nobody comes in between.
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn refusal(error: &HostError) -> Reply {
    let help = match error {
        HostError::Usage { help, .. } => help.as_deref(),
        _ => None,
    };
    Reply::refused(error.kind(), error.to_string(), help)
}

async fn tell(stream: &mut BufReader<UnixStream>, reply: Reply) {
    let Ok(line) = line(reply) else { return };
    // A client that does not listen has nobody to be told.
    let _unheard = timeout(PATIENCE, stream.get_mut().write_all(&line)).await;
}
