//! What must be installed, checked before minutes are spent on building.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use crate::error::Error;
use crate::step::Steps;
use crate::workspace::{Workspace, must};

/// What guests are compiled for.
const TARGET: &str = "wasm32-wasip2";
/// What the page that verifies exports is compiled for.
pub const PAGE_TARGET: &str = "wasm32-unknown-unknown";

/// What the tests run beside Rust's own: the program, Debian's package, and what for.
const PROGRAMS: [(&str, &str, &str); 4] = [
    ("python3", "python3", "checks the log with code that is not ours"),
    ("node", "nodejs", "checks what JavaScript guests see"),
    ("chromium", "chromium", "opens the page that verifies exports"),
    ("chromedriver", "chromium-driver", "drives the browser"),
];

/// Packages of Python's that the tests use, with their versions.
const REQUIREMENTS: &str = "tests/requirements.txt";

/// The verb: installs what the tests need of the system's packages, where it may, and checks the rest.
pub fn run(workspace: &Workspace) -> Result<ExitCode, Error> {
    let mut steps = Steps::new(2);
    steps.run("installing the system's packages that are missing", || {
        let missing: Vec<&str> = PROGRAMS
            .iter()
            .filter(|(program, ..)| answers(program, "--version").is_err())
            .map(|(_, package, _)| *package)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let fix = format!("as root: apt-get install {}", missing.join(" "));
        let apt = |words: &[&str]| {
            must(workspace.command("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(words), &fix)
        };
        apt(&["update", "--quiet=2"])?;
        apt(&[&["install", "--quiet=2", "--yes", "--no-install-recommends"], missing.as_slice()].concat())
    })?;
    steps.run("checking the tools", || test(workspace))?;
    Ok(ExitCode::SUCCESS)
}

/// Checks what building needs: a C compiler and the targets, which it adds when they are absent (they are added by
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
    target(workspace, TARGET)?;
    target(workspace, PAGE_TARGET)
}

/// Checks what the tests need besides: programs that are not ours, and Python's packages, which it installs into the target
/// directory.
pub fn test(workspace: &Workspace) -> Result<(), Error> {
    for (program, package, why) in PROGRAMS {
        answers(program, "--version").map_err(|found| {
            Error::new(
                format!("{program} is missing ({found}); it {why}"),
                format!(
                    "`cargo xtask setup` installs it as root; or install it so that {program} is on PATH (Debian, \
                     Ubuntu: apt-get install {package})"
                ),
            )
        })?;
    }
    python(workspace)?;
    build(workspace)
}

/// Python with the tests' packages.
pub fn python_path(workspace: &Workspace) -> PathBuf {
    workspace.target("python/bin/python")
}

/// Makes it, unless it is there with the same packages.
fn python(workspace: &Workspace) -> Result<(), Error> {
    let wanted = workspace.root().join(REQUIREMENTS);
    let wanted = fs::read(&wanted).map_err(|error| Error::on("reading", &wanted, &error))?;
    let done = workspace.target("python/requirements.txt");
    let python = python_path(workspace);
    let works = python.to_str().is_some_and(|python| answers(python, "--version").is_ok());
    if works && fs::read(&done).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    eprintln!("      installing Python's packages of {REQUIREMENTS} into the target directory");
    let folder = workspace.target("python");
    must(
        workspace.command("python3").args(["-m", "venv", "--clear"]).arg(&folder),
        "install Python's venv (Debian, Ubuntu: apt-get install python3-venv)",
    )?;
    must(
        workspace
            .command(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--only-binary",
                ":all:",
            ])
            .args(["--requirement", REQUIREMENTS]),
        &format!("connect to the network; `{REQUIREMENTS}` says which packages are needed"),
    )?;
    fs::write(&done, wanted).map_err(|error| Error::on("writing", &done, &error))
}

/// Which compiler this is, as it says it.
pub fn compiler(workspace: &Workspace) -> Result<String, Error> {
    let output = rustc(workspace, &["--version"])?;
    Ok(output.trim().to_owned())
}

fn target(workspace: &Workspace, target: &str) -> Result<(), Error> {
    if installed(workspace, target)? {
        return Ok(());
    }
    answers("rustup", "--version").map_err(|found| {
        Error::new(
            format!("this Rust has no standard library for {target}, and rustup cannot add it ({found})"),
            format!("install rustup (https://rustup.rs), or your distribution's Rust package for {target}"),
        )
    })?;
    eprintln!("      adding a target: rustup target add {target}");
    let mut add = workspace.command("rustup");
    must(
        add.args(["target", "add", target]),
        &format!("connect to the network and run `rustup target add {target}`"),
    )
}

fn installed(workspace: &Workspace, target: &str) -> Result<bool, Error> {
    let libraries = rustc(workspace, &["--print", "target-libdir", "--target", target])?;
    Ok(fs::read_dir(libraries.trim()).is_ok_and(|mut files| files.next().is_some()))
}

fn rustc(workspace: &Workspace, words: &[&str]) -> Result<String, Error> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = workspace.command(rustc).args(words).output().map_err(|error| {
        Error::new(format!("rustc did not start: {error}"), "install Rust: https://rustup.rs")
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(
            format!("`rustc {}` failed: {}", words.join(" "), said.trim()),
            "update Rust: rustup update",
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
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
