//! Many agents that exchange messages for a while, in a process of its own: what a round trip takes among so many, and whether
//! memory stays flat.

use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

use aos_host::host::{Dirs, HostError};
use aos_host::journal::{Reader, StoreError};
use aos_host::kernel::call::{Call, Pid};
use aos_host::kernel::entry::{Entry, Event};

use crate::idle::held;
use crate::ours::Ours;
use crate::table::{Samples, Table};
use crate::{Result, scratch};

/// Agents, in pairs.
const AGENTS: u64 = 1_000;
/// Seconds that they exchange messages.
const SECONDS: u64 = 60;
/// When memory is looked at for the first time: seconds. By then the queue of the writer has been full.
const EARLY: u64 = 20;
/// Entries at the end of the log whose times are looked at.
const LOOKED_AT: u64 = 2_000_000;

pub(crate) fn figures(table: &mut Table) -> Result<()> {
    let output = Command::new(std::env::current_exe()?).arg("exchange").output()?;
    if !output.status.success() {
        return Err(format!("exchange: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let numbers: Vec<f64> = String::from_utf8(output.stdout)?
        .split_whitespace()
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()?;
    let [early, late, each, rest @ ..] = &numbers[..] else { return Err("exchange said too little".into()) };
    let name = format!("{AGENTS} agents exchange messages, {SECONDS} s");
    table.row(&format!("{name}: a round trip"), "µs", &Samples::new(vec![*each]), None);
    table.row("  one agent's, as its entries have it", "ms", &Samples::new(rest.to_vec()), None);
    table.row("  memory at its end; bare: early on", "MiB", &Samples::new(vec![*late]), Some(*early));
    table.note("entries have the time of the system's last tick, 1 to 10 ms ago");
    Ok(())
}

/// Prints memory early on and at the end, microseconds for a round trip of all together, and what single ones took, in ms.
pub(crate) fn ours() -> Result<()> {
    let ours = Ours::new("exchange", AGENTS)?;
    let (host, prepared) = ours.open(&format!("mesh {AGENTS}"))?;
    let (early, late) = host.runtime().block_on(async {
        let _ends_with_the_process = host.run(prepared).await?;
        tokio::time::sleep(Duration::from_secs(EARLY)).await;
        let early = held();
        tokio::time::sleep(Duration::from_secs(SECONDS - EARLY)).await;
        Ok::<_, HostError>((early, held()))
    })?;
    let (trips, times) = looked_at(ours.dirs())?;
    println!("{} {} {}", early? / 1024.0, late? / 1024.0, 1e6 / trips);
    times.iter().for_each(|time| println!("{time}"));
    // Its log is large.
    std::fs::remove_dir_all(scratch("exchange")?)?;
    std::process::exit(0);
}

/// Round trips in a second, and what each took by its sender's entries, in ms, at the end of the log.
fn looked_at(dirs: &Dirs) -> Result<(f64, Vec<f64>)> {
    let reader = Reader::open(&dirs.state)?;
    let (size, _) = reader.head()?;
    let mut sent: HashMap<Pid, u64> = HashMap::new();
    let mut times = Vec::new();
    let mut span: Option<(u64, u64)> = None;
    reader.lines(size.saturating_sub(LOOKED_AT) + 1, size, |_, line| {
        // What is written is read again as it was; a line that is not would end the sample, not the measurement.
        let Ok(Entry { t, pid, event, .. }) = Entry::parse(line) else { return Ok(()) };
        span = Some((span.map_or(t, |(first, _)| first), t));
        let sends = matches!(event, Event::Call { call: Call::Send { .. }, out: Ok(_), .. });
        // The even ones of a pair begin each round trip.
        if sends
            && pid % 2 == 0
            && let Some(before) = sent.insert(pid, t)
        {
            times.push((t - before) as f64);
        }
        Ok::<(), StoreError>(())
    })?;
    let (first, last) = span.ok_or("no entries")?;
    Ok((times.len() as f64 * 1e3 / (last - first).max(1) as f64, times))
}
