//! Mounts against real directories.
mod changing;
mod plain;
mod reading;

use std::path::PathBuf;

use audit::Digest;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::Directory;
use crate::kernel::ports::MountError;

/// A directory `inside` that is mounted, and one `outside` beside it with a file `secret`.
struct Place {
    dir: TempDir,
    mount: Directory,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("inside")).unwrap();
        std::fs::create_dir(dir.path().join("outside")).unwrap();
        std::fs::write(dir.path().join("outside/secret"), "secret").unwrap();
        let mount = Directory::open(&dir.path().join("inside"), true).unwrap();
        Place { dir, mount }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join("inside").join(path)
    }

    fn outside(&self, path: &str) -> PathBuf {
        self.dir.path().join("outside").join(path)
    }

    fn put(&self, path: &str, text: &str) -> Digest {
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        std::fs::write(self.at(path), text).unwrap();
        Digest::of(text.as_bytes())
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).unwrap()
    }

    fn fifo(&self, path: &str) {
        mknodat(CWD, self.at(path), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    }

    /// Every name in a folder, as the system sees it.
    fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.at(path)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, MountError>, words: &str) {
    match result {
        Err(MountError::Refused(text)) => assert!(text.contains(words), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn invalid<T: std::fmt::Debug>(result: Result<T, MountError>, words: &str) {
    match result {
        Err(MountError::Invalid(text)) => assert!(text.contains(words), "{text}"),
        other => panic!("{other:?}"),
    }
}
