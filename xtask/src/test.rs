//! `cargo xtask test`: builds what the tests run, then runs all of them.
//!
//! The guests and their SDK are tested by a call of cargo of their own: their macros want other features of shared
//! dependencies, with which cargo would compile wasmtime a second time.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::error::Error;
use crate::step::Steps;
use crate::workspace::{self, Workspace};
use crate::{guests, host, page, setup};

/// Builds, then ends with cargo's own output and exit code. Unit, integration and documentation tests of every
/// package run; the arguments are `cargo test`'s (a filter, `-p NAME`, `-- --nocapture`).
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Error> {
    let named = names_packages(arguments);
    let mut steps = Steps::new(if named { 5 } else { 6 });
    let built = Built::new(workspace, &mut steps)?;
    let mut all = built.tests(workspace);
    let mut first = ExitCode::SUCCESS;
    // Packages that are named take the place of all of them.
    if !named {
        let packages = guests::packages(workspace)?;
        let mut native = built.tests(workspace);
        native.args(packages.iter().flat_map(|name| ["--package", name])).args(arguments);
        steps.announce("the agents' and the SDK's own tests");
        first = workspace::finish(&mut native)?;
        all.arg("--workspace").args(packages.iter().flat_map(|name| ["--exclude", name]));
    }
    all.args(arguments);
    steps.announce(if named { "the tests of the named packages" } else { "the tests of everything else" });
    let last = workspace::finish(&mut all)?;
    Ok(if last == ExitCode::SUCCESS { first } else { last })
}

/// What the tests look for.
pub struct Built {
    host: PathBuf,
    guests: PathBuf,
    page: PathBuf,
    python: PathBuf,
}

impl Built {
    /// Checks the tools and builds: four steps.
    pub fn new(workspace: &Workspace, steps: &mut Steps) -> Result<Self, Error> {
        steps.run("checking the tools", || setup::test(workspace))?;
        let host = host::build(workspace, steps)?;
        guests::build(workspace, steps)?;
        let page = page::build(workspace, steps)?;
        Ok(Self { host, guests: guests::directory(workspace), page, python: setup::python_path(workspace) })
    }

    /// `cargo test`, told where things are: `AOS_HOST_BIN`, the host's program; `AOS_GUESTS`, the directory of the tests'
    /// guests; `AOS_VERIFY_PAGE`, the page that verifies exports; `AOS_PYTHON`, Python with the tests' packages. All absolute.
    pub fn tests(&self, workspace: &Workspace) -> Command {
        let mut cargo = workspace.cargo();
        // Every failure at once: the host takes too long to build for one at a time.
        cargo.args(["test", "--no-fail-fast"]);
        cargo.env("AOS_HOST_BIN", &self.host).env("AOS_GUESTS", &self.guests);
        cargo.env("AOS_VERIFY_PAGE", &self.page).env("AOS_PYTHON", &self.python);
        cargo
    }
}

fn names_packages(arguments: &[String]) -> bool {
    arguments
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word.starts_with("-p") || word.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_package_is_seen_before_the_filters_only() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(names_packages(&words("-p ledger budget")));
        assert!(names_packages(&words("--package=ledger")));
        assert!(!names_packages(&words("budget -- -p")));
    }
}
