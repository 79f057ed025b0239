//! Budgets beyond one run: windows after which what was used comes back, warnings, what is added to a run that goes on, and caps
//! of all runs together.
//!
//! - [`windows`], [`caps`]; [`trees`]: trees of processes under load and kills, recomputed from their entries.

mod caps;
mod trees;
mod windows;

use serde_json::{Value, json};

/// Sends an event of ten bytes.
fn ten() -> Value {
    json!({"op": "publish", "topic": "t", "body": "0123456789"})
}

fn answers(stdout: &str) -> Vec<Value> {
    serde_json::from_str(stdout.trim()).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

fn unpaid(answer: &Value) -> bool {
    *answer == json!({"err": {"exhausted": "bytes-sent"}})
}
