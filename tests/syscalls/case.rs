//! One case of one function: a script for the probe, what it is granted, what it is answered, and what must be in the log.

use serde_json::Value;

use crate::support::{Entry, Place};

/// What a case shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// The call, granted.
    Granted,
    /// The same without the capability.
    Denied,
    /// An error that is no denial.
    Error,
}

/// See the module.
pub struct Case {
    /// `ipc.send`, as the kernel's `Call::verb` has it.
    pub function: &'static str,
    /// What it shows.
    pub shows: Shows,
    needs: &'static str,
    flags: Vec<&'static str>,
    code: i32,
    script: Value,
    answers: Value,
    leaves: Vec<&'static str>,
}

/// The package of every case; its needs follow.
const PACKAGE: &str = "[package]
name = \"case\"
version = \"0.1.0\"
component = \"probe.wasm\"
[needs]
";

/// The children of a case: those that it may spawn, since a manifest with others is refused.
fn children(needs: &str) -> String {
    let named =
        |label: &&str| needs.contains("spawn = [\"*\"]") || needs.contains(&format!("spawn = [\"{label}\"]"));
    let table = |label| format!("[children.{label}]\ncomponent = \"{label}.wasm\"\n");
    format!("\n{}", ["idle", "probe"].into_iter().filter(named).map(table).collect::<String>())
}

impl Case {
    /// A case without any need, which does nothing.
    pub fn new(function: &'static str, shows: Shows) -> Case {
        let (script, answers) = (Value::Array(Vec::new()), Value::Array(Vec::new()));
        Case { function, shows, needs: "", flags: Vec::new(), code: 0, script, answers, leaves: Vec::new() }
    }

    /// What the manifest asks for: lines of `[needs]`. What `spawn` names (`idle`, `probe`) is a child.
    pub fn needs(self, needs: &'static str) -> Case {
        Case { needs, ..self }
    }

    /// Flags of `run`. In a value, `docs`, `site` and `script.toml` are of the case's place.
    pub fn flags(self, flags: &[&'static str]) -> Case {
        Case { flags: flags.to_vec(), ..self }
    }

    /// What the probe does.
    pub fn does(self, script: Value) -> Case {
        Case { script, ..self }
    }

    /// What each step answers; see [`fits`].
    pub fn answers(self, answers: Value) -> Case {
        Case { answers, ..self }
    }

    /// The run's exit code, if it is not 0: then there are no answers.
    pub fn ends(self, code: i32) -> Case {
        Case { code, ..self }
    }

    /// The entries of the root, in order, as [`shown`]; `~next chunk body` stands for a call that is answered at once or after
    /// a wait, which the machine's pace decides.
    pub fn leaves(self, leaves: &[&'static str]) -> Case {
        Case { leaves: leaves.to_vec(), ..self }
    }

    /// Runs it.
    pub fn check(&self) {
        let name = format!("{} {:?}", self.function, self.shows);
        let place = Place::new();
        place.file("docs/plan.md", "the plan");
        place.file("site/old.html", "old");
        place.file("script.toml", SCRIPT);
        let manifest = format!("{PACKAGE}{}{}", self.needs, children(self.needs));
        let run = place.probes(&manifest, &self.flags, &self.script).expect(self.code);
        if self.code == 0 {
            let answers = Value::Array(run.results());
            assert!(fits(&answers, &self.answers), "{name} should answer {}, not {answers}", self.answers);
        }
        let left: Vec<String> = run.of(1).into_iter().map(shown).collect();
        assert!(left_fits(&left, &self.leaves), "{name} should leave {:#?}, not {left:#?}", self.leaves);
    }
}

/// What the model of a case says.
const SCRIPT: &str = r#"
[model]
context = 1000
tools = false
json = false

[[answer]]
contains = "fail"
fail = { detail = "overloaded", retryable = true, retry-after-ms = 5 }

[[answer]]
contains = "break"
chunks = ["one ", "two"]
break-after = 1

[[answer]]
text = "an answer"
tokens-in = 3
tokens-out = 2
"#;

/// An entry in a few words: kind, verb, the case of its answer, how often it was repeated, and whether it has a body or
/// only names a size.
pub fn shown(entry: &Entry) -> String {
    let mut words = vec![entry.kind().to_owned()];
    words.extend(Some(entry.verb().to_owned()).filter(|verb| !verb.is_empty()));
    if let Some(out) = entry.out().as_object().and_then(|out| out.values().next()) {
        words.push(
            out.as_str()
                .map_or_else(|| out.as_object().unwrap().keys().next().unwrap().clone(), str::to_owned),
        );
    }
    if let Some(times) = entry.event()["repeat"]["times"].as_u64() {
        words.push(format!("x{times}"));
    }
    if !entry.body().is_null() {
        words.push(if entry.body()["digest"].is_null() { "size" } else { "body" }.to_owned());
    }
    words.join(" ")
}

fn left_fits(left: &[String], expected: &[&str]) -> bool {
    let Some((first, rest)) = expected.split_first() else { return left.is_empty() };
    let Some(either) = first.strip_prefix('~') else {
        return left.first().is_some_and(|entry| entry == first) && left_fits(&left[1..], rest);
    };
    let (verb, out) = either.split_once(' ').unwrap();
    match left {
        [call, left @ ..] if *call == format!("call {either}") => left_fits(left, rest),
        [wait, outcome, left @ ..] => {
            *wait == format!("wait {verb}") && *outcome == format!("outcome {out}") && left_fits(left, rest)
        }
        _ => false,
    }
}

/// Whether a value is as expected: `"*"` stands for anything, and an object may have more keys.
pub fn fits(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (_, Value::String(any)) if any == "*" => true,
        (Value::Object(value), Value::Object(expected)) => {
            expected.iter().all(|(key, expected)| fits(value.get(key).unwrap_or(&Value::Null), expected))
        }
        (Value::Array(value), Value::Array(expected)) => {
            value.len() == expected.len()
                && value.iter().zip(expected).all(|(value, expected)| fits(value, expected))
        }
        _ => value == expected,
    }
}
