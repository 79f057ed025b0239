//! A state directory of a backup. Others may have seen more of the log than the backup has, so what goes on from it is
//! another log: it gets an origin of its own, and with it another key. The checkpoints of before are kept aside.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::dirs::Dirs;
use super::error::HostError;
use super::key::HostKey;
use crate::journal::{Journal, Store, store};
use crate::kernel::entry::Entry;

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Its entries.
    pub size: u64,
    /// The log that the backup is of; none when no host that signs had opened it.
    pub former: Option<String>,
    /// What it is now.
    pub origin: String,
}

/// Makes the state directory, which must not be there yet, of a copy of one. It appears when it is whole.
///
/// # Errors
/// When it is there, the backup cannot be read or is damaged, or the directory cannot be written.
pub fn restore(dirs: &Dirs, backup: &Path) -> Result<Restored, HostError> {
    let state = &dirs.state;
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| HostError::Io { path, source }
    };
    if fs::read_dir(state).is_ok_and(|mut found| found.next().is_some()) || state.is_file() {
        let message = format!("{} is there already", state.display());
        let help = "give another directory with --state, or move this one away".into();
        return Err(HostError::Usage { message, help: Some(help) });
    }
    if !backup.join(store::DATABASE).is_file() {
        let message =
            format!("{} is no copy of a state directory: it has no {}", backup.display(), store::DATABASE);
        return Err(HostError::Usage { message, help: None });
    }
    let above = state.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(above).map_err(io(above))?;
    let unfinished = above.join(format!(".aos-restore.{:016x}", rand::random::<u64>()));
    fs::DirBuilder::new().mode(0o700).create(&unfinished).map_err(io(&unfinished))?;
    let made = copy(backup, &unfinished)
        .map_err(io(backup))
        .and_then(|()| renew(dirs, &unfinished))
        .and_then(|made| fs::rename(&unfinished, state).map(|()| made).map_err(io(state)));
    if made.is_err() {
        // There is nothing to do about what cannot be removed.
        let _stays = fs::remove_dir_all(&unfinished);
    }
    made
}

/// Copies the database, with what SQLite has not moved into it yet, the components and the manifests.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from.join(store::DATABASE), to.join(store::DATABASE))?;
    let wal = format!("{}-wal", store::DATABASE);
    if from.join(&wal).exists() {
        fs::copy(from.join(&wal), to.join(&wal))?;
    }
    for kept in ["components", "manifests"] {
        if !from.join(kept).is_dir() {
            continue;
        }
        fs::create_dir(to.join(kept))?;
        for entry in fs::read_dir(from.join(kept))? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(kept).join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Gives the log another origin, and signs it.
fn renew(dirs: &Dirs, state: &Path) -> Result<Restored, HostError> {
    let store = Store::open(state)?;
    let former = store.renew()?;
    let (size, origin) = (store.head()?.0, store.origin()?.unwrap_or_default());
    let key = HostKey::own(&dirs.config)?.of_log(&origin)?;
    let journal: Journal<Entry> = Journal::start(store, key)?;
    journal.close();
    journal.alive().map_err(crate::kernel::Halt::from)?;
    Ok(Restored { size, former, origin })
}
