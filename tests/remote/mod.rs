//! Models behind HTTP: real runs against a server on loopback. What every run is checked for holds here too: its log
//! verifies, and it replays without asking anybody.
//!
//! - [`forms`]: what a good server of each provider says. [`answers`]: that, whole and streamed.
//! - [`failures`]: servers that are not there, slow, wrong, or hostile. [`keys`]: keys, which are nowhere.
//! - [`chain`]: models that stand in. [`money`]: prices. [`check`]: `model list` and `model check`.
//! - [`settings`]: tables, variables, and the reference in `docs/models.md`.

mod answers;
mod chain;
mod check;
mod failures;
pub mod forms;
mod keys;
mod money;
mod settings;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::{Place, Run};

/// The key of every test that has one.
const KEY: &str = "sk-test-0123456789-abcdefghij";

/// A place with these tables and a key that only its owner can read.
fn configured(tables: &str) -> Place {
    let place = Place::new();
    place.file("config/aos-host/models.toml", tables);
    let key = place.file("config/aos-host/key", format!("{KEY}\n"));
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    place
}

/// A table of the model `m` at an address; further lines follow.
pub fn table(name: &str, url: &str, more: &str) -> String {
    format!("[model.{name}]\nurl = \"{url}/v1\"\nmodel = \"m-{name}\"\n{more}\n")
}

/// A step that asks a model, by its label, something.
fn generate(label: &str, prompt: &str) -> Value {
    json!({"op": "generate", "model": label, "prompt": prompt})
}

/// Steps that ask for a stream and take so many chunks of it.
fn stream(label: &str, prompt: &str, chunks: usize) -> Vec<Value> {
    let begin = json!({"op": "stream", "model": label, "prompt": prompt, "as": "g"});
    let next = json!({"op": "next", "on": "g"});
    std::iter::once(begin).chain(std::iter::repeat_n(next, chunks)).collect()
}

/// Runs the probe with a label for each table of this name.
#[track_caller]
fn ask(place: &Place, tables: &[&str], flags: &[&str], script: &[Value]) -> Run {
    let models: Vec<String> = tables.iter().map(|name| format!("{name}={name}")).collect();
    let mut all: Vec<&str> = models.iter().flat_map(|model| ["--model", model]).collect();
    all.extend(flags);
    place.probe(&all, &Value::Array(script.to_vec()))
}

/// The text of a question's last turn, in any form.
pub fn prompt(body: &Value) -> String {
    let last = |list: &Value| list.as_array().and_then(|turns| turns.last()).cloned().unwrap_or_default();
    let message = last(&body["messages"]);
    let content = &message["content"];
    let text = content.as_str().or_else(|| content[0]["text"].as_str()).map(str::to_owned);
    text.unwrap_or_else(|| {
        last(&body["contents"])["parts"][0]["text"].as_str().unwrap_or_default().to_owned()
    })
}
