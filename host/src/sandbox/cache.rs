//! The code cache: what was compiled, and what was refused, by the SHA-256 of the component.
//!
//! The directory is private, because the code in it is run as it is. Nothing enters but what the compiling child
//! made of bytes that were hashed here; a `.cwasm` from elsewhere has no way in.

use std::fs::{self, DirBuilder, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use audit::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::compile::{self, CompileError};
use super::component::{self, Shape};
use super::engine;

/// What the cache holds at most, in bytes; the oldest go first.
pub const CACHE_BYTES: u64 = 2 << 30;
/// Files that the cache holds at most.
pub const CACHE_FILES: usize = 4_096;
/// Unfinished files older than this were left by a crash.
const LEFTOVER: Duration = Duration::from_secs(600);
/// Compiled code.
const CODE: &str = "cwasm";
/// Why it was refused, as JSON.
const REFUSED: &str = "refused";

/// A directory of compiled components.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
    /// Held while a child compiles: many spawns of one new component must not become as many children.
    compiling: Mutex<()>,
}

/// A component that is ready to be linked.
#[derive(Clone)]
pub struct Loaded {
    /// Compiled, for the engine that was asked for.
    pub component: Component,
    /// Of the file as it was given: the component's identity.
    pub digest: Digest,
    /// How to run it.
    pub shape: Shape,
    /// Whether it had been compiled before.
    pub hit: bool,
}

/// Why the cache's directory is not used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It could not be made or read.
    #[error("the cache directory {path} cannot be used: {error}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// What went wrong.
        error: std::io::Error,
    },
    /// Others could change what is run.
    #[error("the cache directory {path} is not private ({why}): `chmod 700` it, or choose another")]
    NotPrivate {
        /// The directory.
        path: PathBuf,
        /// Whose it is, or who may read it.
        why: String,
    },
}

/// A refusal, with the version that refused: a later one may know more.
#[derive(Serialize, Deserialize)]
struct Refusal {
    host: String,
    error: CompileError,
}

impl Cache {
    /// Opens or makes the directory. It must be ours alone.
    pub fn open(dir: &Path) -> Result<Self, CacheError> {
        let io = |error| CacheError::Io { path: dir.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
        // A link in the last place would lead to a directory that was not looked at.
        let found = fs::symlink_metadata(dir).map_err(io)?;
        if let Some(why) = exposed(&found, found.is_dir()) {
            return Err(CacheError::NotPrivate { path: dir.to_owned(), why });
        }
        let cache = Self { dir: fs::canonicalize(dir).map_err(io)?, compiling: Mutex::new(()) };
        cache.sweep().map_err(io)?;
        Ok(cache)
    }

    /// The component in `bytes`, compiled for `engine`: from the cache, or by a child process of `exe` (this
    /// program). Blocks while it compiles.
    pub fn get(&self, engine: &Engine, exe: &Path, bytes: &[u8]) -> Result<Loaded, CompileError> {
        compile::admit(bytes)?;
        let digest = Digest::of(bytes);
        let key = key(engine, digest);
        let (component, hit) = match self.known(engine, &key)? {
            Some(component) => (component, true),
            None => {
                // The lock guards no data that a panic could have left half done.
                let _turn = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
                match self.known(engine, &key)? {
                    Some(component) => (component, true),
                    None => (self.compile(engine, exe, bytes, &key)?, false),
                }
            }
        };
        Ok(Loaded { shape: component::check(&component, engine)?, component, digest, hit })
    }

    /// What is known of a component: its code, or the verdict on it as an error.
    fn known(&self, engine: &Engine, key: &str) -> Result<Option<Component>, CompileError> {
        match self.refusal(key) {
            Some(error) => Err(error),
            None => load(engine, &self.path(key, CODE)),
        }
    }

    fn path(&self, key: &str, extension: &str) -> PathBuf {
        self.dir.join(format!("{key}.{extension}"))
    }

    fn compile(
        &self,
        engine: &Engine,
        exe: &Path,
        bytes: &[u8],
        key: &str,
    ) -> Result<Component, CompileError> {
        let code = self.path(key, CODE);
        // Another host may be compiling the same component.
        let name = format!("{}-{key}", std::process::id());
        let input = self.dir.join(format!("{name}.input"));
        let output = self.dir.join(format!("{name}.output"));
        let compiled = compile::write(&input, bytes)
            .and_then(|()| compile::compile(exe, &input, &output))
            .and_then(|()| fs::rename(&output, &code).map_err(|error| broken(&code, &error)));
        // Whatever is left is removed when the cache is next opened.
        let _ = fs::remove_file(&input);
        if let Err(error) = compiled {
            let _ = fs::remove_file(&output);
            self.refuse(key, &error);
            return Err(error);
        }
        self.evict(&code);
        // What was compiled a moment ago and does not load is larger than the engine's pool.
        deserialize(engine, &code).map_err(|error| CompileError::Unfit(compile::reason(&error)))
    }

    /// The remembered verdict on a component.
    fn refusal(&self, key: &str) -> Option<CompileError> {
        let text = fs::read(self.path(key, REFUSED)).ok()?;
        let refusal: Refusal = serde_json::from_slice(&text).ok()?;
        (refusal.host == env!("CARGO_PKG_VERSION")).then_some(refusal.error)
    }

    /// Remembers a verdict. If that fails it is only found again.
    fn refuse(&self, key: &str, error: &CompileError) {
        if !error.is_verdict() {
            return;
        }
        let refusal = Refusal { host: env!("CARGO_PKG_VERSION").to_owned(), error: error.clone() };
        let path = self.path(key, REFUSED);
        if let Ok(text) = serde_json::to_vec(&refusal) {
            let _ = compile::write(&path, &text);
            self.evict(&path);
        }
    }

    /// Removes the oldest files until the rest is within the limits; `newest` stays. What cannot be removed is left.
    fn evict(&self, newest: &Path) {
        let mut files = self.files().unwrap_or_default();
        files.sort_by_key(|file| file.changed);
        let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let mut count = files.len();
        for file in files.iter().filter(|file| file.path != newest && finished(&file.path)) {
            if bytes <= CACHE_BYTES && count <= CACHE_FILES {
                return;
            }
            if fs::remove_file(&file.path).is_ok() {
                bytes = bytes.saturating_sub(file.bytes);
                count -= 1;
            }
        }
    }

    /// Removes what a crash left unfinished.
    fn sweep(&self) -> std::io::Result<()> {
        let now = SystemTime::now();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let age = fs::symlink_metadata(&path)
                .and_then(|found| found.modified())
                .map(|changed| now.duration_since(changed).unwrap_or_default());
            if !finished(&path) && age.is_ok_and(|age| age > LEFTOVER) {
                // Another host may have been faster.
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }

    fn files(&self) -> std::io::Result<Vec<Stored>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let Ok(found) = entry.metadata() else {
                continue;
            };
            files.push(Stored {
                path: entry.path(),
                bytes: found.len(),
                changed: found.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            });
        }
        Ok(files)
    }
}

/// Whether a file is in its place, not in the making.
fn finished(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == CODE || extension == REFUSED)
}

struct Stored {
    path: PathBuf,
    bytes: u64,
    changed: SystemTime,
}

/// Names a component's code: other settings or another compiler make another name.
fn key(engine: &Engine, digest: Digest) -> String {
    let hash = Sha256::new().chain_update(digest.0).chain_update(engine::compatibility(engine)).finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compiled code, if it is there and fits; what does not fit is removed, to be compiled again.
fn load(engine: &Engine, code: &Path) -> Result<Option<Component>, CompileError> {
    let found = match fs::symlink_metadata(code) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(broken(code, &error)),
    };
    if exposed(&found, found.is_file()).is_none()
        && let Ok(component) = deserialize(engine, code)
    {
        return Ok(Some(component));
    }
    fs::remove_file(code).map_err(|error| broken(code, &error))?;
    Ok(None)
}

/// Maps compiled code into this process. Its header says for which wasmtime and settings it was made, and wasmtime
/// refuses any other.
#[allow(unsafe_code)]
fn deserialize(engine: &Engine, code: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file is what `Component::serialize` gave in our compiling child, renamed into place when it was
    // whole. The directory and the file are owned by this user and closed to all others (checked when the cache
    // was opened and by `load`), the name was made here from the component's hash, and files are replaced
    // by rename only, so that what is mapped does not change. Whoever can write here already runs as this user.
    unsafe { Component::deserialize_file(engine, code) }
}

/// Why others than this user could have written it.
fn exposed(found: &Metadata, expected: bool) -> Option<String> {
    let mode = found.mode() & 0o777;
    if !expected {
        Some("it is a link or something else".to_owned())
    } else if found.uid() != rustix::process::geteuid().as_raw() {
        Some(format!("user {} owns it", found.uid()))
    } else if mode & 0o077 != 0 {
        Some(format!("its mode is {mode:03o}"))
    } else {
        None
    }
}

fn broken(path: &Path, error: &std::io::Error) -> CompileError {
    CompileError::Host(format!("the cache file {} failed: {error}", path.display()))
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
