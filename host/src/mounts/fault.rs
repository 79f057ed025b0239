//! What the operating system's errors mean for a mount.

use std::io;

use rustix::io::Errno;

use crate::kernel::ports::MountError;

/// The error for `path`, of which the system said `error` while the host was `doing` something (`read`, …).
pub(super) fn fault(doing: &str, path: &str, error: impl Into<io::Error>) -> MountError {
    let error = error.into();
    let Some(code) = error.raw_os_error() else {
        // cap-std answers this, without a code of the system's, when a link leads out.
        return match error.kind() {
            io::ErrorKind::PermissionDenied => {
                MountError::Refused(format!("`{path}` leads out of the mount"))
            }
            _ => failed(doing, path, &error.to_string()),
        };
    };
    match Errno::from_raw_os_error(code) {
        Errno::NOENT => MountError::NotFound,
        Errno::NOTDIR => MountError::Invalid(format!("`{path}`: a part of the path is a file, not a folder")),
        Errno::ISDIR => MountError::Invalid(format!("`{path}` is a folder, not a file")),
        Errno::NAMETOOLONG => {
            MountError::Invalid(format!("`{path}`: a name is too long for this file system"))
        }
        Errno::INVAL | Errno::ILSEQ => {
            MountError::Invalid(format!("`{path}`: this file system does not take the name"))
        }
        Errno::LOOP => MountError::Refused(format!("`{path}` is a symbolic link")),
        Errno::NXIO | Errno::NODEV => MountError::Refused(format!("`{path}` is no plain file or folder")),
        Errno::NOSPC => failed(doing, path, "the disk is full; free some space"),
        Errno::DQUOT => failed(doing, path, "the disk quota is used up; free some space or raise it"),
        Errno::ROFS => {
            failed(doing, path, "the file system is read-only; remount it or mount another directory")
        }
        Errno::ACCESS | Errno::PERM => failed(
            doing,
            path,
            "the operating system denies it; check the owner and mode of the file and its folder",
        ),
        _ => failed(doing, path, &error.to_string()),
    }
}

fn failed(doing: &str, path: &str, why: &str) -> MountError {
    MountError::Unavailable(format!("cannot {doing} `{path}`: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_said_in_words() {
        let says = |code: Errno, words: &str| match fault("write", "a/b", code) {
            MountError::Unavailable(text) => {
                assert!(text.starts_with("cannot write `a/b`: ") && text.contains(words), "{text}");
            }
            other => panic!("{other:?}"),
        };
        says(Errno::NOSPC, "the disk is full");
        says(Errno::DQUOT, "quota");
        says(Errno::ROFS, "read-only");
        says(Errno::ACCESS, "owner and mode");
        says(Errno::IO, "os error 5");
    }
}
