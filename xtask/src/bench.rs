//! `cargo xtask bench`: the figures, in release, each beside the limit measured in the same run.

use std::process::ExitCode;

use crate::error::Error;
use crate::step::Steps;
use crate::workspace::{self, Workspace};
use crate::{guests, setup};

/// Runs the harness; standard output is its own (with `--json`, JSON only; with `--scheduling`, another harness).
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Error> {
    let mut steps = Steps::new(3);
    steps.run("checking the tools", || setup::build(workspace))?;
    guests::build(workspace, &mut steps)?;
    let mut cargo = workspace.cargo();
    cargo.args(["bench", "--package", "aos-host", "--bench", "figures", "--"]).args(arguments);
    cargo.env("AOS_GUESTS", guests::directory(workspace));
    steps.announce("measuring; the host is built in release first, once, about 4 minutes on 2 cores");
    workspace::finish(&mut cargo)
}
