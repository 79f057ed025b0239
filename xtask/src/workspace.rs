//! Where things are, and how cargo is called.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use crate::error::Error;

/// The checkout and its target directory, both absolute.
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Finds them from what cargo tells a program that it runs. A relative `CARGO_TARGET_DIR` is relative to where
    /// the command was given, as for cargo itself.
    pub fn find() -> Result<Self, Error> {
        let fix = "run it as `cargo xtask …` inside the checkout";
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .ok_or_else(|| Error::new("cargo did not say where the project is", fix))?;
        let root = Path::new(&manifest)
            .parent()
            .filter(|root| root.join("wit/world.wit").is_file())
            .ok_or_else(|| Error::new("this is not inside the project", fix))?
            .to_owned();
        let target = match env::var_os("CARGO_TARGET_DIR").filter(|set| !set.is_empty()) {
            Some(set) => {
                std::path::absolute(&set).map_err(|error| Error::on("finding", Path::new(&set), &error))?
            }
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// The checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside the target directory.
    pub fn target(&self, inside: &str) -> PathBuf {
        self.target.join(inside)
    }

    /// A program that is run in the checkout's root, without standard input.
    pub fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target).stdin(Stdio::null());
        command
    }

    /// The cargo that started this, in the checkout's root, without what it told this program of itself: build scripts that
    /// look at that would run again, and all that depends on them, whenever somebody builds without this program.
    pub fn cargo(&self) -> Command {
        let mut cargo = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(told)) {
            cargo.env_remove(name);
        }
        cargo
    }
}

/// Runs a command and wants it to succeed.
pub fn must(command: &mut Command, fix: &str) -> Result<(), Error> {
    let status = status(command)?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(format!("`{}` failed ({status})", line(command)), fix))
}

/// Runs a command and gives its exit code on, for verbs that end with it.
pub fn finish(command: &mut Command) -> Result<ExitCode, Error> {
    let status = status(command)?;
    // A signal has no code; 1 is what a shell without job control would make of most of them.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

/// A command as a person would type it.
pub fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

fn status(command: &mut Command) -> Result<ExitStatus, Error> {
    command.status().map_err(|error| {
        Error::new(
            format!("`{}` did not start: {error}", line(command)),
            "check that it is installed and on PATH",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_is_named_with_its_code() {
        let error = must(Command::new("sh").args(["-c", "exit 3"]), "mend it").unwrap_err().to_string();
        assert!(
            error.contains("sh -c exit 3") && error.contains('3') && error.contains("mend it"),
            "{error}"
        );
        assert!(must(&mut Command::new("true"), "").is_ok());
        assert!(must(&mut Command::new("no-such-program-anywhere"), "").is_err());
    }

    #[test]
    fn the_project_is_found_from_its_own_tests() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.root().join("xtask/Cargo.toml").is_file());
        assert!(workspace.target("guests").is_absolute());
    }
}
