//! A long log, made by the host's own writer: what it costs to go on with it, to prove an entry, to verify it. The figures are
//! printed beside their limits; only gross bounds are asserted, because the machine may be busy.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use aos_host::host::HostKey;
use aos_host::journal::{Body, Item, Journal, Store};
use aos_host::kernel::entry::Entry;
use audit::{leaf_hash, node_hash, proof};
use serde_json::json;

use crate::support::{Place, Started, guest};

/// Entries in a test run; AOS_SOAK=1 makes ten million of it.
const ENTRIES: u64 = 100_000;
const MANY: u64 = 10_000_000;
/// Entries whose time is taken together, at the beginning and at the end.
const PART: u64 = 10_000;
/// Memory that verifying takes at most, whatever the log's length: KiB.
const MEMORY_KIB: u64 = 128 << 10;

/// What such a log may cost at most, on a machine that is busy with other tests.
const OPENING: Duration = Duration::from_secs(10);
const PROVING: Duration = Duration::from_millis(500);
const SLOWER: u32 = 20;

/// More and more of the same call, as entries that the kernel's fold accepts.
struct Writing {
    journal: Journal<Entry>,
    runtime: tokio::runtime::Runtime,
    seq: u64,
    call: Entry,
}

impl Writing {
    /// Goes on with a run that was cut off.
    fn on(place: &Place) -> Writing {
        let state = place.path("state");
        let store = Store::open(&state).unwrap();
        let (seq, _) = store.head().unwrap();
        let call = Entry::parse(&store.newest().unwrap().unwrap().0).unwrap();
        let journal = Journal::start(store, key(place, &state)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Writing { journal, runtime, seq, call }
    }

    /// Appends so many entries, and waits until they are on disk; answers how long one took.
    fn append(&mut self, count: u64) -> Duration {
        let since = Instant::now();
        let (journal, last) = (&self.journal, self.seq + count);
        self.runtime.block_on(async {
            for seq in self.seq + 1..=last {
                journal.room().await.unwrap();
                journal.append(Item { line: Entry { seq, ..self.call.clone() }, body: None::<Body> });
            }
            journal.until_durable(last).await.unwrap();
        });
        self.seq = last;
        since.elapsed() / u32::try_from(count).unwrap()
    }
}

fn key(place: &Place, state: &Path) -> audit::SignerKey {
    let reader = aos_host::journal::Reader::open(state).unwrap();
    let origin = reader.store().origin().unwrap().unwrap();
    HostKey::own(&place.path("config/aos-host")).unwrap().of_log(&origin).unwrap()
}

/// A log that ends with a call that changes nothing, so that it may follow itself: its process computes on until it is killed.
fn begun() -> Place {
    let place = Place::new();
    let (probe, script) = (guest("probe"), json!([{"op": "restored"}, {"op": "spin"}]).to_string());
    let words = [
        "run",
        probe.to_str().unwrap(),
        &script,
        "--budget",
        "calls=unlimited",
        "--budget",
        "fuel=unlimited",
    ];
    let running = place.start(&words, b"");
    let since = Instant::now();
    let calls = |place: &Place| {
        let exported = place.aos(&["audit", "export"]).stdout;
        exported.lines().last().is_some_and(|line| line.contains("\"restored\""))
    };
    while !calls(&place) {
        assert!(since.elapsed() < Duration::from_secs(30), "the run does not call");
    }
    running.kill();
    place
}

#[test]
fn a_long_log_costs_what_a_short_one_does() {
    let entries = if std::env::var_os("AOS_SOAK").is_some() { MANY } else { ENTRIES };
    let place = begun();
    let mut writing = Writing::on(&place);
    writing.append(PART);
    let early = writing.append(PART);
    writing.append(entries - 3 * PART);
    let late = writing.append(PART);
    writing.journal.close();
    println!("{entries} entries: one costs {early:?} after {PART}, {late:?} at the end");
    assert!(late < early * SLOWER, "{late:?} an entry at the end, {early:?} at the beginning");

    let state = place.path("state");
    let since = Instant::now();
    let store = Store::open(&state).unwrap();
    Journal::<Entry>::start(store, key(&place, &state)).unwrap().close();
    let opening = since.elapsed();
    println!("{entries} entries: opened in {opening:?} (to be under 1 s)");
    assert!(opening < OPENING, "{opening:?}");

    prove(&state, entries);
    verify(&place, entries);
}

/// Proofs of entries all over the log.
fn prove(state: &Path, entries: u64) {
    let reader = aos_host::journal::Reader::open(state).unwrap();
    let store = reader.store();
    let (size, root) = store.head().unwrap();
    let mut longest = Duration::ZERO;
    for at in 0..100 {
        let index = entries / 100 * at;
        let since = Instant::now();
        let hashes = proof::inclusion(store, index, size).unwrap().unwrap();
        longest = longest.max(since.elapsed());
        let mut leaf = None;
        let lines = reader.lines(index + 1, index + 1, |_, line| {
            leaf = Some(leaf_hash(line));
            Ok::<_, aos_host::journal::StoreError>(())
        });
        lines.unwrap();
        proof::verify_inclusion(&leaf.unwrap(), index, size, &hashes, &root).unwrap();
    }
    println!("{entries} entries: a proof takes {longest:?} at most (to be under 5 ms)");
    assert!(longest < PROVING, "{longest:?}");
}

/// The tree alone, beside its hashes; and the whole command, with its memory.
fn verify(place: &Place, entries: u64) {
    let reader = aos_host::journal::Reader::open(&place.path("state")).unwrap();
    let rate = |since: Instant| entries as f64 / since.elapsed().as_secs_f64() / 1e6;
    let since = Instant::now();
    reader.verify(|_, _, _| Ok(1)).unwrap();
    let tree = rate(since);
    let line = vec![b' '; 128];
    let since = Instant::now();
    for _ in 0..entries {
        black_box(leaf_hash(black_box(&line)));
        black_box(node_hash(&[1; 32], &[2; 32]));
    }
    let bare = rate(since);
    println!("{entries} entries: {tree:.2} M leaves/s against tree and tiles, {bare:.2} M/s hashed alone");
    let since = Instant::now();
    let (ran, peak) = Started::new(place.command(&["audit", "verify"]), b"").peaked();
    ran.expect(0).answers("audit ok");
    let whole = rate(since);
    let size = fs::metadata(place.path("state/log.db")).unwrap().len();
    println!(
        "{entries} entries: audit verify, with what they mean, {whole:.2} M/s and {peak} KiB; {} bytes each",
        size / entries
    );
    assert!(peak < MEMORY_KIB, "audit verify took {peak} KiB");
}
