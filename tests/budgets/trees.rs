//! Random trees of processes with random budgets, many at a time, on hosts that are killed. Afterwards each tree is counted again
//! from its entries alone: nobody spent more than it was granted, nobody moved more than it had, and what the kernel billed is what
//! was spent. AOS_SOAK=1 grows 1,000 trees.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Entry, Place};
use crate::terminal::owner::{Owner, until, whole};

/// Trees at a time.
const AT_ONCE: usize = 8;
/// What is counted again: the meters whose costs an entry says by itself.
const METERS: [&str; 3] = ["bytes-sent", "children", "fuel"];

/// Numbers that are the same each time (Knuth's MMIX generator).
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Two members that may spawn each other, and themselves.
fn manifest() -> String {
    let member = |label: &str| {
        format!(
            "[children.{label}]\ncomponent = \"probe.wasm\"\n[children.{label}.needs]\nspawn = [\"*\"]\npublish = [\"t\"]\n\
             [children.{label}.needs.delegate]\nspawn = [\"*\"]\npublish = [\"t\"]\n"
        )
    };
    format!(
        "[package]\nname = \"tree\"\nversion = \"1.0.0\"\ncomponent = \"probe.wasm\"\n[needs]\nspawn = [\"*\"]\n\
         publish = [\"t\"]\n[needs.delegate]\nspawn = [\"*\"]\npublish = [\"t\"]\n{}{}",
        member("a"),
        member("b")
    )
}

/// A script: some work, and children with parts of a budget, of which not all can be had.
fn script(chance: &mut Chance, depth: u32, budget: (u64, u64)) -> Value {
    let (bytes, children) = budget;
    let mut steps = Vec::new();
    let body = |n: u64| json!({"op": "publish", "topic": "t", "body": "x".repeat(n as usize)});
    for child in 0..chance.below(if depth == 0 { 1 } else { 4 }) {
        // What a child is told is paid for too.
        steps.push(body(chance.below(400)));
        // Now and then more than there is.
        let part = (chance.below(bytes / 2 + 500), chance.below(children / 2 + 2));
        let name = format!("c{depth}-{child}-{}", chance.below(1_000_000));
        let label = if chance.below(2) == 0 { "a" } else { "b" };
        let input = script(chance, depth - 1, part);
        let level = 1 + u64::from(depth);
        let budget = json!({
            "bytes-sent": part.0, "children": part.1, "fuel": 30_000_000 * level + chance.below(5_000_000),
            "memory": 2_500_000 * level, "calls": 500 * level,
        });
        let spawn = json!({
            "op": "spawn", "component": label, "name": name, "as": name, "input": input, "budget": budget,
        });
        let then = match chance.below(5) {
            0 => json!({"op": "signal", "on": name, "signal": "kill"}),
            1 => json!({"op": "sleep", "ms": chance.below(20)}),
            _ => json!({"op": "wait", "on": name}),
        };
        // Nothing is done with a child that could not be had.
        steps.push(json!({"op": "repeat", "n": 1, "until_err": true, "steps": [spawn, then]}));
    }
    steps.push(
        json!({"op": "repeat", "n": chance.below(8), "until_err": true, "steps": [body(chance.below(120))]}),
    );
    if chance.below(6) == 0 {
        steps.push(json!({"op": "spin"}));
    }
    Value::Array(steps)
}

/// What one process was granted, spent, and moved to children that live.
#[derive(Default)]
struct Account {
    parent: Option<u64>,
    granted: BTreeMap<String, u64>,
    own: BTreeMap<String, u64>,
    ended: BTreeMap<String, u64>,
    moved: BTreeMap<String, u64>,
}

impl Account {
    fn check(&self, pid: u64, run: u64) {
        for meter in METERS {
            let of = |map: &BTreeMap<String, u64>| map.get(meter).copied().unwrap_or(0);
            let gone = of(&self.own) + of(&self.ended) + of(&self.moved);
            let granted = self.granted.get(meter).copied().unwrap_or(u64::MAX);
            assert!(gone <= granted, "r{run}/{pid}: {gone} of {granted} {meter}");
        }
    }
}

/// Counts a run again from its entries.
fn count(run: u64, entries: &[&Entry]) {
    let mut all: BTreeMap<u64, Account> = BTreeMap::new();
    for entry in entries {
        let (pid, event) = (entry.pid(), entry.event());
        if entry.kind() == "start" {
            let granted: BTreeMap<String, u64> = serde_json::from_value(event["budget"].clone()).unwrap();
            let parent = event["parent"].as_u64();
            if let Some(parent) = parent {
                let above = all.get_mut(&parent).unwrap();
                for meter in METERS {
                    let moved = granted.get(meter).copied().unwrap_or(0);
                    *above.moved.entry(meter.to_owned()).or_default() += moved;
                }
                above.check(parent, run);
            }
            all.insert(pid, Account { parent, granted, ..Account::default() });
        }
        let Some(me) = all.get_mut(&pid) else { continue };
        // Fuel is a total that each entry says.
        let fuel = entry.fuel().max(me.own.get("fuel").copied().unwrap_or(0));
        me.own.insert("fuel".to_owned(), fuel);
        let ok = entry.kind() == "call" && entry.out().get("Ok").is_some();
        if ok && ["publish", "spawn"].contains(&entry.verb()) {
            *me.own.entry("bytes-sent".to_owned()).or_default() += entry.body()["size"].as_u64().unwrap_or(0);
        }
        if ok && entry.verb() == "spawn" {
            *me.own.entry("children".to_owned()).or_default() += 1;
        }
        me.check(pid, run);
        if entry.kind() == "exit" {
            let me = &all[&pid];
            let spent = |meter: &str| {
                me.own.get(meter).copied().unwrap_or(0) + me.ended.get(meter).copied().unwrap_or(0)
            };
            let spent =
                METERS.map(|meter| (meter, spent(meter), me.granted.get(meter).copied().unwrap_or(0)));
            if let Some(above) = me.parent {
                let above = all.get_mut(&above).unwrap();
                for (meter, spent, granted) in spent {
                    *above.moved.entry(meter.to_owned()).or_default() -= granted;
                    *above.ended.entry(meter.to_owned()).or_default() += spent;
                }
            } else {
                let bill = entries.iter().find(|entry| entry.kind() == "bill").unwrap().event();
                for (meter, spent, _) in spent {
                    assert_eq!(
                        bill["used"][meter].as_u64().unwrap_or(0),
                        spent,
                        "r{run}: {meter} of the whole tree"
                    );
                }
            }
        }
    }
    assert!(all.contains_key(&1), "r{run} has a root");
}

#[test]
fn no_tree_spends_more_than_it_was_granted() {
    let soak = std::env::var_os("AOS_SOAK").is_some();
    let trees: usize = if soak { 1_000 } else { 16 };
    let mut chance = Chance(1);
    let (mut kills, mut processes, mut grown) = (0, 0, 0);
    while grown < trees {
        let place = Place::new();
        // Caps that nobody reaches: with them, each run is billed.
        place.file("config/aos-host/caps.toml", "[caps]\ncalls = \"1T/d\"\n");
        let team = place.team(&manifest());
        let mut owner = Owner::of(place, &["up"]);
        let many = AT_ONCE.min(trees - grown);
        let mut runs = Vec::new();
        for _ in 0..many {
            let (bytes, children) = (5_000 + chance.below(60_000), 2 + chance.below(12));
            let input = script(&mut chance, 3, (bytes, children)).to_string();
            let budgets = [format!("bytes-sent={bytes}"), format!("children={children}")];
            let words = [
                "run",
                team.to_str().unwrap(),
                "--input",
                "-",
                "--quiet",
                "--budget",
                &budgets[0],
                "--budget",
                &budgets[1],
                "--budget",
                "fuel=1G",
                "--budget",
                "calls=20k",
            ];
            runs.push(owner.place.start(&words, input.as_bytes()));
        }
        for _ in 0..1 + chance.below(2) {
            std::thread::sleep(Duration::from_millis(10 + chance.below(120)));
            owner.kill();
            kills += 1;
            owner = Owner::of(std::mem::replace(&mut owner.place, Place::new()), &["up"]);
        }
        for run in runs {
            // Of a host that was killed, or of a run that failed: both may be.
            let _ran = run.wait();
        }
        until(|| owner.shown("process").is_empty());
        let (place, _) = owner.down();
        let entries = place.entries(None);
        let numbers: std::collections::BTreeSet<u64> = entries.iter().map(Entry::run).collect();
        for run in numbers {
            let own: Vec<&Entry> = entries.iter().filter(|entry| entry.run() == run).collect();
            // A host may be killed before a root is born.
            if !own.iter().any(|entry| entry.kind() == "start") {
                continue;
            }
            processes += own.iter().filter(|entry| entry.kind() == "start").count();
            count(run, &own);
            whole(&place, &format!("r{run}"));
        }
        grown += many;
    }
    println!("{grown} trees, {processes} processes, {kills} kills, 0 over");
    assert!(processes > 2 * grown, "they have grown: {processes}");
}
