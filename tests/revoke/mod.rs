//! Rights that are taken back while agents hold them: by the operator, or because their time is over.
//!
//! - [`between`]: between two calls, from a whole tree and from nobody beside it. [`during`]: while a call waits.
//! - [`ends`]: rights with an end, and rights that reach only so deep.

mod between;
mod during;
mod ends;

use serde_json::{Value, json};

fn write(path: &str) -> Value {
    json!({"op": "write", "mount": "site", "path": path, "body": "x"})
}

/// What each step of a script was answered.
fn answers(stdout: &str) -> Vec<Value> {
    serde_json::from_str(stdout.trim()).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

fn denied(answer: &Value) -> bool {
    *answer == json!({"err": {"denied": null}})
}
