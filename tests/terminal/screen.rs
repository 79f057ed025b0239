//! The question on a terminal: a real one, of Python's `pty`.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::emulator::Screen;
use super::owner::{Owner, whole};
use crate::support::{Place, Ran, Started, guest};
use crate::syscalls::team::team;

/// Runs a command on a terminal. Types `before` at once, then for each `mark` (a regular expression) that appears the next of
/// `answers`, after a while in which nothing may happen. Says all that was shown.
const TYPIST: &str = r#"
import fcntl, os, pty, re, select, struct, sys, termios, time, json
plan = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 200, plan["columns"], 0, 0))
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
    if len(re.findall(plan["mark"].encode(), shown)) > asked and asked < len(plan["answers"]):
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
    let script = json!([{"op": "sleep", "ms": 300}, write("a"), write("b\u{202e}")]);
    let flags = ["--mount", "site=site:rw", "--ask", "write=site"];
    on_a_terminal(place, &guest("probe"), &script, &flags, (before, answers))
}

/// Runs something with a script on a terminal of 80 columns.
fn on_a_terminal(
    place: &Place,
    target: &Path,
    script: &Value,
    flags: &[&str],
    (before, answers): (&str, &[&str]),
) -> Ran {
    let script = script.to_string();
    let words = [&["run", target.to_str().unwrap(), &script], flags].concat();
    at_a_terminal(place, &words, r"\[y/N\]", (before, answers))
}

/// Runs a command on a terminal of 80 columns, where a person types `before`, and an answer at each mark.
pub fn at_a_terminal(place: &Place, words: &[&str], mark: &str, (before, answers): (&str, &[&str])) -> Ran {
    let plan = json!({"mark": mark, "before": before, "answers": answers, "columns": 80}).to_string();
    let host = place.command(&[]);
    let mut command = Command::new("python3");
    command.args(["-c", TYPIST, &plan]).arg(host.get_program()).args(words);
    command.current_dir(place.path("")).env_clear().env("TERM", "xterm");
    command.envs(host.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Started::new(command, b"").wait()
}

/// Runs a line of shell on a terminal of 200 columns, with a folder of the place before all others that have programs; a person
/// answers where a package asks for consent.
pub fn shell_at_a_terminal(place: &Place, programs: &Path, line: &str, answers: &[&str]) -> Ran {
    let mark = r"which directory it may (?:read|write)\?(?: \[[^\]]*\])? |scripted:FILE\) |\[N\]o: |\[y/N\] ";
    let plan = json!({"mark": mark, "before": "", "answers": answers, "columns": 200}).to_string();
    let host = place.command(&[]);
    let mut command = Command::new("python3");
    command.args(["-c", TYPIST, &plan, "/bin/sh", "-c", line]);
    command.current_dir(place.path("")).env_clear().env("TERM", "xterm").env("NO_COLOR", "1");
    command.envs(host.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", place.path("").join(programs).display()));
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

/// Progress, log lines, questions and answers on one terminal: none is written over another, and of the progress nothing is left.
/// An agent that gave itself a wide name changes nothing of that.
#[test]
fn progress_and_questions_leave_each_other_alone() {
    let place = Place::new();
    place.folder("site");
    let needs = "spawn = [\"child\"]\nwrite = [\"site\"]\nlog = [\"*\"]";
    let child = "needs = { log = [\"*\"] }\nbudget = { memory = \"8MiB\" }";
    let folder = place.team(&team(needs, &[("child", child)]));
    let name = "漢".repeat(30);
    let write = |path: &str| json!({"op": "write", "mount": "site", "path": path, "body": "x"});
    let (sleep, log) = (json!({"op": "sleep", "ms": 900}), |text: &str| json!({"op": "log", "text": text}));
    let script = json!([
        {"op": "spawn", "component": "child", "name": name, "as": "c", "input": [{"op": "receive", "timeout_ms": 4_000}]},
        log("before"), sleep, log("between"), write("a"), log("after"), sleep, write("b"), sleep, log("last"),
        {"op": "signal", "on": "c", "signal": "kill"}, {"op": "wait", "on": "c"},
    ]);
    let flags = ["--mount", "site=site:rw", "--ask", "write=site"];
    let ran = on_a_terminal(&place, &folder, &script, &flags, ("", &["y\n", "n\n"])).expect(0);
    assert!(ran.stdout.contains("sleeps"), "there was progress: {ran}");
    let lines = Screen::of(&ran.stdout, 80).lines();
    let shown = lines.join("\n");
    let mut at = 0;
    for part in [
        "r1/1 team info: before",
        "r1/1 team info: between",
        "ask r1#",
        "  with {",
        "  body 1 bytes: x",
        "  allow it? [y/N] y",
        "approved r1#",
        "r1/1 team info: after",
        "ask r1#",
        "  allow it? [y/N] n",
        "denied r1#",
        "r1/1 team info: last",
    ] {
        let found = lines[at..].iter().position(|line| line.starts_with(part));
        at += 1 + found.unwrap_or_else(|| panic!("no line begins with {part:?} after line {at} of\n{shown}"));
    }
    // Only the end's summary names what lived: progress has been taken away.
    for progress in ["waiting", "waits for a", "asks the operator", "sleeps"] {
        assert!(!shown.contains(progress), "{progress:?} is left of the progress in\n{shown}");
    }
    assert!(place.path("site/a").exists() && !place.path("site/b").exists());
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
