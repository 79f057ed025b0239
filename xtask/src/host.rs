//! The host's binary, built once in the dev profile (own code fast to compile, dependencies optimised), so that the
//! demo and the tests share one build of it.

use std::path::PathBuf;

use crate::error::Error;
use crate::step::Steps;
use crate::workspace::{Workspace, must};

/// Builds it, as one step, and answers its path.
pub fn build(workspace: &Workspace, steps: &mut Steps) -> Result<PathBuf, Error> {
    let binary = workspace.target("debug").join(format!("aos-host{}", std::env::consts::EXE_SUFFIX));
    let what = if binary.is_file() {
        "building the host, what has changed of it"
    } else {
        "building the host, once, about 4 minutes on 2 cores"
    };
    steps.run(what, || {
        must(workspace.cargo().args(["build", "--package", "aos-host"]), "see the compiler's message above")?;
        if binary.is_file() {
            return Ok(binary);
        }
        Err(Error::new(
            format!("cargo built the host, but not as {}", binary.display()),
            "unset build.target and build.target-dir in cargo's configuration; CARGO_TARGET_DIR is respected",
        ))
    })
}
