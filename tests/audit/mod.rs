//! The log as a transparency log: what it proves, to whom, and what is done to one that is found out.
//!
//! - [`checkpoints`]: when the host signs, what it refuses to go on from, and its key.
//! - [`words`]: what the commands say, word for word. [`files`]: proofs and exports, checked without the log;
//!   [`malformed`] ones are refused. [`witnesses`]: what they saw.
//! - [`tampering`]: a campaign of changes, all of which are seen; [`forgery`]: how a log is forged.
//! - [`restoring`]: a backup that goes on is another log. [`prune`]: bodies that are erased. [`scale`]: a long log.
//! - [`script`]: exports checked by `verify_export.py`, in Python; [`page`]: by `docs/verify.html`, in a [`browser`]; some of
//!   both from a log in memory, a [`sample`].
//! - [`witness`]: who sees checkpoints of other hosts' logs. [`cosigned`]: what a host keeps of that.
//! - [`shown`]: `show`, `tail` and `stats`.

mod browser;
mod checkpoints;
mod cosigned;
mod files;
mod forgery;
mod malformed;
mod page;
mod prune;
mod restoring;
#[path = "../../host/crates/audit/tests/parsers/sample.rs"]
// Made for the tests of crate `audit`, which use all of it; here some is enough.
#[allow(dead_code)]
mod sample;
mod scale;
mod script;
mod shown;
mod tampering;
mod witness;
mod witnesses;
mod words;

use rusqlite::Connection;
use serde_json::json;

use crate::support::Place;

/// A run of some hundred entries with bodies; answers the log's key.
fn logged(place: &Place, lines: usize) -> String {
    let steps: Vec<_> = (0..lines).map(|n| json!({"op": "log", "text": format!("line {n}")})).collect();
    place.probe(&["--quiet"], &json!(steps)).expect(0);
    key(place)
}

/// The log's key, as `audit key` prints it.
fn key(place: &Place) -> String {
    place.aos(&["audit", "key"]).expect(0).stdout.trim_end().to_owned()
}

/// The database, for what no host does.
fn database(place: &Place) -> Connection {
    Connection::open(place.path("state/log.db")).unwrap()
}

/// Keeps the newest checkpoint in a file.
fn keep(place: &Place, name: &str) -> String {
    let path = place.path(name).to_str().unwrap().to_owned();
    place.aos(&["audit", "checkpoint", "-o", &path]).expect(0).says("checkpoint of #1–");
    path
}
