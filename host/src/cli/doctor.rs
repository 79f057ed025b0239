//! `aos-host doctor`: what the host needs on this machine, and what to do where it is missing.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use ledger::{Meter, show};
use serde::Serialize;

use super::args::Format;
use super::failure::{Code, Failure};
use super::options;
use super::out::Out;
use super::view::escape::visible;
use crate::host::trust::Lists;
use crate::host::{Dirs, HostError, HostKey};
use crate::journal::{Reader, StoreError};
use crate::sandbox::engine::{self, Pool};
use crate::sandbox::semantics;
use crate::syscall::WIT;

/// Free space under which the state and cache directories are warned about, in bytes.
const FREE: u64 = 1 << 30;

/// Who may enter a private directory: others' permission bits.
const OTHERS: u32 = 0o077;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    /// What.
    check: &'static str,
    /// Whether it is as it should be.
    ok: bool,
    /// What was found.
    found: String,
    /// What to do about it.
    remedy: Option<String>,
}

fn fine(check: &'static str, found: impl Into<String>) -> Finding {
    Finding { check, ok: true, found: found.into(), remedy: None }
}

fn off(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { check, ok: false, found: found.into(), remedy: Some(remedy.into()) }
}

/// Looks at everything, and fails when a run could not start.
///
/// # Errors
/// When the answer cannot be written.
pub fn doctor(dirs: &Dirs, format: Format, out: &mut Out) -> Result<Code, Failure> {
    let mut findings = vec![
        fine("host", format!("aos-host {} · {WIT} · {}", env!("CARGO_PKG_VERSION"), semantics())),
        sandbox(),
        compiler(),
    ];
    findings.push(directory("state", &dirs.state));
    findings.push(directory("config", &dirs.config));
    findings.push(directory("cache", &dirs.cache));
    findings.push(key(&dirs.config));
    findings.push(trust(&dirs.config));
    let log = log(&dirs.state);
    let damaged = !log.ok;
    findings.extend([log, owner(&dirs.state)]);
    for finding in &findings {
        if format.json {
            out.json("check", finding)?;
            continue;
        }
        let mark = if finding.ok { "ok  " } else { "warn" };
        out.line(&format!("{mark} {:<9} {}", finding.check, visible(&finding.found)))?;
        if let Some(remedy) = &finding.remedy {
            out.line(&format!("     {:<9} {}", "", visible(remedy)))?;
        }
    }
    Ok(match findings.iter().all(|finding| finding.ok) {
        true => Code::Ok,
        false if damaged => Code::State,
        false => Code::Failed,
    })
}

/// Whether an engine with this host's configuration can be made here.
fn sandbox() -> Finding {
    match engine::runtime(Pool { processes: 2, memory: 1 << 20 }) {
        Ok(_) => fine("sandbox", "an engine and its memory pool can be made"),
        Err(error) => off(
            "sandbox",
            format!("no engine can be made: {error:#}"),
            "raise the limit of address space (ulimit -v unlimited)",
        ),
    }
}

/// Components are compiled by this program, started again.
fn compiler() -> Finding {
    match options() {
        Ok(options) => fine("compiler", options.compiler.display().to_string()),
        Err(failure) => {
            off("compiler", failure.message, "start aos-host by its path, where /proc is mounted")
        }
    }
}

/// Whether a directory is private, writable and has room; one that is not there yet is made by the first run.
fn directory(check: &'static str, dir: &Path) -> Finding {
    let shown = dir.display();
    let there = dir.ancestors().find(|dir| dir.exists());
    let Some(there) = there else {
        return off(check, format!("{shown}: no folder above it exists"), "make it");
    };
    let found = match fs::metadata(there) {
        Ok(found) if found.is_dir() => found,
        Ok(_) => return off(check, format!("{} is no folder", there.display()), "move it away"),
        Err(error) => return off(check, format!("{}: {error}", there.display()), "let this user enter it"),
    };
    if let Err(error) = rustix::fs::access(there, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
    {
        return off(
            check,
            format!("{}: {error}", there.display()),
            "let this user write it, or give another",
        );
    }
    let private = there != dir || found.permissions().mode() & OTHERS == 0;
    if !private {
        let remedy = format!("chmod 700 {}", super::view::escape::shell_word(&shown.to_string()));
        return off(check, format!("{shown} can be entered by other users"), remedy);
    }
    let Ok(space) = rustix::fs::statvfs(there) else {
        return off(check, format!("{shown}: its free space cannot be told"), "look at its file system");
    };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let made = if there == dir { "" } else { ", made by the first run" };
    let text = format!("{shown}{made} · {} free", show(Meter::BytesStored, free));
    if free < FREE { off(check, text, "free some space") } else { fine(check, text) }
}

/// Whether the lists of trusted keys and of what was revoked are as the operator signed them.
fn trust(config: &Path) -> Finding {
    match Lists::load(config) {
        Ok(Lists { trust, revoked }) => {
            let (keys, gone) = (trust.keys().len(), revoked.keys.len() + revoked.digests.len());
            fine("trust", format!("{keys} keys are trusted, {gone} keys and digests are revoked"))
        }
        Err(HostError::Untrusted { message, help }) => off("trust", message, help.unwrap_or_default()),
        Err(error) => off("trust", error.to_string(), "make it readable for this user"),
    }
}

/// Whether there is a key to sign with, which nobody else can read.
fn key(config: &Path) -> Finding {
    match HostKey::read(config) {
        Ok(Some(_)) => fine("key", "the host's key is there, and its owner's alone: keep a copy of it"),
        Ok(None) => fine("key", "none yet; the first run makes it"),
        Err(error) => {
            let failure = Failure::from(error);
            off("key", failure.message, failure.help.unwrap_or_else(|| "let this user read it".into()))
        }
    }
}

/// Whether the log opens.
fn log(state: &Path) -> Finding {
    let head = Reader::open(state).and_then(|reader| Ok((reader.head()?, reader.span(None)?)));
    match head {
        Ok(((size, root), newest)) => {
            let newest = newest.map_or("no runs".to_owned(), |span| format!("newest run r{}", span.run));
            let root = audit::Digest(root).short();
            fine("log", format!("{} entries · {newest} · root {root}", ledger::grouped(size)))
        }
        Err(StoreError::Absent(_)) => fine("log", "none yet; the first run makes it"),
        Err(error) => off(
            "log",
            error.to_string(),
            "keep a copy of the state directory, then see `aos-host audit verify`",
        ),
    }
}

/// Who writes the state directory: the holder of its lock, as the system tells (proc_locks(5)).
fn owner(state: &Path) -> Finding {
    let Ok(lock) = fs::metadata(state.join("lock")) else {
        return fine("owner", "nobody writes the state directory");
    };
    match fs::read_to_string("/proc/locks") {
        Ok(locks) => {
            match holder(&locks, lock.ino(), (rustix::fs::major(lock.dev()), rustix::fs::minor(lock.dev()))) {
                Some(pid) => fine(
                    "owner",
                    format!("process {pid} writes the state directory; another run has to wait for it"),
                ),
                None => fine("owner", "nobody writes the state directory"),
            }
        }
        Err(error) => {
            off("owner", format!("who holds the lock cannot be told: /proc/locks: {error}"), "mount /proc")
        }
    }
}

/// The process that holds an exclusive lock of a file, from `/proc/locks`: fields 4 (mode), 5 (process) and 6
/// (device and inode).
fn holder(locks: &str, inode: u64, (major, minor): (u32, u32)) -> Option<u32> {
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, _, _, "WRITE", pid, file, ..] = fields.as_slice() else { return None };
        let mut parts = file.split(':');
        let mut hex = || u32::from_str_radix(parts.next()?, 16).ok();
        let device = (hex()?, hex()?);
        (device == (major, minor) && parts.next()?.parse() == Ok(inode)).then(|| pid.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_lock() {
        let locks = "1: POSIX  ADVISORY  READ  7 08:02:42 128 128\n\
                     2: FLOCK  ADVISORY  WRITE 4711 fd:01:42 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 4712 fd:01:42 0 EOF\n";
        assert_eq!(holder(locks, 42, (0xfd, 1)), Some(4711));
        assert_eq!(holder(locks, 42, (8, 2)), None);
        assert_eq!(holder(locks, 43, (0xfd, 1)), None);
        assert_eq!(holder("nonsense", 42, (0xfd, 1)), None);
    }

    #[test]
    fn a_directory_of_ones_own_is_fine_and_an_open_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let open = directory("state", dir.path());
        assert!(!open.ok && open.remedy.unwrap().starts_with("chmod 700 "));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(directory("state", dir.path()).found.contains(" free"));
        let absent = directory("state", &dir.path().join("a/b"));
        assert!(absent.found.contains("made by the first run"), "{absent:?}");
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(!directory("state", &dir.path().join("file")).ok);
    }

    #[test]
    fn a_log_that_is_none_is_damaged_and_no_log_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        assert!(log(dir.path()).ok);
        fs::write(dir.path().join("log.db"), "this is not a database at all, not even nearly one").unwrap();
        assert!(!log(dir.path()).ok);
    }
}
