//! The log: entries on disk per second, beside encoding, hashing and inserting alone.

use std::time::Instant;

use aos_host::journal::{Body, Item, Journal, Store};
use aos_host::kernel::entry::Entry;

use crate::ours::Ours;
use crate::table::{Samples, Table};
use crate::{Result, scratch};

/// Entries of one measurement.
const ENTRIES: u64 = 1_000_000;
/// Repetitions.
const RUNS: usize = 5;

pub(crate) fn entries(table: &mut Table) -> Result<()> {
    let bare = Samples::new((0..RUNS).map(|_| bare()).collect::<Result<_>>()?);
    let ours = Ours::new("entries", 1)?;
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        let (_, durable) = ours.run(&format!("null {ENTRIES}"))?;
        rates.push(ENTRIES as f64 / durable);
    }
    table.row("durable entries, one guest calling", "M/s", &Samples::new(rates), Some(bare.percentile(50)));
    table.note("bare: the same lines through the writer alone (JSON, leaf hash, SQLite WAL FULL)");
    verify(table, &ours)
}

/// The writer alone, with the line of a null call.
fn bare() -> Result<f64> {
    let dir = scratch("writer")?;
    let line = br#"{"v":1,"seq":1,"t":1732142342123,"run":1,"pid":1,"fuel":4908,"event":{"call":{"call":"restored","out":{"Ok":"nothing"}}}}"#;
    let entry = Entry::parse(line)?;
    let store = Store::open(&dir)?;
    let key = audit::SignerKey::new(&store.origin()?.unwrap_or_default(), audit::Kind::Author, &[1; 32])?;
    let journal: Journal<Entry> = Journal::start(store, key)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let start = Instant::now();
    runtime.block_on(async {
        for seq in 1..=ENTRIES {
            journal.room().await?;
            journal.append(Item { line: Entry { seq, ..entry.clone() }, body: None::<Body> });
        }
        journal.until_durable(ENTRIES).await
    })?;
    let rate = ENTRIES as f64 / start.elapsed().as_secs_f64() / 1e6;
    journal.close();
    Ok(rate)
}

fn verify(table: &mut Table, ours: &Ours) -> Result<()> {
    let reader = aos_host::journal::Reader::open(&ours.dirs().state)?;
    let (size, _) = reader.head()?;
    let mut rates = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        reader.verify(|_, line, _| Ok(run_of(line)))?;
        rates.push(size as f64 / start.elapsed().as_secs_f64() / 1e6);
        let lines = vec![0x20u8; 128];
        let start = Instant::now();
        for _ in 0..size {
            std::hint::black_box(audit::leaf_hash(std::hint::black_box(&lines)));
            std::hint::black_box(audit::node_hash(&[1; 32], &[2; 32]));
        }
        bare.push(size as f64 / start.elapsed().as_secs_f64() / 1e6);
    }
    let bare = Samples::new(bare).percentile(50);
    table.row("verify: leaves against tiles and root", "M/s", &Samples::new(rates), Some(bare));
    table.note("bare: one leaf hash of 128 bytes and one node hash");
    Ok(())
}

/// The run of a line, without reading the rest.
fn run_of(line: &[u8]) -> u32 {
    let text = std::str::from_utf8(line).unwrap_or_default();
    let digits = text.split("\"run\":").nth(1).unwrap_or_default();
    digits.split(',').next().and_then(|run| run.parse().ok()).unwrap_or(0)
}
