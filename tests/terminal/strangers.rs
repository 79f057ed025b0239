//! Whose socket it is: other users, other files in its place, long paths.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::process::Command;

use serde_json::json;

use super::owner::{Owner, whole};
use crate::support::{Place, Started};

fn mode(place: &Place, inside: &str) -> u32 {
    fs::metadata(place.path(inside)).unwrap().permissions().mode() & 0o777
}

/// Asks as another user, and says what came of it.
const STRANGER: &str = r#"
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
client = socket.socket(socket.AF_UNIX)
try:
    client.connect(sys.argv[1])
    try:
        client.sendall(b'{"v":1,"says":"glance"}\n')
    except BrokenPipeError:
        pass  # The host has hung up already; what it said can be read.
    print(client.recv(65536).decode())
except OSError as error:
    print(error.strerror)
"#;

#[test]
fn the_socket_is_its_owners_alone() {
    let place = Place::new();
    // The host makes its own.
    fs::remove_dir(place.path("state")).unwrap();
    let owner = Owner::of(place, &["up"]);
    let place = &owner.place;
    assert!(fs::metadata(place.path("state/control")).unwrap().file_type().is_socket());
    assert_eq!((mode(place, "state"), mode(place, "state/control")), (0o700, 0o600));
    let ask = || {
        let mut command = Command::new("python3");
        command.args(["-c", STRANGER]).arg(place.path("state/control"));
        let ran = Started::new(command, b"").wait();
        assert_eq!(ran.code, 0, "the tests need root to act as another user: {ran}");
        ran.stdout
    };
    assert_eq!(ask(), "Permission denied\n");
    // Even when somebody opens all doors, who connects is looked at.
    for (inside, mode) in [("", 0o755), ("state", 0o755), ("state/control", 0o666)] {
        fs::set_permissions(place.path(inside), fs::Permissions::from_mode(mode)).unwrap();
    }
    let answered = ask();
    assert!(answered.contains("another user's") && !answered.contains("glance"), "{answered}");
}

#[test]
fn a_state_directory_may_have_a_long_path() {
    let place = Place::new();
    let long = format!("{}/state", ["a-directory-with-a-long-name"; 8].join("/"));
    place.folder(&long);
    let state = place.path(&long).to_str().unwrap().to_owned();
    assert!(state.len() > 200);
    let host = place.start(&["up", "--state", &state], b"");
    super::owner::until(|| place.aos(&["ps", "--state", &state]).expect(0).stdout.contains("nothing runs"));
    let probe = crate::support::guest("probe");
    place.aos(&["run", probe.to_str().unwrap(), "[]", "--state", &state]).expect(0).answers("[]");
    super::owner::signal(host.pid(), "TERM");
    host.wait().expect(0);
}

#[test]
fn whatever_lies_in_its_place_is_replaced() {
    for kind in ["file", "link", "socket"] {
        let place = Place::new();
        place.file("precious", "kept");
        let at = place.path("state/control");
        match kind {
            "file" => fs::write(&at, "x").unwrap(),
            "link" => std::os::unix::fs::symlink(place.path("precious"), &at).unwrap(),
            _ => drop(std::os::unix::net::UnixListener::bind(&at).unwrap()),
        }
        if kind != "link" {
            assert_eq!(place.aos(&["ps"]).expect(0).stdout, "no host is running\n", "{kind}");
        }
        let owner = Owner::of(place, &["up"]);
        owner.probe(&[], &json!([])).wait().expect(0);
        let (place, _) = owner.down();
        assert_eq!(place.text("precious"), "kept");
        whole(&place, "r1");
    }
}
