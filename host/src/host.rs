//! The host: wires a state directory, a sandbox, mounts and drivers into a kernel, and runs teams on it.
//!
//! - [`caps`]: what all runs together may spend. [`consent`], [`standing`]: what the operator consents to.
//! - [`control`]: how a second terminal reaches the host that runs.
//! - [`dirs`]: where state, keys and compiled code are. [`key`]: the key that logs are signed with.
//! - [`models`]: what a grant's model labels mean on this machine.
//! - [`overlay`]: what a run left in an overlay, and what the operator does with it.
//! - [`prepare`]: from a file and the operator's flags to a grant and a loaded sandbox; nothing is written yet.
//! - [`replay`]: executes a run again, from its entries. [`resume`]: goes on with one that was cut off.
//! - [`restore`]: a state directory of a backup.
//! - [`trust`]: whose signatures count. [`package`]: what a publisher signed. [`keys`]: the keys that this user signs with.
//!   [`revoked`]: what is revoked while hosts run. [`private`] and `seed`: files that only their owner reads.
//! - [`ruling`]: the operator's answers to calls that wait for it.

pub mod caps;
pub mod consent;
pub mod control;
pub mod dirs;
pub mod error;
pub mod key;
pub mod keys;
pub mod models;
mod offer;
pub mod overlay;
pub mod package;
pub mod prepare;
pub mod private;
#[cfg(test)]
mod properties;
pub mod prune;
pub mod replay;
pub mod restore;
pub mod resume;
pub mod revoked;
pub mod ruling;
mod seed;
pub mod standing;
mod stored;
pub mod trust;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use audit::Digest;
use tokio::runtime::Runtime;

use crate::journal::{Journal, Reader, Store, StoreError};
use crate::kernel::call::{Key, RunId, Signal};
use crate::kernel::entry::Entry;
use crate::kernel::live::Over;
use crate::kernel::state::State;
use crate::kernel::{Kernel, NewRun};

pub use control::server::Socket;
pub use dirs::Dirs;
pub use error::{HostError, Kind};
pub use key::HostKey;
pub use models::{Catalogue, ModelFlag, ModelSource};
pub use prepare::{MountFlag, Options, Prepared, Request, prepare};
pub use replay::{Replayed, replay};
pub use resume::unfinished;

use control::frame::Ruling;
use control::server::Server;

/// A host that owns its state directory.
pub struct Host {
    runtime: Runtime,
    kernel: Arc<Kernel>,
    dirs: Dirs,
}

/// A run that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Its number.
    pub run: RunId,
}

impl Host {
    /// Takes the state directory and starts the kernel.
    ///
    /// # Errors
    /// When another host has the directory, it cannot be written, or its log is damaged; when there is no key to sign with.
    pub fn open(dirs: &Dirs, options: &Options) -> Result<Host, HostError> {
        let store = Store::open(&dirs.state)?;
        if let Some(bytes) = options.log_limit {
            store.limit(bytes)?;
        }
        let state = position(&store)?;
        let key = HostKey::own(&dirs.config)?.of_log(&store.origin()?.unwrap_or_default())?;
        let runtime = runtime(options.threads)?;
        let journal: Arc<Journal<Entry>> = Arc::new(Journal::start(store, key)?);
        let caps = caps::from_log(caps::load(&dirs.config)?, &reader(dirs)?, trust::now().max(state.time))?;
        let kernel = Kernel::new(journal, state, caps, options.check);
        runtime.spawn(kernel.clone().timers());
        runtime.spawn(revoked::watch(kernel.clone(), dirs.config.clone(), options.tell));
        Ok(Host { runtime, kernel, dirs: dirs.clone() })
    }

    /// The tokio runtime that its processes run on.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Its kernel.
    pub fn kernel(&self) -> &Arc<Kernel> {
        &self.kernel
    }

    /// Stores the team's components and opens a run.
    ///
    /// # Errors
    /// When the state directory cannot be written; when a newer version of the package was started meanwhile.
    pub async fn run(&self, prepared: Prepared) -> Result<Running, HostError> {
        start(&self.kernel, &self.dirs, prepared).await
    }

    /// Answers other terminals, until what this answers is dropped. To be called on the runtime.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(&self, options: &Options) -> Result<Socket, HostError> {
        Server::new(self.kernel.clone(), self.dirs.clone(), options.clone()).listen()
    }

    /// Waits until a run has ended and all of its entries are on disk and signed.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn ended(&self, running: Running) -> Result<Over, HostError> {
        until_ended(&self.kernel, running).await
    }

    /// Waits for entries after `seen` to be on disk and answers the last that is.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn durable_after(&self, seen: u64) -> Result<u64, HostError> {
        Ok(self.kernel.journal().after(seen).await.map_err(crate::kernel::Halt::from)?)
    }

    /// Waits until the log cannot be written any more, and says why.
    pub async fn stopped(&self) -> HostError {
        match self.kernel.journal().until_durable(u64::MAX).await {
            Err(stopped) => crate::kernel::Halt::from(stopped).into(),
            // No log has so many entries.
            Ok(()) => crate::kernel::Halt::Ended.into(),
        }
    }

    /// Ends a run as the operator, with all of its processes.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn end(&self, running: Running) -> Result<(), HostError> {
        self.kernel.signal(Key { run: running.run, pid: 1 }, Signal::Kill).await?;
        Ok(())
    }

    /// Answers a call that waits for the operator; answers the entry of that, which is on disk.
    ///
    /// # Errors
    /// When it waits no more, or the log cannot be written.
    pub async fn rule(&self, ruling: Ruling) -> Result<u64, HostError> {
        ruling::rule(&self.kernel, &self.dirs.state, ruling).await
    }

    /// Erases the bodies of entries before `before`, of one run or of all that have ended.
    ///
    /// # Errors
    /// When there is no such run, it has not ended, or the log cannot be read or written.
    pub async fn prune(&self, run: Option<RunId>, before: u64) -> Result<prune::Pruned, HostError> {
        prune::prune(&self.kernel, &self.dirs, run, before).await
    }

    /// Writes what is queued and gives the state directory back.
    pub fn close(self) {
        self.runtime.shutdown_timeout(std::time::Duration::from_secs(2));
        self.kernel.journal().close();
    }
}

/// Stores a team's components and opens its run.
pub(crate) async fn start(
    kernel: &Arc<Kernel>,
    dirs: &Dirs,
    prepared: Prepared,
) -> Result<Running, HostError> {
    let Prepared { grant, opening, outside, input, sandbox, components, manifest, floor, .. } = prepared;
    if let Some(floor) = floor {
        let config = dirs.config.clone();
        // It may wait for others who change the list.
        let raised = tokio::task::spawn_blocking(move || floor.raise(&config)).await;
        raised.map_err(|error| HostError::Engine(error.to_string()))??;
    }
    for (digest, bytes) in &components {
        keep(component_path(&dirs.state, *digest), bytes)?;
    }
    if let Some((digest, bytes)) = &manifest {
        keep(manifest_path(&dirs.state, *digest), bytes)?;
    }
    let opened = kernel.open(NewRun { grant, opening, outside, input, start: Arc::new(sandbox) }).await;
    Ok(Running { run: opened.map_err(caps::told)?.run })
}

/// Waits until a run has ended and all of its entries are on disk and signed.
pub(crate) async fn until_ended(kernel: &Arc<Kernel>, running: Running) -> Result<Over, HostError> {
    let over = kernel.ended(Key { run: running.run, pid: 1 }).await?;
    kernel.journal().until_sealed(over.end).await.map_err(crate::kernel::Halt::from)?;
    Ok(over)
}

/// The runtime for guests and effects.
pub(crate) fn runtime(threads: Option<usize>) -> Result<Runtime, HostError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().thread_name("agents");
    if let Some(threads) = threads {
        builder.worker_threads(threads.max(1));
    }
    builder.build().map_err(|source| HostError::Io { path: "the runtime's threads".into(), source })
}

/// The state to go on from: numbers and time. Runs that were cut off stay as they are until one is resumed.
fn position(store: &Store) -> Result<State, HostError> {
    let (size, _) = store.head()?;
    let (time, last_run) = store.newest()?.map_or(Ok((0, 0)), |(line, run)| {
        let entry = Entry::parse(&line).map_err(|source| HostError::Entry { seq: size, source })?;
        Ok::<_, HostError>((entry.t, run))
    })?;
    Ok(State { seq: size, time, last_run, ..State::default() })
}

/// Where a component's bytes are kept, so that its runs can be replayed.
pub(crate) fn component_path(state: &Path, digest: Digest) -> std::path::PathBuf {
    let text = digest.to_string();
    state.join("components").join(format!("{}.wasm", text.trim_start_matches("sha256:")))
}

/// Where a manifest's bytes are kept, so that a run's rights can be told by its lines.
pub(crate) fn manifest_path(state: &Path, digest: Digest) -> std::path::PathBuf {
    let text = digest.to_string();
    state.join("manifests").join(format!("{}.toml", text.trim_start_matches("sha256:")))
}

/// The text of a manifest that a run was started with; none when it is not kept, or is not what its name says.
pub fn manifest(state: &Path, digest: Digest) -> Option<String> {
    let path = manifest_path(state, digest);
    let bytes = prepare::bounded(&path, authority::MANIFEST_LIMIT as u64).ok()?;
    (Digest::of(&bytes) == digest).then(|| String::from_utf8(bytes.to_vec()).ok()).flatten()
}

/// Numbers the files that are being written.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// Keeps bytes in a file that is named by their digest.
fn keep(path: PathBuf, bytes: &[u8]) -> Result<(), HostError> {
    if std::fs::metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64) {
        return Ok(());
    }
    let io = |source| HostError::Io { path: path.clone(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(io)?;
    // Several runs may begin at a time.
    let number = UNFINISHED.fetch_add(1, Ordering::Relaxed);
    let unfinished = folder.join(format!(".{}-{number}.tmp", std::process::id()));
    let mut file = std::fs::File::create(&unfinished).map_err(io)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)?;
    std::fs::rename(&unfinished, &path).map_err(io)?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

impl From<StoreError> for HostError {
    fn from(error: StoreError) -> HostError {
        HostError::Store(error)
    }
}

/// Opens a log for reading.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn reader(dirs: &Dirs) -> Result<Reader, HostError> {
    Ok(Reader::open(&dirs.state)?)
}
