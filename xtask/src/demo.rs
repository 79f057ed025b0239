//! `cargo xtask demo`: a team of three agents merges notes into a page, and one of four has its page reviewed; then
//! everything they did is shown and proved.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::error::Error;
use crate::step::Steps;
use crate::workspace::{self, Workspace, must};
use crate::{guests, host, setup};

/// Runs it; fails when any of its commands fails or the page is not there.
pub fn run(workspace: &Workspace) -> Result<ExitCode, Error> {
    let mut steps = Steps::new(8);
    steps.run("checking the tools", || setup::build(workspace))?;
    let binary = host::build(workspace, &mut steps)?;
    guests::build(workspace, &mut steps)?;

    let demo = Demo { workspace, binary, site: fresh(workspace, "site")?, state: fresh(workspace, "state")? };
    steps.run("three agents merge three notes", || demo.team("examples/docs-merge", "index.html"))?;
    steps.announce("what they did, and what it cost");
    demo.ask(&["inspect", "r1"])?;
    steps.run("four agents merge notes, and one of them objects to the page", || {
        demo.team("examples/reviewed-merge", "page.md")
    })?;
    steps.announce("is the log whole?");
    demo.ask(&["audit", "verify"])?;
    steps.announce("does the log alone explain the runs?");
    demo.ask(&["replay", "r1"])?;
    demo.ask(&["replay", "r2"])?;
    Ok(ExitCode::SUCCESS)
}

struct Demo<'a> {
    workspace: &'a Workspace,
    binary: PathBuf,
    site: PathBuf,
    state: PathBuf,
}

impl Demo<'_> {
    /// A run of an example that writes a page; its model is a script, so that it needs no key and no network.
    fn team(&self, example: &str, page: &str) -> Result<(), Error> {
        let mut command = self.workspace.command(&self.binary);
        command
            .arg("run")
            .arg(format!("{example}/agent.toml"))
            .arg("--mount")
            .arg(format!("notes={example}/input"))
            .arg("--mount")
            .arg(format!("site={}:rw", self.site.display()))
            .arg("--model")
            .arg(format!("default=scripted:{example}/answers.toml"));
        self.show(&mut command)?;
        let page = self.site.join(page);
        match fs::metadata(&page) {
            Ok(found) if found.len() > 0 => {
                println!("the page: {} ({} bytes)", page.display(), found.len())
            }
            Ok(_) => {
                return Err(Error::new(format!("{} is empty", page.display()), "see the run's lines above"));
            }
            Err(error) => return Err(Error::on("the run ended well, but reading", &page, &error)),
        }
        Ok(())
    }

    /// A question about the run.
    fn ask(&self, words: &[&str]) -> Result<(), Error> {
        self.show(self.workspace.command(&self.binary).args(words))
    }

    /// Shows the command, so that it can be repeated by hand, and runs it on the demo's state.
    fn show(&self, command: &mut Command) -> Result<(), Error> {
        command.arg("--state").arg(&self.state);
        eprintln!("$ {}", workspace::line(command));
        must(command, "see the host's message above")
    }
}

/// An empty folder of the demo's own, so that the run is always the first one.
fn fresh(workspace: &Workspace, name: &str) -> Result<PathBuf, Error> {
    let folder = workspace.target("demo").join(name);
    remove(&folder).map_err(|error| Error::on("emptying", &folder, &error))?;
    fs::create_dir_all(&folder).map_err(|error| Error::on("making", &folder, &error))?;
    Ok(folder)
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
