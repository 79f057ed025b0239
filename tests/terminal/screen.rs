//! The question on a terminal: a real one, of Python's `pty`.

use std::process::Command;

use serde_json::json;

use super::owner::{Owner, whole};
use crate::support::{Place, Ran, Started, guest};

/// Runs a command on a terminal. Types `before` at once, then for each `[y/N]` that appears the next of `answers`, after a
/// while in which nothing may happen. Says all that was shown.
const TYPIST: &str = r#"
import os, pty, select, sys, time, json
plan = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
os.write(fd, plan["before"].encode())
shown, asked = b"", 0
end = time.time() + 50
while time.time() < end:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    shown += data
    if shown.count(b"[y/N]") > asked and asked < len(plan["answers"]):
        ready, _, _ = select.select([fd], [], [], 0.15)
        if not ready:
            os.write(fd, plan["answers"][asked].encode())
            asked += 1
sys.stdout.buffer.write(shown)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"#;

/// The probe writes `a`, then `b`, after it has slept for a moment; both ask.
fn typed(place: &Place, before: &str, answers: &[&str]) -> Ran {
    let write = |path| json!({"op": "write", "mount": "site", "path": path, "body": "hel\u{1b}[2Jlo"});
    let script = json!([{"op": "sleep", "ms": 300}, write("a"), write("b\u{202e}")]).to_string();
    let plan = json!({"before": before, "answers": answers}).to_string();
    let host = place.command(&[]);
    let mut command = Command::new("python3");
    command.args(["-c", TYPIST, &plan]).arg(host.get_program());
    command.args(["run", guest("probe").to_str().unwrap(), &script]);
    command.args(["--mount", "site=site:rw", "--ask", "write=site"]);
    command.current_dir(place.path("")).env_clear().env("TERM", "xterm");
    command.envs(host.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Started::new(command, b"").wait()
}

#[test]
fn a_run_asks_on_its_own_terminal() {
    let place = Place::new();
    place.folder("site");
    // What is typed before the question is no answer to it.
    let ran = typed(&place, "y\ny", &["n\n", "what\n", "y\n"]).expect(0);
    ran.answers("ask r1#").answers("allow it? [y/N]").answers("answer y or n").answers("denied r1#");
    ran.answers("approved r1#").answers("body 9 bytes: hel\\u{1b}[2Jlo").answers("site:b\\u{202e}");
    assert!(!ran.stdout.contains("\u{1b}[2J") && !ran.stdout.contains('\u{202e}'), "{ran}");
    assert!(!place.path("site/a").exists() && place.path("site/b\u{202e}").exists());
    whole(&place, "r1");
}

#[test]
fn a_handed_run_asks_on_its_terminal_too() {
    let owner = Owner::up();
    owner.place.folder("site");
    typed(&owner.place, "", &["y\n", "\n"]).expect(0).answers("approved r1#").answers("denied r1#");
    assert!(owner.place.path("site/a").exists() && !owner.place.path("site/b\u{202e}").exists());
    let (place, _) = owner.down();
    whole(&place, "r1");
}
