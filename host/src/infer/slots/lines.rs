//! One line for each backend, for all runs of a host: the slots of a backend are its own, whoever asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::driver::Slots;
use super::line::Line;
use super::share::Share;
use crate::kernel::ports::Driver;

/// A backend's line is in use, as it was set up before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the slots of {backend} were set up in another way by a run that still uses them")]
pub struct Differs {
    /// Which.
    pub backend: String,
}

/// The lines that are in use. Clones are the same.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<ByBackend>>);

/// How each was set up, and its line while somebody uses it.
type ByBackend = BTreeMap<String, (Share, Weak<Line>)>;

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lines")
    }
}

impl Lines {
    /// The driver through which a backend is asked: the driver itself when everybody may ask it at once. `backend` is what
    /// makes two drivers one backend.
    ///
    /// # Errors
    /// When the backend's line is in use with other settings.
    pub fn driver(
        &self,
        backend: &str,
        share: Option<Share>,
        inner: Arc<dyn Driver>,
    ) -> Result<Arc<dyn Driver>, Differs> {
        Ok(match self.line(backend, share)? {
            None => inner,
            Some(line) => Arc::new(Slots::new(inner, line)),
        })
    }

    /// The line in which those wait who ask a backend; none when everybody may ask it at once.
    ///
    /// # Errors
    /// When the backend's line is in use with other settings.
    pub fn line(&self, backend: &str, share: Option<Share>) -> Result<Option<Arc<Line>>, Differs> {
        let Some(share) = share else { return Ok(None) };
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|_, (_, line)| line.strong_count() > 0);
        let line = match lines.get(backend).and_then(|(known, line)| Some((*known, line.upgrade()?))) {
            Some((known, _)) if known != share => return Err(Differs { backend: backend.to_owned() }),
            Some((_, line)) => line,
            None => {
                let line = Arc::new(Line::new(&share));
                lines.insert(backend.to_owned(), (share, Arc::downgrade(&line)));
                line
            }
        };
        Ok(Some(line))
    }
}
