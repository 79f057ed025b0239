use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, Instant};

use super::super::FILE_LIMIT;
use super::*;
use crate::kernel::ports::{Expect, Mount};

#[test]
fn a_write_replaces_the_file_and_leaves_nothing_else() {
    let place = Place::new();
    place.mount.write("a/b/c.txt", b"one", &Expect::Absent).unwrap();
    assert_eq!(place.text("a/b/c.txt"), "one");
    assert_eq!(place.names("a/b"), ["c.txt"]);
    assert_eq!(fs::metadata(place.at("a/b/c.txt")).unwrap().mode() & 0o133, 0);
    place.mount.write("a/b/c.txt", b"two", &Expect::Any).unwrap();
    place.mount.write("a/b/c.txt", b"three", &Expect::Digest(Digest::of(b"two"))).unwrap();
    assert_eq!(place.text("a/b/c.txt"), "three");
    assert_eq!(place.names("a/b"), ["c.txt"]);
    place.mount.write("a/empty", b"", &Expect::Any).unwrap();
    assert_eq!(place.text("a/empty"), "");
}

#[test]
fn a_condition_that_does_not_hold_changes_nothing() {
    let place = Place::new();
    let there = place.put("a", "there");
    let other = Expect::Digest(Digest::of(b"other"));
    let conflict = MountError::Conflict(Some(there));
    assert_eq!(place.mount.write("a", b"new", &Expect::Absent).unwrap_err(), conflict);
    assert_eq!(place.mount.write("a", b"new", &other).unwrap_err(), conflict);
    assert_eq!(place.mount.remove("a", &other).unwrap_err(), conflict);
    assert_eq!(place.mount.remove("a", &Expect::Absent).unwrap_err(), conflict);
    assert_eq!(place.mount.write("b", b"new", &other).unwrap_err(), MountError::Conflict(None));
    assert_eq!(place.mount.write("x/y", b"new", &other).unwrap_err(), MountError::Conflict(None));
    assert_eq!(place.text("a"), "there");
    assert_eq!(place.names(""), ["a"]);
}

#[test]
fn limits_and_kinds_are_checked_before_anything_changes() {
    let place = Place::new();
    place.put("folder/a", "x");
    let large = vec![0; usize::try_from(FILE_LIMIT).unwrap() + 1];
    assert_eq!(place.mount.write("a", &large, &Expect::Any).unwrap_err(), MountError::TooLarge(FILE_LIMIT));
    invalid(place.mount.write("folder", b"x", &Expect::Any), "is a folder");
    invalid(place.mount.write("folder/a/b", b"x", &Expect::Any), "is a file");
    invalid(place.mount.write("", b"x", &Expect::Any), "empty");
    invalid(place.mount.write("../a", b"x", &Expect::Any), "`..`");
    invalid(place.mount.write(".aos-1.tmp", b"x", &Expect::Any), "unfinished");
    invalid(place.mount.remove("", &Expect::Any), "empty");
    invalid(place.mount.rename("folder", "other", &Expect::Any), "is a folder");
    invalid(place.mount.rename("folder/a", "folder", &Expect::Any), "is a folder");
    assert_eq!(place.names(""), ["folder"]);
    assert_eq!(place.names("folder"), ["a"]);
}

#[test]
fn a_full_size_file_can_be_written_and_read() {
    let place = Place::new();
    let whole = vec![7; usize::try_from(FILE_LIMIT).unwrap()];
    place.mount.write("a", &whole, &Expect::Any).unwrap();
    assert_eq!(place.mount.read("a", None).unwrap().data, whole);
}

#[test]
fn links_and_pipes_are_not_written_through_removed_or_renamed() {
    let place = Place::new();
    place.put("a", "x");
    symlink(place.outside("secret"), place.at("link")).unwrap();
    symlink(place.outside("new"), place.at("dangling")).unwrap();
    symlink("../outside", place.at("door")).unwrap();
    place.fifo("pipe");
    let begun = Instant::now();
    for (path, words) in [("link", "symbolic link"), ("dangling", "symbolic link"), ("pipe", "no plain file")]
    {
        for expect in [Expect::Any, Expect::Absent, Expect::Digest(Digest::of(b"secret"))] {
            refused(place.mount.write(path, b"x", &expect), words);
            refused(place.mount.remove(path, &expect), words);
            refused(place.mount.rename("a", path, &expect), words);
        }
        refused(place.mount.rename(path, "b", &Expect::Any), words);
    }
    for path in ["door/secret", "door/new", "door/new/deep"] {
        refused(place.mount.write(path, b"x", &Expect::Any), "leads out");
        refused(place.mount.remove(path, &Expect::Any), "leads out");
        refused(place.mount.rename("a", path, &Expect::Any), "leads out");
    }
    refused(place.mount.write("dangling/x", b"x", &Expect::Any), "leads out");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(fs::read_to_string(place.outside("secret")).unwrap(), "secret");
    assert_eq!(fs::read_dir(place.outside("")).unwrap().count(), 1);
    assert_eq!(place.names(""), ["a", "dangling", "door", "link", "pipe"]);
}

#[test]
fn another_hard_link_keeps_the_old_content() {
    let place = Place::new();
    place.put("a", "old");
    fs::hard_link(place.at("a"), place.outside("a")).unwrap();
    fs::hard_link(place.at("a"), place.at("b")).unwrap();
    invalid(place.mount.rename("a", "b", &Expect::Any), "the same file");
    invalid(place.mount.rename("a", "a", &Expect::Any), "the same file");
    place.mount.write("a", b"new", &Expect::Any).unwrap();
    assert_eq!(place.text("a"), "new");
    assert_eq!(fs::read_to_string(place.outside("a")).unwrap(), "old");
}

#[test]
fn a_private_file_stays_private() {
    let place = Place::new();
    place.put("key", "old");
    for mode in [0o600, 0o755] {
        fs::set_permissions(place.at("key"), fs::Permissions::from_mode(mode | 0o4000)).unwrap();
        place.mount.write("key", b"new", &Expect::Any).unwrap();
        assert_eq!(fs::metadata(place.at("key")).unwrap().mode() & 0o7777, mode);
    }
}

#[test]
fn removing_takes_files_and_empty_folders() {
    let place = Place::new();
    let digest = place.put("d/a", "x");
    assert_eq!(place.mount.remove("d", &Expect::Any).unwrap_err(), MountError::Conflict(None));
    place.mount.remove("d/a", &Expect::Digest(digest)).unwrap();
    assert_eq!(place.mount.remove("d/a", &Expect::Any).unwrap_err(), MountError::NotFound);
    assert_eq!(place.mount.remove("d", &Expect::Digest(digest)).unwrap_err(), MountError::Conflict(None));
    place.mount.remove("d", &Expect::Any).unwrap();
    assert_eq!(place.names(""), Vec::<String>::new());
}

#[test]
fn what_a_crash_left_does_not_keep_a_folder() {
    let place = Place::new();
    place.put("d/.aos-00ff.tmp", "half");
    place.put("d/a", "x");
    assert_eq!(place.mount.remove("d", &Expect::Any).unwrap_err(), MountError::Conflict(None));
    assert_eq!(place.names("d"), [".aos-00ff.tmp", "a"]);
    place.mount.remove("d/a", &Expect::Any).unwrap();
    assert_eq!(place.mount.list("d", None, 0).unwrap(), []);
    place.mount.remove("d", &Expect::Any).unwrap();
    assert!(!place.at("d").exists());
}

#[test]
fn renaming_moves_a_file_and_checks_the_target() {
    let place = Place::new();
    place.put("a", "a");
    let b = place.put("b", "b");
    assert_eq!(place.mount.rename("a", "b", &Expect::Absent).unwrap_err(), MountError::Conflict(Some(b)));
    let wrong = Expect::Digest(Digest::of(b"?"));
    assert_eq!(place.mount.rename("a", "b", &wrong).unwrap_err(), MountError::Conflict(Some(b)));
    assert_eq!(place.mount.rename("a", "c", &wrong).unwrap_err(), MountError::Conflict(None));
    assert_eq!(place.mount.rename("c", "d/e", &Expect::Any).unwrap_err(), MountError::NotFound);
    assert_eq!(place.names(""), ["a", "b"]);
    place.mount.rename("a", "b", &Expect::Digest(b)).unwrap();
    place.mount.rename("b", "x/y/z", &Expect::Absent).unwrap();
    assert_eq!(place.text("x/y/z"), "a");
    assert_eq!(place.names(""), ["x"]);
}

#[test]
fn a_read_only_mount_changes_nothing() {
    let place = Place::new();
    place.put("a", "x");
    let mount = Directory::open(&place.at(""), false).unwrap();
    refused(mount.write("b", b"x", &Expect::Any), "read-only");
    refused(mount.remove("a", &Expect::Any), "read-only");
    refused(mount.rename("a", "b", &Expect::Any), "read-only");
    assert_eq!(mount.read("a", None).unwrap().data, b"x");
    assert_eq!(place.names(""), ["a"]);
}

#[test]
fn no_update_is_lost_among_writers() {
    let place = Place::new();
    place.put("count", "0");
    let add = || {
        for _ in 0..20 {
            loop {
                let now = place.mount.read("count", None).unwrap();
                let next = String::from_utf8(now.data).unwrap().parse::<u32>().unwrap() + 1;
                match place.mount.write("count", next.to_string().as_bytes(), &Expect::Digest(now.digest)) {
                    Ok(()) => break,
                    Err(error) => assert!(matches!(error, MountError::Conflict(Some(_))), "{error:?}"),
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(add);
        }
    });
    assert_eq!(place.text("count"), "80");
    assert_eq!(place.names(""), ["count"]);
}

#[test]
fn one_of_many_creates_a_file() {
    let place = Place::new();
    let mounts: Vec<_> = (0..4).map(|_| Directory::open(&place.at(""), true).unwrap()).collect();
    let made = std::thread::scope(|scope| {
        let write =
            |n: usize| mounts[n].write("d/one", &[b'0' + u8::try_from(n).unwrap()], &Expect::Absent).is_ok();
        let tries: Vec<_> = (0..4).map(|n| scope.spawn(move || write(n))).collect();
        tries.into_iter().map(|one| one.join().unwrap()).filter(|made| *made).count()
    });
    assert_eq!(made, 1);
    assert_eq!(place.names("d"), ["one"]);
}
