//! The figures, each beside the bare limit measured in the same run: `cargo xtask bench [--json]`;
//! and who comes first at a model: `cargo xtask bench --scheduling`.
//!
//! Bare means the same component on the same engine with host functions that do nothing, in this process and in this
//! run, so that the ratio does not depend on the machine.

mod bare;
mod check;
mod exchange;
mod idle;
mod log;
mod ours;
mod scheduling;
mod table;
mod whole;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use table::Table;

/// Any failure ends the run: a figure that could not be measured is not printed.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done =
        match words[..] {
            // This program is its own compiling child, its own measured process, and its own bare peer.
            ["compile-child", input, output] => {
                aos_host::sandbox::compile::child(Path::new(input), Path::new(output)).map_err(Into::into)
            }
            ["idle-bare", count] => idle::bare(count),
            ["idle-ours", count] => idle::ours(count),
            ["exchange"] => exchange::ours(),
            ["hello-bare", component, cache] => whole::bare(Path::new(component), Path::new(cache)),
            [] => measure(false),
            ["--json"] => measure(true),
            ["--scheduling", ref rest @ ..] => {
                scheduling::figures(rest.contains(&"--whole"), rest.contains(&"--json"))
            }
            _ => Err(format!("unknown arguments: {words:?}; --json, or --scheduling with --whole or --json")
                .into()),
        };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(json: bool) -> Result<()> {
    let mut table = Table::new(json);
    ours::calls(&mut table)?;
    ours::starts(&mut table)?;
    log::entries(&mut table)?;
    idle::figures(&mut table)?;
    exchange::figures(&mut table)?;
    whole::figures(&mut table)?;
    table.finish();
    Ok(())
}

/// A built guest.
pub(crate) fn guest(name: &str) -> Result<PathBuf> {
    let dir = std::env::var_os("AOS_GUESTS").ok_or("AOS_GUESTS is not set: run `cargo xtask bench`")?;
    let path = PathBuf::from(dir).join(format!("{name}.wasm"));
    if !path.exists() {
        return Err(format!("{} is missing: run `cargo xtask guests`", path.display()).into());
    }
    Ok(path)
}

/// A fresh directory for one measurement, on the disk that the checkout is on.
pub(crate) fn scratch(name: &str) -> Result<PathBuf> {
    let target = std::env::current_exe()?.ancestors().nth(3).ok_or("no target directory")?.to_owned();
    let dir = target.join("bench").join(format!("{name}-{}", std::process::id()));
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}
