//! What must be installed, checked before minutes are spent on building.

use std::process::{Command, Stdio};

use crate::error::Error;
use crate::workspace::{Workspace, must};

const TARGET: &str = "wasm32-wasip2";

/// Checks what building needs: a C compiler and the guests' target, which it adds when it is absent (it is added by
/// name because `RUSTUP_AUTO_INSTALL=0` keeps rustup from doing so by itself).
pub fn build(workspace: &Workspace) -> Result<(), Error> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    // CC may hold a command with arguments; the first word is the program.
    let program = compiler.split_whitespace().next().unwrap_or("cc");
    answers(program, "--version").map_err(|found| {
        Error::new(
            format!("there is no C compiler ({program}: {found}), which SQLite needs"),
            "install one (Debian, Ubuntu: apt-get install gcc), or set CC",
        )
    })?;
    target(workspace)
}

/// Checks what the tests need besides: Python and Node check formats with code that is not ours.
pub fn test(workspace: &Workspace) -> Result<(), Error> {
    for (program, package, why) in [
        ("python3", "python3", "checks the log's hashes with code that is not ours"),
        ("node", "nodejs", "checks what JavaScript guests see"),
    ] {
        answers(program, "--version").map_err(|found| {
            Error::new(
                format!("{program} is missing ({found}); it {why}"),
                format!(
                    "install it (Debian, Ubuntu: apt-get install {package}) so that {program} is on PATH"
                ),
            )
        })?;
    }
    build(workspace)
}

fn target(workspace: &Workspace) -> Result<(), Error> {
    if installed(workspace)? {
        return Ok(());
    }
    answers("rustup", "--version").map_err(|found| {
        Error::new(
            format!("this Rust has no standard library for {TARGET}, and rustup cannot add it ({found})"),
            format!("install rustup (https://rustup.rs), or your distribution's Rust package for {TARGET}"),
        )
    })?;
    eprintln!("      adding the guests' target: rustup target add {TARGET}");
    let mut add = workspace.command("rustup");
    must(
        add.args(["target", "add", TARGET]),
        &format!("connect to the network and run `rustup target add {TARGET}`"),
    )
}

fn installed(workspace: &Workspace) -> Result<bool, Error> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output =
        workspace.command(rustc).args(["--print", "target-libdir", "--target", TARGET]).output().map_err(
            |error| Error::new(format!("rustc did not start: {error}"), "install Rust: https://rustup.rs"),
        )?;
    if !output.status.success() {
        return Err(Error::new(
            format!("this rustc does not know {TARGET}: {}", String::from_utf8_lossy(&output.stderr).trim()),
            "update Rust: rustup update",
        ));
    }
    let libraries = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(std::fs::read_dir(libraries).is_ok_and(|mut files| files.next().is_some()))
}

/// Whether a program starts and ends well; otherwise what happened.
fn answers(program: &str, question: &str) -> Result<(), String> {
    let status = Command::new(program)
        .arg(question)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("`{program} {question}` ended with {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_told_from_a_broken_one() {
        assert!(answers("cargo", "--version").is_ok());
        assert!(!answers("no-such-program-anywhere", "--version").unwrap_err().contains("ended with"));
        assert!(answers("false", "--version").unwrap_err().contains("ended with"));
    }
}
