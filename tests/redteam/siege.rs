//! A siege: one team of an innocent agent and many attackers, at the same time, in one run.
//!
//! Whatever the attackers do, the host lives and stays small, the innocent agent answers what it always answers, each
//! attacker's end is on record, the log verifies, and the run replays.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};

use crate::support::program::PATIENCE;
use crate::support::{Entry, Place, Ran, Started};

/// Memory that the host may take for a siege, in KiB: far less than any of the attacks asks for.
const HOST_KIB: u64 = 600 << 10;

/// One attacker.
pub struct Attack {
    /// Its number in the list of attacks.
    pub number: u32,
    /// What it does; also its name in the team.
    pub name: &'static str,
    /// How.
    pub by: By,
    /// Its capabilities, as in a manifest (`publish = ["a"]`), one for each line.
    pub needs: &'static [&'static str],
    /// Lines of its budget beside the usual ones.
    pub budget: &'static [&'static str],
    /// How it must end.
    pub ends: Ends,
}

/// What an attacker runs.
pub enum By {
    /// A hostile component.
    Component(Vec<u8>),
    /// A script of the tests' probe.
    Script(Value),
}

/// How an attacker must end.
pub enum Ends {
    /// It ran out of this.
    Exhausted(&'static str),
    /// It trapped, and the trap's text has this.
    Trapped(&'static str),
    /// It returned, with these answers to its steps.
    Answers(fn(&[Value]) -> bool),
    /// It returned, and hurt nobody but itself.
    Returned,
    /// It returned, and none of its calls was answered with anything but an error.
    Refused,
}

/// What came of it.
pub struct Siege {
    /// What the command left.
    pub ran: Ran,
    /// The run's entries.
    pub entries: Vec<Entry>,
}

/// The usual budget of an attacker; what an attack says replaces a line.
const BUDGET: [(&str, &str); 6] = [
    ("fuel", "300000000"),
    ("memory", "\"4MiB\""),
    ("calls", "20000"),
    ("bytes-stored", "\"1MiB\""),
    ("bytes-sent", "\"2MiB\""),
    ("children", "0"),
];

/// What the innocent agent does: a little of everything, again and again.
fn innocent() -> Value {
    json!([
        {"op": "write", "mount": "scratch", "path": "mine", "body": "unharmed"},
        {"op": "repeat", "n": 40, "steps": [
            {"op": "spin_for", "n": 1000}, {"op": "read", "mount": "scratch", "path": "mine"}, {"op": "sleep", "ms": 1}
        ]},
        {"op": "acquire", "name": "innocent", "ttl_ms": 60000},
        {"op": "return", "body": "unharmed"},
    ])
}

impl Siege {
    /// Runs these attacks beside an innocent agent and checks all that must hold, whatever they are.
    #[track_caller]
    pub fn lay(place: &Place, flags: &[&str], attacks: &[Attack]) -> Siege {
        let team = place.team(&manifest(attacks));
        for attack in attacks {
            if let By::Component(bytes) = &attack.by {
                fs::write(team.join(format!("{}.wasm", attack.name)), bytes).unwrap();
            }
        }
        let words = [&["run", team.to_str().unwrap(), "--input", "-"], flags].concat();
        let ran = small(place.start(&words, script(attacks).to_string().as_bytes())).expect(0);
        place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
        place.aos(&["replay"]).expect(0).answers("identical");
        let siege = Siege { ran, entries: place.entries(None) };
        siege.judge(attacks);
        siege
    }

    fn judge(&self, attacks: &[Attack]) {
        let results: Vec<Value> = serde_json::from_str(&self.ran.stdout).unwrap();
        let waits = &results[results.len() - attacks.len() - 1..];
        let mut wrong = String::new();
        for (attack, wait) in attacks.iter().zip(waits) {
            let end = &wait["ok"];
            println!("| {:2} | {} | {} |", attack.number, attack.name.replace('-', " "), shorten(end));
            let entries = self.of(attack.name);
            if !attack.ends.fits(end, &entries) {
                writeln!(wrong, "{}: {wait}", attack.name).unwrap();
            }
            if !entries.iter().any(|entry| entry.kind() == "exit") {
                writeln!(wrong, "{}: its end is not on record", attack.name).unwrap();
            }
        }
        let innocent = &waits[attacks.len()];
        assert_eq!(innocent, &json!({"ok": {"returned": "unharmed"}}), "the innocent agent: {}", self.ran);
        assert!(wrong.is_empty(), "{wrong}{}", self.ran);
    }

    /// An attacker's process number.
    #[track_caller]
    pub fn pid(&self, name: &str) -> u64 {
        let born = self.entries.iter().find(|e| e.kind() == "start" && e.event()["name"] == name);
        born.unwrap_or_else(|| panic!("{name} was never started: {}", self.ran)).pid()
    }

    /// The entries of an attacker.
    pub fn of(&self, name: &str) -> Vec<&Entry> {
        let pid = self.pid(name);
        self.entries.iter().filter(|entry| entry.pid() == pid).collect()
    }
}

impl Ends {
    fn fits(&self, end: &Value, entries: &[&Entry]) -> bool {
        match self {
            Ends::Exhausted(meter) => end["exhausted"] == *meter,
            Ends::Trapped(words) => end["trapped"].as_str().is_some_and(|text| text.contains(words)),
            Ends::Returned => end["returned"].is_string(),
            Ends::Refused => {
                let answers: Vec<&Value> =
                    entries.iter().map(|entry| entry.out()).filter(|out| !out.is_null()).collect();
                !end["returned"].is_null()
                    && !answers.is_empty()
                    && answers.iter().all(|out| out.get("Err").is_some())
            }
            Ends::Answers(fit) => {
                let text = end["returned"].as_str().unwrap_or_default();
                serde_json::from_str::<Vec<Value>>(text).is_ok_and(|answers| fit(&answers))
            }
        }
    }
}

/// Waits for a host and fails when it takes more memory than it may.
#[track_caller]
pub fn small(mut started: Started) -> Ran {
    let (mut peak, since) = (0, std::time::Instant::now());
    while started.runs() && since.elapsed() < PATIENCE {
        let status = fs::read_to_string(format!("/proc/{}/status", started.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = kib.unwrap_or(0).max(peak);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let ran = started.wait();
    assert!(peak <= HOST_KIB, "the host took {peak} KiB of memory: {ran}");
    ran
}

fn script(attacks: &[Attack]) -> Value {
    let mut steps = vec![
        json!({"op": "spawn", "component": "innocent", "as": "innocent", "input": innocent(), "must": true}),
    ];
    for attack in attacks {
        let input = if let By::Script(script) = &attack.by { script.clone() } else { json!("input") };
        let Attack { name, .. } = attack;
        steps.push(json!({"op": "spawn", "component": name, "as": name, "input": input, "must": true}));
    }
    let names = attacks.iter().map(|attack| attack.name).chain(["innocent"]);
    steps.extend(names.map(|name| json!({"op": "wait", "on": name, "timeout_ms": 50000})));
    Value::Array(steps)
}

/// A manifest under which the root can equip each attacker with what it needs, and use nothing of it itself.
fn manifest(attacks: &[Attack]) -> String {
    let mut text = String::from(
        "[package]\nname = \"siege\"\nversion = \"1.0.0\"\ndescription = \"An innocent agent among attackers.\"\n\
         component = \"probe.wasm\"\n[budget]\nfuel = \"100G\"\nmemory = \"1GiB\"\ncalls = \"10M\"\n\
         bytes-stored = \"256MiB\"\nbytes-sent = \"256MiB\"\nchildren = 200\ntokens-in = \"1M\"\ntokens-out = \"1M\"\n",
    );
    let labels: Vec<String> =
        attacks.iter().map(|a| format!("{:?}", a.name)).chain(["\"innocent\"".into()]).collect();
    let delegate: BTreeSet<&str> = attacks.iter().flat_map(|attack| attack.needs.iter().copied()).collect();
    writeln!(text, "[needs]\nspawn = [{}]\n[needs.delegate]", labels.join(", ")).unwrap();
    let mut verbs: BTreeSet<&str> = delegate.iter().map(|line| line.split_once(" = ").unwrap().0).collect();
    verbs.insert("lease");
    for verb in verbs {
        let objects = delegate.iter().filter_map(|line| line.strip_prefix(verb)?.strip_prefix(" = "));
        let mut objects: Vec<&str> = objects.map(|list| list.trim_matches(['[', ']'])).collect();
        objects.extend((verb == "lease").then_some("\"innocent\""));
        writeln!(text, "{verb} = [{}]", objects.join(", ")).unwrap();
    }
    text.push_str("[children.innocent]\ncomponent = \"probe.wasm\"\n[children.innocent.needs]\nlease = [\"innocent\"]\n");
    for Attack { name, by, needs, budget, .. } in attacks {
        let file = if matches!(by, By::Component(_)) { name } else { "probe" };
        writeln!(text, "[children.{name}]\ncomponent = \"{file}.wasm\"\n[children.{name}.needs]").unwrap();
        writeln!(text, "{}\n[children.{name}.budget]", needs.join("\n")).unwrap();
        let usual = BUDGET
            .iter()
            .filter(|(meter, _)| !budget.iter().any(|line| line.starts_with(&format!("{meter} "))));
        usual.for_each(|(meter, amount)| writeln!(text, "{meter} = {amount}").unwrap());
        writeln!(text, "{}", budget.join("\n")).unwrap();
    }
    text
}

fn shorten(end: &Value) -> String {
    let text = end.to_string();
    let short: String = text.chars().take(140).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
