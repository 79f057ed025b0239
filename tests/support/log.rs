//! The entries of a run, as anyone can read them: lines of JSON.

use serde_json::Value;

use super::program::Ran;

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry(pub Value);

impl Entry {
    /// Reads a line of `audit export`.
    #[track_caller]
    pub fn parse(line: &str) -> Entry {
        Entry(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the entry {line}")))
    }

    /// Its number.
    pub fn seq(&self) -> u64 {
        self.0["seq"].as_u64().unwrap()
    }

    /// Its run's number.
    pub fn run(&self) -> u64 {
        self.0["run"].as_u64().unwrap()
    }

    /// Its process; 0 is the kernel.
    pub fn pid(&self) -> u64 {
        self.0["pid"].as_u64().unwrap()
    }

    /// What happened: `call`, `wait`, `intent`, `outcome`, `start`, `exit`, …
    pub fn kind(&self) -> &str {
        match &self.0["event"] {
            Value::String(word) => word,
            Value::Object(event) => event.keys().next().unwrap(),
            other => panic!("an entry's event is {other}"),
        }
    }

    /// Fuel that its process had consumed.
    pub fn fuel(&self) -> u64 {
        self.0["fuel"].as_u64().unwrap()
    }

    /// What is said of it.
    pub fn event(&self) -> &Value {
        &self.0["event"][self.kind()]
    }

    /// The call that it begins or is: `send`, `receive`, …; empty when it is none.
    pub fn verb(&self) -> &str {
        match &self.event()["call"] {
            Value::String(word) => word,
            Value::Object(call) => call.keys().next().unwrap(),
            _ => "",
        }
    }

    /// The call's arguments.
    pub fn arguments(&self) -> &Value {
        &self.event()["call"][self.verb()]
    }

    /// What it answered: `{"Ok": …}` or `{"Err": …}`.
    pub fn out(&self) -> &Value {
        &self.event()["out"]
    }

    /// Its body's size and digest; null when it has none.
    pub fn body(&self) -> &Value {
        &self.0["body"]
    }
}

/// A run that was made, verified and replayed.
#[derive(Debug)]
pub struct Run {
    /// What the command left.
    pub ran: Ran,
    /// Its entries, in order.
    pub entries: Vec<Entry>,
}

impl Run {
    /// Fails unless the command ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Run {
        assert_eq!(self.ran.code, code, "the exit code of {}", self.ran);
        self
    }

    /// What each step of the root's script answered.
    #[track_caller]
    pub fn results(&self) -> Vec<Value> {
        assert_eq!(self.ran.code, 0, "the exit code of {}", self.ran);
        let results: Value =
            serde_json::from_str(&self.ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.ran));
        results.as_array().unwrap_or_else(|| panic!("no list of results: {}", self.ran)).clone()
    }

    /// The entries of a process, without those of its birth and its end.
    pub fn of(&self, pid: u64) -> Vec<&Entry> {
        let inner = |entry: &&Entry| entry.pid() == pid && !["start", "exit"].contains(&entry.kind());
        self.entries.iter().filter(inner).collect()
    }

    /// The entries that begin or are a call of this verb, of any process.
    pub fn calls(&self, verb: &str) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.verb() == verb).collect()
    }

    /// How a process ended.
    #[track_caller]
    pub fn exit(&self, pid: u64) -> &Value {
        let exit = self.entries.iter().find(|entry| entry.pid() == pid && entry.kind() == "exit");
        exit.unwrap_or_else(|| panic!("process {pid} has no exit: {}", self.ran)).event()
    }

    /// Where something happened first.
    #[track_caller]
    pub fn first(&self, what: impl Fn(&Entry) -> bool) -> &Entry {
        self.entries.iter().find(|entry| what(entry)).unwrap_or_else(|| panic!("no such entry: {}", self.ran))
    }
}
