//! The operator settles an overlay of a run that has ended.

use super::Settlement;
use crate::kernel::call::{Key, RunId};
use crate::kernel::entry::Event;
use crate::kernel::{Halt, Kernel};

impl Kernel {
    /// Records how far a settlement has come: its entry, which is on disk; none while the run is open. Whoever calls this has
    /// read from the log that the run has ended.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn settle(&self, run: RunId, mount: &str, step: Settlement) -> Result<Option<u64>, Halt> {
        self.journal().room().await?;
        let settled = {
            let mut live = self.lock();
            if live.state.runs.contains_key(&run) || run > live.state.last_run {
                return Ok(None);
            }
            let now = live.now();
            let event = Event::Overlay { mount: mount.to_owned(), step };
            live.append(now, Key { run, pid: 0 }, 0, event, None)?
        };
        self.journal().until_durable(settled).await?;
        Ok(Some(settled))
    }
}
