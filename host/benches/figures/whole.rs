//! Whole processes: `aos-host run` of a small agent, beside a program that only loads and runs the same component.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::bare::Bare;
use crate::table::{Samples, Table};
use crate::{Result, guest, scratch};

const RUNS: usize = 40;

pub(crate) fn figures(table: &mut Table) -> Result<()> {
    let dir = scratch("whole")?;
    let component = guest("load")?;
    let code = dir.join("bare-cache");
    let host = host()?;
    let mut bare = Vec::new();
    let mut cached = Vec::new();
    let mut uncached = Vec::new();
    for run in 0..=RUNS {
        let mut peer = Command::new(std::env::current_exe()?);
        let took = timed(peer.arg("hello-bare").arg(&component).arg(&code))?;
        let hello = |state: &Path, cache: &Path| {
            let mut command = Command::new(&host);
            command.arg("run").arg("--state").arg(state).arg(&component).arg("first 0");
            command.env("XDG_CACHE_HOME", cache).env("XDG_CONFIG_HOME", dir.join("config"));
            command
        };
        let warm = timed(&mut hello(&dir.join("state"), &dir.join("cache")))?;
        // The first round fills the cache and the page cache.
        if run > 0 {
            bare.push(took);
            cached.push(warm);
            uncached.push(timed(&mut hello(
                &dir.join(format!("state-{run}")),
                &dir.join(format!("cache-{run}")),
            ))?);
        }
    }
    let bare = Samples::new(bare).percentile(50);
    table.row("whole process, code cached", "ms", &Samples::new(cached), Some(bare));
    table.row("whole process, compiled, new state", "ms", &Samples::new(uncached), Some(bare));
    match syncs(&host, &dir, &component) {
        Some((warm, cold)) => {
            table.note(&format!("fsyncs: {warm} with the code cached, {cold} compiled and with a new state"))
        }
        None => table.note("fsyncs: not counted, strace is not installed"),
    }
    table.note("bare: a process that loads the same compiled code and runs it");
    Ok(())
}

/// The host's program, built in release beside this one.
fn host() -> Result<PathBuf> {
    let path = std::env::current_exe()?.ancestors().nth(2).ok_or("no target directory")?.join("aos-host");
    if path.exists() {
        Ok(path)
    } else {
        Err(format!("{} is missing: run `cargo xtask bench`", path.display()).into())
    }
}

/// Milliseconds of a whole process.
fn timed(command: &mut Command) -> Result<f64> {
    let start = Instant::now();
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// Calls of fsync and fdatasync, cached and not, where strace can count them.
fn syncs(host: &Path, dir: &Path, component: &Path) -> Option<(usize, usize)> {
    let count = |state: &str, cache: &str| {
        let trace = dir.join("trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-e", "trace=fsync,fdatasync", "-o"]).arg(&trace).arg(host);
        command.arg("run").arg("--state").arg(dir.join(state)).arg(component).arg("first 0");
        command.env("XDG_CACHE_HOME", dir.join(cache)).env("XDG_CONFIG_HOME", dir.join("config"));
        command.output().ok().filter(|output| output.status.success())?;
        let text = std::fs::read_to_string(trace).ok()?;
        Some(text.lines().filter(|line| line.contains("sync(")).count())
    };
    Some((count("state", "cache")?, count("state-traced", "cache-traced")?))
}

/// The peer's side: load, instantiate, run, print.
pub(crate) fn bare(component: &Path, cache: &Path) -> Result<()> {
    let bare = Bare::new(component, cache, 1)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(bare.run("first 0"))?;
    println!("0");
    Ok(())
}
