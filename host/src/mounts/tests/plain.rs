//! Directories in which no link is followed.

use std::os::unix::fs::symlink;

use super::super::Directory;
use super::{Place, invalid, refused};
use crate::kernel::ports::{Expect, Mount, MountError};

#[test]
fn a_link_is_refused_wherever_it_stands_and_leads() {
    let place = Place::new();
    place.put("real/file", "one");
    symlink("real", place.at("inside")).unwrap();
    symlink("../outside", place.at("out")).unwrap();
    symlink("nowhere", place.at("dangling")).unwrap();
    let plain = Directory::plain(&place.at(""), true).unwrap();
    assert_eq!(
        place.mount.read("inside/file", None).unwrap().data,
        b"one",
        "usually one that stays inside is"
    );
    for path in ["inside/file", "out/secret", "dangling/file", "inside"] {
        refused(plain.read(path, None), "symbolic link");
        refused(plain.stat(path), "symbolic link");
        refused(plain.write(path, b"x", &Expect::Any), "symbolic link");
        refused(plain.remove(path, &Expect::Any), "symbolic link");
        refused(plain.rename("real/file", path, &Expect::Any), "symbolic link");
    }
    assert_eq!(plain.stat("nothing/file"), Err(MountError::NotFound));
    assert_eq!(plain.stat("real/file/below"), Err(MountError::NotFound));
    assert_eq!(place.text("real/file"), "one");
}

#[test]
fn folders_are_made_on_the_way() {
    let place = Place::new();
    let plain = Directory::plain(&place.at(""), true).unwrap();
    plain.write("a/b/c", b"deep", &Expect::Absent).unwrap();
    plain.rename("a/b/c", "d/e", &Expect::Absent).unwrap();
    assert_eq!(plain.read("d/e", None).unwrap().data, b"deep");
    plain.remove("a/b", &Expect::Any).unwrap();
    assert_eq!(place.names("a"), [""; 0]);
    invalid(plain.write("d/e/f", b"", &Expect::Any), "a file, not a folder");
}
