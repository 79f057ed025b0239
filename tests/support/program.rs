//! The programs under test, and processes that cannot hang a test.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long one command may take before it is killed and the test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a running command is looked at.
const GLANCE: Duration = Duration::from_millis(2);

/// The host's program.
pub fn host() -> PathBuf {
    found("AOS_HOST_BIN", "debug/aos-host")
}

/// A guest of the tests (`probe`, `idle`, `command`), built.
pub fn guest(name: &str) -> PathBuf {
    existing(&found("AOS_GUESTS", "guests").join(format!("{name}.wasm")))
}

/// The directory that this build writes to.
pub fn target() -> PathBuf {
    // target/debug/deps/all-…
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().to_owned()
}

/// What `cargo xtask test` built and names in a variable; without it, where it is below the target directory.
pub fn found(variable: &str, below_target: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => existing(Path::new(&path)),
        None => existing(&target().join(below_target)),
    }
}

fn existing(path: &Path) -> PathBuf {
    assert!(path.exists(), "there is no {}: run `cargo xtask test`, which builds it", path.display());
    path.to_owned()
}

/// What a command left behind.
#[derive(Clone, Debug)]
pub struct Ran {
    /// As it was typed, for messages.
    pub line: String,
    /// Its exit code; 128 and the signal's number when a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ran {
    /// Fails with all that it said unless it ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "the exit code of {self}");
        self
    }

    /// Fails unless its standard error has this text.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Ran {
        assert!(self.stderr.contains(text), "standard error should say {text:?}: {self}");
        self
    }

    /// Fails unless its standard output has this text.
    #[track_caller]
    pub fn answers(&self, text: &str) -> &Ran {
        assert!(self.stdout.contains(text), "standard output should have {text:?}: {self}");
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Ran { line, code, stdout, stderr } = self;
        write!(
            f,
            "`{line}`: exit code {code}\n--- standard output\n{stdout}\n--- standard error\n{stderr}\n---"
        )
    }
}

/// A command that is running.
pub struct Started {
    line: String,
    child: Child,
    since: Instant,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
}

impl Started {
    /// Starts it with these bytes as its standard input.
    pub fn new(mut command: Command, input: &[u8]) -> Started {
        let mut words =
            vec![Path::new(command.get_program()).file_name().unwrap().to_string_lossy().into_owned()];
        words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
        let line: String = words.join(" ").chars().take(400).collect();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("`{line}` cannot be started: {error}"));
        let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
        // A program that does not read its input is no mistake of the test's.
        std::thread::spawn(move || drop(stdin.write_all(&input)));
        let stdout = drain(child.stdout.take().unwrap());
        let stderr = drain(child.stderr.take().unwrap());
        Started { line, child, since: Instant::now(), stdout, stderr }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it with SIGKILL and answers what it said until then.
    pub fn kill(mut self) -> Ran {
        self.child.kill().unwrap();
        self.end()
    }

    /// Waits for its end; kills it and fails when it takes longer than [`PATIENCE`].
    #[track_caller]
    pub fn wait(mut self) -> Ran {
        while self.runs() {
            if self.since.elapsed() > PATIENCE {
                let ran = self.kill();
                panic!("it took longer than {PATIENCE:?} and was killed: {ran}");
            }
            std::thread::sleep(GLANCE);
        }
        self.end()
    }

    /// Waits for its end; answers also the most memory that it was seen to have, in KiB.
    #[track_caller]
    pub fn peaked(mut self) -> (Ran, u64) {
        let mut peak = 0;
        while self.runs() && self.since.elapsed() < PATIENCE {
            peak = peak.max(high_water(self.pid()).unwrap_or(0));
            std::thread::sleep(Duration::from_millis(1));
        }
        (self.wait(), peak)
    }

    fn end(mut self) -> Ran {
        let status = self.child.wait().unwrap();
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        let text = |bytes: JoinHandle<Vec<u8>>| String::from_utf8(bytes.join().unwrap()).unwrap();
        Ran { line: self.line, code, stdout: text(self.stdout), stderr: text(self.stderr) }
    }
}

/// The most memory that a process has had, in KiB, while it is there.
fn high_water(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn drain(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        // What was read until an error counts.
        let _end = from.read_to_end(&mut all);
        all
    })
}
