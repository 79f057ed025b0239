use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::{FILE_LIMIT, FOLDER_LIMIT, OpenError};
use super::*;
use crate::kernel::ports::{Mount, Range};

#[test]
fn opening_says_what_is_wrong_and_where() {
    let place = Place::new();
    let missing = place.at("nothing");
    let error = Directory::open(&missing, true).unwrap_err();
    assert!(matches!(error, OpenError::Missing(_)));
    assert!(error.to_string().contains(missing.to_str().unwrap()), "{error}");
    place.put("file", "x");
    let error = Directory::open(&place.at("file"), true).unwrap_err();
    assert!(matches!(error, OpenError::NotDirectory(_)), "{error}");
}

#[test]
fn a_range_is_cut_from_the_file_and_the_digest_is_of_all() {
    let place = Place::new();
    let digest = place.put("docs/a", "0123456789");
    let read = |offset, length| {
        let content = place.mount.read("docs/a", Some(Range { offset, length })).unwrap();
        assert_eq!((content.digest, content.size), (digest, 10));
        String::from_utf8(content.data).unwrap()
    };
    assert_eq!(read(0, 4), "0123");
    assert_eq!(read(4, 100), "456789");
    assert_eq!(read(9, u64::MAX), "9");
    assert_eq!(read(10, 1), "");
    assert_eq!(read(u64::MAX, u64::MAX), "");
    assert_eq!(place.mount.read("docs/a", None).unwrap().data, b"0123456789");
    place.put("empty", "");
    assert_eq!(place.mount.read("empty", None).unwrap().digest, Digest::of(b""));
}

#[test]
fn what_is_not_there_is_not_found() {
    let place = Place::new();
    place.put("file", "x");
    for path in ["a", "a/b", "file/b"] {
        assert_eq!(place.mount.read(path, None).unwrap_err(), MountError::NotFound, "{path}");
        assert_eq!(place.mount.stat(path).unwrap_err(), MountError::NotFound, "{path}");
        assert_eq!(place.mount.list(path, None, 0).unwrap_err(), MountError::NotFound, "{path}");
    }
    invalid(place.mount.list("file", None, 0), "is a file");
    invalid(place.mount.read("", None), "empty");
}

#[test]
fn malformed_paths_reach_no_file() {
    let place = Place::new();
    place.put("a", "x");
    let long = "a/".repeat(5 << 20) + "a";
    for path in ["../outside/secret", "/a", "a/", "./a", "a\0", "x\\a", "b//a", "b/../a", long.as_str()] {
        assert!(matches!(place.mount.read(path, None), Err(MountError::Invalid(_))));
        assert!(matches!(place.mount.stat(path), Err(MountError::Invalid(_))));
        assert!(matches!(place.mount.list(path, None, 0), Err(MountError::Invalid(_))));
    }
}

#[test]
fn links_lead_nowhere_outside() {
    let place = Place::new();
    symlink(place.outside("secret"), place.at("absolute")).unwrap();
    symlink("../outside/secret", place.at("relative")).unwrap();
    for path in ["absolute", "relative"] {
        refused(place.mount.read(path, None), "symbolic link");
        refused(place.mount.stat(path), "symbolic link");
    }
    symlink(place.outside(""), place.at("absolute-folder")).unwrap();
    symlink("../outside", place.at("relative-folder")).unwrap();
    for folder in ["absolute-folder", "relative-folder"] {
        refused(place.mount.read(&format!("{folder}/secret"), None), "leads out of the mount");
        refused(place.mount.stat(&format!("{folder}/secret")), "leads out of the mount");
        refused(place.mount.list(folder, None, 0), "symbolic link");
    }
}

#[test]
fn links_that_stay_inside_are_followed_in_the_middle_only() {
    let place = Place::new();
    place.put("real/a", "x");
    symlink("real", place.at("folder")).unwrap();
    symlink("real/a", place.at("file")).unwrap();
    symlink("round", place.at("round")).unwrap();
    assert_eq!(place.mount.read("folder/a", None).unwrap().data, b"x");
    refused(place.mount.read("file", None), "symbolic link");
    refused(place.mount.list("folder", None, 0), "symbolic link");
    refused(place.mount.read("round/a", None), "symbolic link");
}

#[test]
fn a_folder_that_becomes_a_link_never_leads_out() {
    let place = Place::new();
    place.put("real/secret", "public");
    symlink("real", place.at("door")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for to in ["../outside", "real"] {
                    symlink(to, place.at("next")).unwrap();
                    fs::rename(place.at("next"), place.at("door")).unwrap();
                }
            }
        });
        let until = Instant::now() + Duration::from_millis(300);
        let mut read = 0;
        while Instant::now() < until {
            match place.mount.read("door/secret", None) {
                Ok(content) => {
                    assert_eq!(content.data, b"public");
                    read += 1;
                }
                Err(error) => assert!(matches!(error, MountError::Refused(_)), "{error:?}"),
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(read > 0);
    });
}

#[test]
fn pipes_sockets_and_devices_are_refused_at_once() {
    let place = Place::new();
    place.fifo("pipe");
    let _socket = UnixListener::bind(place.at("socket")).unwrap();
    let begun = Instant::now();
    for path in ["pipe", "socket"] {
        refused(place.mount.read(path, None), "no plain file");
        refused(place.mount.stat(path), "no plain file");
        refused(place.mount.list(path, None, 0), "no plain file");
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
    // Making a device needs root; the system's own are there to be read.
    let devices = Directory::open("/dev".as_ref(), false).unwrap();
    refused(devices.read("null", None), "no plain file");
    refused(devices.read("zero", None), "no plain file");
}

#[test]
fn sparse_and_large_files_are_refused() {
    let place = Place::new();
    let sized = |path: &str, size: u64| File::create(place.at(path)).unwrap().set_len(size).unwrap();
    sized("sparse", 64 << 10);
    refused(place.mount.read("sparse", None), "sparse");
    refused(place.mount.stat("sparse"), "sparse");
    sized("small-sparse", (64 << 10) - 1);
    assert_eq!(place.mount.read("small-sparse", None).unwrap().size, (64 << 10) - 1);
    let mut ended = File::create(place.at("hole-at-the-end")).unwrap();
    ended.write_all(&[7; 100_000]).unwrap();
    ended.set_len(150_000).unwrap();
    assert_eq!(place.mount.read("hole-at-the-end", None).unwrap().size, 150_000);
    sized("large", FILE_LIMIT + 1);
    assert_eq!(place.mount.read("large", None).unwrap_err(), MountError::TooLarge(FILE_LIMIT));
    let whole = vec![b'x'; usize::try_from(FILE_LIMIT).unwrap()];
    fs::write(place.at("whole"), &whole).unwrap();
    assert_eq!(place.mount.read("whole", None).unwrap().data, whole);
}

#[test]
fn a_list_is_sorted_paged_and_shows_only_what_can_be_reached() {
    let place = Place::new();
    for name in ["b", "a", "Z", "ü", "d/x"] {
        place.put(name, "12345");
    }
    symlink("a", place.at("link")).unwrap();
    place.fifo("pipe");
    place.put(".aos-0123.tmp", "left by a crash");
    for name in [&b"not-\xff-utf8"[..], b"back\\slash", b"new\nline"] {
        File::create(place.at("").join(OsStr::from_bytes(name))).unwrap();
    }
    let names = |after: Option<&str>, limit| {
        let entries = place.mount.list("", after, limit).unwrap();
        entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>()
    };
    assert_eq!(names(None, 0), ["Z", "a", "b", "d", "ü"]);
    assert_eq!(names(None, 2), ["Z", "a"]);
    assert_eq!(names(Some("a"), 2), ["b", "d"]);
    assert_eq!(names(Some("c"), 9), ["d", "ü"]);
    assert_eq!(names(Some("ü"), 9), Vec::<String>::new());
    let entries = place.mount.list("", Some("b"), 1).unwrap();
    assert_eq!((entries[0].directory, entries[0].size, entries[0].digest), (true, 0, None));
    let entries = place.mount.list("d", None, 0).unwrap();
    assert_eq!((entries[0].directory, entries[0].size, entries[0].digest), (false, 5, None));
}

#[test]
fn an_answer_is_bounded_and_so_is_a_folder() {
    let place = Place::new();
    for n in 0..1_001 {
        File::create(place.at(&format!("{n:06}"))).unwrap();
    }
    assert_eq!(place.mount.list("", None, 5_000).unwrap().len(), 1_000);
    assert_eq!(place.mount.list("", Some("000999"), 0).unwrap().len(), 1);
    File::create(place.at("one")).unwrap();
    for n in 1_001..FOLDER_LIMIT {
        // A hard link is cheaper than a file.
        fs::hard_link(place.at(&format!("{:06}", n / 50_000)), place.at(&format!("{n:06}"))).unwrap();
    }
    assert_eq!(place.mount.list("", None, 0).unwrap_err(), MountError::TooLarge(FOLDER_LIMIT as u64));
    fs::remove_file(place.at("one")).unwrap();
    assert_eq!(place.mount.list("", Some("099998"), 0).unwrap()[0].name, "099999");
}

#[test]
fn stat_tells_kind_size_and_digest() {
    let place = Place::new();
    let digest = place.put("d/a", "12345");
    let file = place.mount.stat("d/a").unwrap();
    assert_eq!((file.name.as_str(), file.directory, file.size, file.digest), ("a", false, 5, Some(digest)));
    let folder = place.mount.stat("d").unwrap();
    assert_eq!((folder.name.as_str(), folder.directory, folder.size, folder.digest), ("d", true, 0, None));
    let root = place.mount.stat("").unwrap();
    assert_eq!((root.name.as_str(), root.directory), ("", true));
    invalid(place.mount.read("d", None), "is a folder");
}
