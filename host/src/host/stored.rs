//! Components as the state directory keeps them, loaded again.

use std::path::{Path, PathBuf};

use audit::Digest;
use bytes::Bytes;

use super::component_path;
use super::dirs::Dirs;
use super::error::HostError;
use super::prepare::Options;
use crate::sandbox::Sandbox;
use crate::sandbox::cache::Cache;
use crate::sandbox::engine::{self, Pool};

/// A sandbox that is being filled.
pub(super) struct Stored<'a> {
    sandbox: Sandbox,
    cache: Cache,
    compiler: &'a Path,
    state: &'a Path,
}

impl<'a> Stored<'a> {
    /// An empty one on a pool.
    ///
    /// # Errors
    /// When the engine cannot be made, or the cache cannot be trusted.
    pub fn new(dirs: &'a Dirs, options: &'a Options, pool: Pool) -> Result<Stored<'a>, HostError> {
        let engine = engine::runtime(pool).map_err(|e| HostError::Engine(format!("{e:#}")))?;
        let sandbox = Sandbox::new(engine).map_err(|e| HostError::Engine(format!("{e:#}")))?;
        let cache = Cache::open(&dirs.cache)?;
        Ok(Stored { sandbox, cache, compiler: &options.compiler, state: &dirs.state })
    }

    /// Loads components that entries name.
    ///
    /// # Errors
    /// When one is not there, or is not what its name says.
    pub fn add_all(&mut self, digests: impl IntoIterator<Item = Digest>) -> Result<(), HostError> {
        let mut digests: Vec<Digest> = digests.into_iter().collect();
        digests.sort_unstable();
        digests.dedup();
        digests.into_iter().try_for_each(|digest| {
            let path = component_path(self.state, digest);
            self.add(path, Some(digest)).map(|_| ())
        })
    }

    /// Loads a component's file; answers what it is.
    ///
    /// # Errors
    /// When it cannot be read or compiled, does not fit, or is not the expected one.
    pub fn add(&mut self, path: PathBuf, expected: Option<Digest>) -> Result<Digest, HostError> {
        let bytes = std::fs::read(&path).map(Bytes::from);
        let bytes = bytes.map_err(|source| HostError::Io { path: path.clone(), source })?;
        if expected.is_some_and(|expected| Digest::of(&bytes) != expected) {
            let message = format!("{} is not the component that its name says", path.display());
            let help = Some("the state directory was changed by hand".into());
            return Err(HostError::Usage { message, help });
        }
        let loaded = self.cache.get(self.sandbox.engine(), self.compiler, &bytes);
        let loaded = loaded.map_err(|error| HostError::Compile { path: path.clone(), error })?;
        let digest = loaded.digest;
        self.sandbox.add(loaded).map_err(|e| HostError::Link { path, error: format!("{e:#}") })?;
        Ok(digest)
    }

    /// The sandbox with all that was loaded.
    pub fn sandbox(self) -> Sandbox {
        self.sandbox
    }
}
