//! The owner's side. Whatever a client does, it takes a bounded part of the host: a line of limited length, a limited time, one
//! of a limited number of places.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::super::Dirs;
use super::super::error::{HostError, Kind};
use super::super::overlay;
use super::super::prepare::Options;
use super::super::prune::prune;
use super::super::ruling;
use super::frame::{ASK_BYTES, Ask, Reply, line, read};
use super::handed::Handed;
use super::{NAME, address};
use crate::kernel::Kernel;
use crate::kernel::call::{Key, Pid, RunId};

/// Clients that are answered at a time.
const CLIENTS: usize = 256;
/// A question that may be asked at any time: bytes.
const SMALL_BYTES: u64 = 64 << 10;
/// Larger questions that are read at a time.
const LARGE: usize = 16;
/// How long a client may take to ask, or to take an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a host that ends waits for what it is being asked.
const GRACE: Duration = Duration::from_millis(500);

/// What answers.
pub struct Server {
    pub(super) kernel: Arc<Kernel>,
    pub(super) dirs: Dirs,
    pub(super) options: Options,
    pub(super) handed: Handed,
    clients: Arc<Semaphore>,
    large: Semaphore,
}

/// The socket in the state directory; it goes with this.
pub struct Socket {
    server: Arc<Server>,
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Socket {
    /// Waits until no run of another terminal is left; none is taken any more then.
    pub async fn idle(&self) {
        self.server.handed.none_left().await;
    }

    /// Waits until who asked something was answered.
    pub async fn answered(&self) {
        // A silent client is not waited for.
        let _silent = timeout(GRACE, self.server.clients.acquire_many(CLIENTS as u32)).await;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
        // One that stays is replaced by the next owner.
        let _stays = std::fs::remove_file(&self.path);
    }
}

/// A question, with its share of the large ones that may be read.
type Asked<'a> = (Ask, Option<SemaphorePermit<'a>>);

impl Server {
    /// For the owner of a state directory.
    pub fn new(kernel: Arc<Kernel>, dirs: Dirs, options: Options) -> Server {
        let (clients, large) = (Arc::new(Semaphore::new(CLIENTS)), Semaphore::new(LARGE));
        Server { kernel, dirs, options, handed: Handed::default(), clients, large }
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
        let answering = server.clone();
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => answering.clone().admit(stream),
                    // No file descriptors left, say: they come back.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        });
        Ok(Socket { server, path, task })
    }

    /// Answers a client in a task of its own, or sends it away at once.
    fn admit(self: Arc<Self>, stream: UnixStream) {
        let own = rustix::process::geteuid().as_raw();
        let refusal =
            match (stream.peer_cred().map(|peer| peer.uid()), self.clients.clone().try_acquire_owned()) {
                (Ok(peer), _) if peer != own && peer != 0 => {
                    Reply::refused(Kind::NotAuthorised, "this host is another user's", None)
                }
                (Err(error), _) => Reply::refused(Kind::Internal, error.to_string(), None),
                (Ok(_), Err(_)) => Reply::Busy,
                (Ok(_), Ok(place)) => {
                    tokio::spawn(async move {
                        self.serve(&mut BufReader::new(stream), place).await;
                    });
                    return;
                }
            };
        if let Ok(line) = line(refusal) {
            // It fits into the empty connection, or the client does without.
            let _unheard = stream.try_write(&line);
        }
    }

    /// Hears and answers a client, which has its place until it is told.
    async fn serve(&self, stream: &mut BufReader<UnixStream>, place: OwnedSemaphorePermit) {
        let asked = timeout(PATIENCE, self.asked(stream)).await;
        let refused = |what: String| Reply::refused(Kind::Usage, what, None);
        let reply = match asked {
            // These wait in a line of their own, however long: others are answered meanwhile.
            Ok(Ok((Ask::Run(order), large))) => {
                drop(place);
                return self.run(stream, *order, large).await;
            }
            Ok(Ok((Ask::Resume(again), _))) => {
                drop(place);
                return self.resume(stream, again).await;
            }
            Ok(Ok((ask, _))) => self.answer(ask).await.unwrap_or_else(Reply::from),
            Ok(Err(what)) => refused(what),
            Err(_) => refused("the question took too long".into()),
        };
        tell(stream, reply).await;
    }

    async fn answer(&self, ask: Ask) -> Result<Reply, HostError> {
        match ask {
            // They are served above.
            Ask::Run(_) | Ask::Resume(_) => Ok(Reply::Busy),
            Ask::Glance => self.kernel.glance().await.map(Reply::Glance).map_err(HostError::from),
            Ask::Signal { run, pid, signal } => {
                let signalled = self.kernel.signal(Key { run, pid }, signal).await;
                signalled.map_err(HostError::from).map(|seq| seq.map_or_else(|| gone(run, pid), Reply::Done))
            }
            Ask::Revoke { run, pid, what } => {
                let revoked = self.kernel.revoke(Key { run, pid }, what, None).await?;
                Ok(revoked.map_or_else(|| gone(run, pid), Reply::Revoked))
            }
            Ask::Overlay { run, mount, settle } => {
                let settled = overlay::settle(&self.kernel, &self.dirs, (run, &mount), settle).await;
                settled.map(Reply::Settled)
            }
            Ask::Prune { run, before } => {
                prune(&self.kernel, &self.dirs, run, before).await.map(Reply::Pruned)
            }
            Ask::Rule(ruling) => ruling::rule(&self.kernel, &self.dirs.state, ruling).await.map(Reply::Done),
        }
    }

    /// Reads the question: a small one at once, a large one when few others are being read.
    async fn asked(&self, stream: &mut BufReader<UnixStream>) -> Result<Asked<'_>, String> {
        let cut = |error: std::io::Error| error.to_string();
        let mut line = Vec::new();
        (&mut *stream).take(SMALL_BYTES).read_until(b'\n', &mut line).await.map_err(cut)?;
        let mut large = None;
        if !line.ends_with(b"\n") && line.len() as u64 == SMALL_BYTES {
            large = self.large.acquire().await.ok();
            let rest = ASK_BYTES - SMALL_BYTES;
            (&mut *stream).take(rest).read_until(b'\n', &mut line).await.map_err(cut)?;
        }
        if !line.ends_with(b"\n") {
            return Err(format!("that is no question: a line of JSON of at most {ASK_BYTES} bytes"));
        }
        Ok((read(&line)?, large))
    }
}

fn gone(run: RunId, pid: Pid) -> Reply {
    Reply::refused(Kind::Usage, format!("r{run}/{pid} does not live"), Some("see aos-host ps"))
}

fn bind(state: &Path, path: &Path) -> std::io::Result<UnixListener> {
    if path.symlink_metadata().is_ok() {
        std::fs::remove_file(path)?;
    }
    let (_directory, address) = address(state)?;
    let listener = UnixListener::bind(address)?;
    // The directory is the owner's alone, so nobody comes in between; and who connects is looked at.
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Tells a client; whether it could be told.
pub(super) async fn tell(stream: &mut BufReader<UnixStream>, reply: Reply) -> bool {
    let Ok(line) = line(reply) else { return false };
    // A client that does not listen has nobody to be told.
    matches!(timeout(PATIENCE, stream.get_mut().write_all(&line)).await, Ok(Ok(())))
}
