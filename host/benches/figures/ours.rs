//! The host: calls, messages, starts; each through the whole path, gate, fold and log.

use std::path::{Path, PathBuf};
use std::time::Instant;

use aos_host::host::{Dirs, Host, Options, Prepared, Request, prepare};
use bytes::Bytes;
use ledger::{MAX, Meter};

use crate::bare::Bare;
use crate::check;
use crate::table::{Samples, Table};
use crate::{Result, guest, scratch};

/// Repetitions of a figure that is a whole run.
const RUNS: usize = 15;
/// Calls in a burst that the writer's queue holds.
const BURST: u32 = 50_000;

const TEAM: &str = r#"
[package]
name = "bench"
version = "0.1.0"
component = "load.wasm"
[needs]
spawn = ["load", "idle"]
send = ["*"]
lease = ["*"]
[needs.delegate]
send = ["*"]
lease = ["*"]
[children.load]
component = "load.wasm"
[children.load.needs]
send = ["*"]
lease = ["*"]
[children.load.budget]
memory = "2MiB"
fuel = "1G"
[children.idle]
component = "idle.wasm"
[children.idle.budget]
memory = "2MiB"
fuel = "1G"
"#;

/// A host in a directory of its own.
pub(crate) struct Ours {
    dirs: Dirs,
    team: PathBuf,
    options: Options,
    budget: Vec<(Meter, u64)>,
}

impl Ours {
    pub(crate) fn new(name: &str, children: u64) -> Result<Ours> {
        let root = scratch(name)?;
        let team = root.join("team");
        std::fs::create_dir_all(&team)?;
        std::fs::write(team.join("agent.toml"), TEAM)?;
        for name in ["load", "idle"] {
            std::fs::copy(guest(name)?, team.join(format!("{name}.wasm")))?;
        }
        let dirs = Dirs { state: root.join("state"), config: root.join("config"), cache: root.join("cache") };
        let compiler = std::env::current_exe()?;
        let options = Options {
            check: false,
            log_limit: None,
            threads: None,
            compiler,
            lines: Default::default(),
            tell: |_| {},
        };
        let limits = [Meter::Fuel, Meter::Calls, Meter::BytesSent, Meter::BytesStored, Meter::WallTime];
        let mut budget: Vec<(Meter, u64)> = limits.map(|meter| (meter, MAX)).to_vec();
        budget.extend([(Meter::Children, children), (Meter::Memory, (64 << 20) + (children << 21))]);
        Ok(Ours { dirs, team, options, budget })
    }

    pub(crate) fn dirs(&self) -> &Dirs {
        &self.dirs
    }

    fn prepared(&self, input: &str) -> Result<Prepared> {
        let (target, input) = (self.team.clone(), Bytes::copy_from_slice(input.as_bytes()));
        let request = Request { target, input, budget: self.budget.clone(), ..Request::default() };
        Ok(prepare(&self.dirs, &self.options, request)?)
    }

    /// A host and the team that it is to run.
    pub(crate) fn open(&self, input: &str) -> Result<(Host, Prepared)> {
        Ok((Host::open(&self.dirs, &self.options)?, self.prepared(input)?))
    }

    /// Runs the team; microseconds from the run's opening to its root's end, and to its last entry on disk.
    pub(crate) fn run(&self, input: &str) -> Result<(f64, f64)> {
        let (host, prepared) = self.open(input)?;
        let times = host.runtime().block_on(async {
            let start = Instant::now();
            let running = host.run(prepared).await?;
            let root = aos_host::kernel::call::Key { run: running.run, pid: 1 };
            host.kernel().ended(root).await?;
            let ended = start.elapsed();
            host.ended(running).await?;
            Ok::<_, aos_host::host::HostError>((
                ended.as_secs_f64() * 1e6,
                start.elapsed().as_secs_f64() * 1e6,
            ))
        })?;
        host.close();
        self.returned()?;
        Ok(times)
    }

    /// A run that failed measures nothing.
    fn returned(&self) -> Result<()> {
        let reader = aos_host::journal::Reader::open(&self.dirs.state)?;
        let (size, _) = reader.head()?;
        let mut exit = String::new();
        reader.lines(size - 1, size - 1, |_, line| {
            exit = String::from_utf8_lossy(line).into_owned();
            Ok::<(), aos_host::journal::StoreError>(())
        })?;
        if exit.contains(r#""event":{"exit":"returned"}"#) {
            Ok(())
        } else {
            Err(format!("the run failed: {exit}").into())
        }
    }

    /// Microseconds of one of `count` things that `verb` does: runs with them, less the median run without.
    fn each(&self, verb: &str, count: u32) -> Result<Samples> {
        let empty: Vec<f64> = (0..5).map(|_| Ok(self.run(&format!("{verb} 0"))?.0)).collect::<Result<_>>()?;
        let base = Samples::new(empty).percentile(50);
        let input = format!("{verb} {count}");
        let runs =
            (0..RUNS).map(|_| Ok((self.run(&input)?.0 - base) / f64::from(count))).collect::<Result<_>>()?;
        Ok(Samples::new(runs))
    }
}

/// As [`Ours::each`], without a host.
fn bare_each(bare: &Bare, verb: &str, count: u32) -> Result<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let (full, empty) = runtime.block_on(async {
            Ok::<_, Box<dyn std::error::Error>>((
                bare.run(&format!("{verb} {count}")).await?,
                bare.run(&format!("{verb} 0")).await?,
            ))
        })?;
        times.push((full - empty) / f64::from(count));
    }
    Ok(Samples::new(times).percentile(50))
}

pub(crate) fn calls(table: &mut Table) -> Result<()> {
    let ours = Ours::new("calls", 64)?;
    let bare = Bare::new(&guest("load")?, &scratch("bare-cache")?.join("code"), 8)?;
    let null = bare_each(&bare, "null", BURST)?;
    let call = ours.each("null", BURST)?;
    table.row("null call, burst within the queue", "µs", &call, Some(null));
    check::figures(table, call.percentile(50))?;
    let send = bare_send(&guest("load")?)?;
    table.row("64-byte send, burst within the queue", "µs", &ours.each("send", BURST)?, Some(send));
    table.row("null call, sustained", "µs", &ours.each("null", 1_000_000)?, Some(null));
    table.row("64-byte round trip, two agents, burst", "µs", &ours.each("round", 10_000)?, Some(2.0 * send));
    table.note("bare of a round trip: two bare sends, without a mailbox or a switch between agents");
    Ok(())
}

/// A bare send: the guest's `send` verb needs leases and children, so it is asked for nothing else.
fn bare_send(path: &Path) -> Result<f64> {
    bare_each(&Bare::new(path, &scratch("bare-cache")?.join("code"), 8)?, "emit", BURST)
}

pub(crate) fn starts(table: &mut Table) -> Result<()> {
    let bare = Bare::new(&guest("load")?, &scratch("bare-cache")?.join("code"), 1_024)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (fresh, reused, first) = runtime.block_on(async {
        let mut kept = Vec::new();
        let mut fresh = Vec::new();
        for _ in 0..1_000 {
            let start = Instant::now();
            kept.push(bare.keep().await?);
            fresh.push(start.elapsed().as_secs_f64() * 1e6);
        }
        drop(kept);
        let mut reused = Vec::new();
        let mut first = Vec::new();
        for _ in 0..2_000 {
            reused.push(bare.instantiate().await?);
            first.push(bare.run("first 0").await?);
        }
        Ok::<_, Box<dyn std::error::Error>>((Samples::new(fresh), Samples::new(reused), Samples::new(first)))
    })?;
    table.row("bare instantiation, fresh slot", "µs", &fresh, None);
    table.row("bare instantiation, reused slot", "µs", &reused, None);
    let ours = Ours::new("starts", 2_100)?;
    let spawned = ours.each("spawn", 2_000)?;
    table.row("spawn, first call, exit, wait", "µs", &spawned, Some(reused.percentile(50)));
    table.note(&format!("bare with the call and the answer: {:.1} µs", first.percentile(50)));
    Ok(())
}
