//! `grant suggest` on a long run: its memory and its time are bounded, whatever names the agent made up.

use serde_json::Value;

use crate::support::{Place, Started, guest};

/// Memory that a suggestion may take at most, whatever the run's length: KiB.
const MEMORY_KIB: u64 = 128 << 10;
/// Events in a test run, an entry each; AOS_SOAK=1 makes a million of it.
const EVENTS: u64 = 100_000;
const MANY_EVENTS: u64 = 1_000_000;

#[test]
fn a_suggestion_for_a_long_run_takes_bounded_memory() {
    let events = if std::env::var_os("AOS_SOAK").is_some() { MANY_EVENTS } else { EVENTS };
    let place = Place::new();
    let load = guest("load");
    let mut words = vec!["run", load.to_str().unwrap(), "--quiet", "--input", "-", "--allow", "publish=t.*"];
    for budget in ["calls=unlimited", "bytes-sent=unlimited", "bytes-stored=unlimited", "fuel=unlimited"] {
        words.extend(["--budget", budget]);
    }
    // A state of its own for every entry is what other tests pay for.
    let mut command = place.command(&words);
    command.env_remove("AOS_SELF_CHECK");
    Started::new(command, format!("topics {events}").as_bytes()).wait().expect(0);
    let (ran, peak) = Started::new(place.command(&["grant", "suggest", "--json"]), b"").peaked();
    let line: Value = serde_json::from_str(ran.expect(0).stdout.trim()).unwrap();
    println!("{events} names: grant suggest took {peak} KiB");
    assert!(peak > 0 && peak < MEMORY_KIB, "grant suggest took {peak} KiB for {events} names");
    // More names than a process can hold rights: the one that covers them.
    assert_eq!(line["flags"], serde_json::json!(["--allow 'publish=t.*'"]));
    place.file("least.toml", line["toml"].as_str().unwrap());
    place
        .aos(&["grant", "try", "least.toml", "r1"])
        .expect(0)
        .says("r1: 0 of")
        .says(" calls would have been refused");
}
