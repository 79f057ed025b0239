//! A place of its own for each test: a temporary directory with the state, the configuration and the files of one user.
//! Compiled code is shared between places, because it depends on nothing but the component.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::log::{Entry, Run};
use super::program::{Ran, Started, guest, host, target};

/// See the module.
pub struct Place {
    dir: TempDir,
}

impl Place {
    /// An empty one.
    pub fn new() -> Place {
        let place = Place { dir: tempfile::Builder::new().prefix("aos-test-").tempdir().unwrap() };
        for folder in ["home", "config", "state"] {
            place.folder(folder);
        }
        place
    }

    /// Where something in it is.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside)
    }

    /// Makes a folder.
    pub fn folder(&self, inside: &str) -> PathBuf {
        let path = self.path(inside);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Writes a file, with the folders above it.
    pub fn file(&self, inside: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    /// A file's text.
    #[track_caller]
    pub fn text(&self, inside: &str) -> String {
        let path = self.path(inside);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Writes `team/agent.toml` with the tests' guests (`probe.wasm`, `idle.wasm`, `command.wasm`) beside it; answers the
    /// folder.
    pub fn team(&self, manifest: &str) -> PathBuf {
        let folder = self.folder("team");
        for name in ["probe", "idle", "command"] {
            fs::copy(guest(name), folder.join(format!("{name}.wasm"))).unwrap();
        }
        fs::write(folder.join("agent.toml"), manifest).unwrap();
        folder
    }

    /// The host's program in this place, with nothing of the tester's own environment but where programs are.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(host());
        command.args(words).current_dir(self.dir.path()).env_clear();
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", self.path("home")).env("XDG_CONFIG_HOME", self.path("config"));
        command.env("XDG_CACHE_HOME", cache()).env("XDG_STATE_HOME", self.path("home/state"));
        command.env("AOS_STATE", self.path("state")).env("AOS_SELF_CHECK", "1");
        command
    }

    /// Runs a command and answers what it left, whatever that is.
    #[track_caller]
    pub fn aos(&self, words: &[&str]) -> Ran {
        self.aos_with(words, b"")
    }

    /// As [`Place::aos`], with a standard input.
    #[track_caller]
    pub fn aos_with(&self, words: &[&str], input: &[u8]) -> Ran {
        self.start(words, input).wait()
    }

    /// Starts a command.
    pub fn start(&self, words: &[&str], input: &[u8]) -> Started {
        Started::new(self.command(words), input)
    }

    /// `run TARGET FLAGS` with an input. The run is read back from the log, the log is verified, and the run is replayed
    /// with the same result, whatever its exit code was.
    #[track_caller]
    pub fn run(&self, target: &Path, flags: &[&str], input: impl AsRef<[u8]>) -> Run {
        let ran = self
            .aos_with(&[&["run", target.to_str().unwrap(), "--input", "-"], flags].concat(), input.as_ref());
        assert!([0, 1, 5].contains(&ran.code), "it should have run: {ran}");
        self.aos(&["audit", "verify"]).expect(0).answers("audit ok");
        self.aos(&["replay"]).expect(0).answers("identical");
        let all = self.entries(None);
        let number = all.last().unwrap_or_else(|| panic!("it left no entry: {ran}")).run();
        Run { ran, entries: all.into_iter().filter(|entry| entry.run() == number).collect() }
    }

    /// Runs the tests' probe alone with a script.
    #[track_caller]
    pub fn probe(&self, flags: &[&str], script: &Value) -> Run {
        self.run(&guest("probe"), flags, script.to_string())
    }

    /// Runs a team of probes: the root is given the script.
    #[track_caller]
    pub fn probes(&self, manifest: &str, flags: &[&str], script: &Value) -> Run {
        let folder = self.team(manifest);
        self.run(&folder, flags, script.to_string())
    }

    /// The log's entries, of one run (`r1`) or of all.
    #[track_caller]
    pub fn entries(&self, run: Option<&str>) -> Vec<Entry> {
        let mut words = vec!["audit", "export"];
        words.extend(run);
        let exported = self.aos(&words).expect(0);
        exported.stdout.lines().map(|line| Entry::parse(line)).collect()
    }
}

/// The tests' own cache of compiled code.
fn cache() -> PathBuf {
    let path = target().join("test-cache");
    DirBuilder::new().recursive(true).mode(0o700).create(&path).unwrap();
    path
}
