//! `cargo xtask soak`: the tests that sample a campaign run the whole of it.

use std::process::ExitCode;

use crate::error::Error;
use crate::step::Steps;
use crate::test::Built;
use crate::workspace::{self, Workspace};

/// Runs the tests package, and the verifier's and the host's own, with `AOS_SOAK=1`, which their campaigns read, and says what was run.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Error> {
    let mut steps = Steps::new(5);
    let mut cargo = Built::new(workspace, &mut steps)?.tests(workspace);
    cargo
        .args(["--package", "aos-tests", "--package", "audit", "--package", "aos-host"])
        .args(arguments)
        .env("AOS_SOAK", "1");
    let line = workspace::line(&cargo);
    steps.announce(&format!("whole campaigns: AOS_SOAK=1 {line}"));
    let code = workspace::finish(&mut cargo)?;
    eprintln!("ran: AOS_SOAK=1 {line}");
    Ok(code)
}
