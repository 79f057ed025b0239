//! Memory of agents that wait: (resident memory + page tables) / N, in a process of its own for each figure.

use std::process::Command;
use std::time::Duration;

use crate::bare::Bare;
use crate::ours::Ours;
use crate::table::{Samples, Table};
use crate::{Result, guest, scratch};

pub(crate) fn figures(table: &mut Table) -> Result<()> {
    for count in ["1000", "10000"] {
        let ours = measured("idle-ours", count)?;
        let bare = measured("idle-bare", count)?;
        let name = format!("idle agent, {count} at a time");
        table.row(&name, "KiB", &Samples::new(vec![ours]), Some(bare));
    }
    Ok(())
}

fn measured(verb: &str, count: &str) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?).args([verb, count]).output()?;
    if !output.status.success() {
        return Err(format!("{verb} {count}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Resident memory and page tables of this process, in KiB.
pub(crate) fn held() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).ok_or("not in /proc/self/status")?;
        let number = line.split_whitespace().nth(1).ok_or("no number")?;
        Ok::<f64, Box<dyn std::error::Error>>(number.parse()?)
    };
    Ok(field("VmRSS:")? + field("VmPTE:")?)
}

/// Bare instances of the same component, each in a call that waits.
pub(crate) fn bare(count: &str) -> Result<()> {
    let number: u32 = count.parse()?;
    let bare = std::sync::Arc::new(Bare::new(&guest("idle")?, &scratch("idle-cache")?.join("code"), number)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    let before = held()?;
    runtime.block_on(async {
        for _ in 0..number {
            let bare = bare.clone();
            tokio::spawn(async move { bare.run("").await.map_err(|e| e.to_string()) });
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    });
    println!("{}", (held()? - before) / f64::from(number));
    // Unwinding so many fibers is not what is measured.
    std::process::exit(0);
}

/// Agents of one run, each in `receive`.
pub(crate) fn ours(count: &str) -> Result<()> {
    let number: u64 = count.parse()?;
    let ours = Ours::new(&format!("idle-{count}"), number)?;
    let (host, prepared) = ours.open(&format!("crowd {count}"))?;
    let before = held()?;
    let waiting = host.runtime().block_on(async {
        let running = host.run(prepared).await?;
        // Each child has a first entry, a wait, and its parent's call before it.
        let expected = 3 * number;
        let mut seen = 0;
        while seen < expected {
            seen = host.durable_after(seen).await?;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, aos_host::host::HostError>(running)
    })?;
    println!("{}", (held()? - before) / number as f64);
    let _ends_with_the_process = waiting;
    std::process::exit(0);
}
