//! What is revoked while hosts run: each looks at the list twice a second, and ends the runs that stand on something that was
//! revoked at once.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use authority::signed::{RevocationList, Revoked};

use super::error::HostError;
use super::trust::{Lists, REVOKED, told};
use crate::kernel::call::{Key, RunId, Signal};
use crate::kernel::entry::Taken;
use crate::kernel::{Halt, Kernel};

/// How often a host looks at the list.
const GLANCE: Duration = Duration::from_millis(500);

/// A file as it was seen: what changes with each replacement, and its size. None when there is none.
type Seen = Option<(u64, i64, i64, u64)>;

/// What a host says to whoever reads its standard error.
pub type Tell = fn(&str);

/// Looks at a configuration directory's revocation list for ever. A list that is not as the operator signed it is said once, and
/// the one before holds: new starts are refused meanwhile, since they read it too.
pub(super) async fn watch(kernel: Arc<Kernel>, config: PathBuf, tell: Tell) {
    let mut seen: Seen = None;
    let mut list = RevocationList::default();
    let mut ending: Vec<RunId> = Vec::new();
    loop {
        let found = look(&config);
        if found != seen {
            seen = found;
            match load(&config).await {
                Ok(lists) => list = lists.revoked,
                Err(error) => {
                    tell(&format!("warning: {error}"));
                    tell("  nothing starts until it is mended; what was revoked before stays so");
                }
            }
        }
        // Also when nothing changed: what has begun since was prepared under the list before.
        if list.ends_some() && end(&kernel, &list, &mut ending, tell).await.is_err() {
            return;
        }
        tokio::time::sleep(GLANCE).await;
    }
}

fn look(config: &Path) -> Seen {
    let found = config.join(REVOKED).symlink_metadata().ok()?;
    Some((found.ino(), found.ctime(), found.ctime_nsec(), found.len()))
}

async fn load(config: &Path) -> Result<Lists, HostError> {
    let config = config.to_owned();
    let loaded = tokio::task::spawn_blocking(move || Lists::load(&config)).await;
    loaded.map_err(|error| HostError::Engine(error.to_string()))?
}

/// Ends the runs that stand on what was revoked, each once.
async fn end(
    kernel: &Arc<Kernel>,
    list: &RevocationList,
    ending: &mut Vec<RunId>,
    tell: Tell,
) -> Result<(), Halt> {
    let revoked = kernel.grants().into_iter().filter_map(|(run, grant)| Some((run, list.ends(&grant)?)));
    let revoked: Vec<(RunId, Revoked)> = revoked.collect();
    ending.retain(|run| revoked.iter().any(|(open, _)| open == run));
    for (run, revoked) in revoked {
        if ending.contains(&run) {
            continue;
        }
        ending.push(run);
        let root = Key { run, pid: 1 };
        // On record with the reason, and before its end: nothing of it is authorised from here on.
        kernel.revoke(root, Taken::All, Some(revoked.digest)).await?;
        // None: it has just ended by itself.
        if kernel.signal(root, Signal::Kill).await?.is_some() {
            tell(&format!("r{run} ends: {}", told(&revoked)));
        }
    }
    Ok(())
}
