//! The operator settles an overlay of a run that has ended.

use super::Settlement;
use crate::kernel::call::RunId;
use crate::kernel::entry::Event;
use crate::kernel::{Halt, Kernel};

impl Kernel {
    /// Records how far a settlement has come: its entry, which is on disk; none while the run is open. Whoever calls this has
    /// read from the log that the run has ended.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn settle(&self, run: RunId, mount: &str, step: Settlement) -> Result<Option<u64>, Halt> {
        self.afterwards(run, Event::Overlay { mount: mount.to_owned(), step }).await
    }
}
