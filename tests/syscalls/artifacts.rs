//! Artifacts: content-addressed, with lineage, visible to the whole run where `get` covers their kind.

use serde_json::{Value, json};

use super::case::fits;
use super::team::team;
use crate::support::Place;

/// Of `one` and `two`.
const ONE: &str = "sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
const TWO: &str = "sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";

#[test]
fn lineage_and_descriptions_are_kept() {
    let list = |key: &str, value: &str| json!({"op": "artifacts", key: value});
    let script = json!([
        {"op": "put", "kind": "note", "body": "one", "subject": "plan"},
        {"op": "put", "kind": "page", "body": "two", "parents": [ONE], "media_type": "text/html"},
        {"op": "put", "kind": "note", "body": "one", "subject": "plan"},
        {"op": "put", "kind": "page", "body": "one"},
        list("parent", ONE),
        list("kind", "note"),
        list("subject", "plan"),
        list("after", ONE),
        {"op": "artifacts", "limit": 1},
        {"op": "get", "digest": TWO},
    ]);
    let results = Place::new().probes(&team("put = [\"*\"]\nget = [\"*\"]", &[]), &[], &script).results();
    let one = json!({"digest": ONE, "kind": "note", "size": 3, "parents": [], "subject": "plan", "by": 1});
    let two =
        json!({"digest": TWO, "kind": "page", "media_type": "text/html", "parents": [ONE], "subject": null});
    let expected = json!([
        {"ok": ONE},
        {"ok": TWO},
        {"ok": ONE},
        {"err": {"conflict": ONE}},
        {"ok": [two]},
        {"ok": [one]},
        {"ok": [one]},
        {"ok": [two]},
        {"ok": [one]},
        {"ok": {"artifact": two, "body": "two"}},
    ]);
    for (at, (result, expected)) in results.iter().zip(expected.as_array().unwrap()).enumerate() {
        assert!(fits(result, expected), "step {at} should answer {expected}, not {result}");
    }
}

#[test]
fn a_child_hands_its_result_to_its_parent() {
    let needs = "get = [\"report\"]\nspawn = [\"child\"]\n[needs.delegate]\nput = [\"report\", \"secret\"]";
    let manifest = team(needs, &[("child", "needs = { put = [\"report\", \"secret\"] }")]);
    let child = json!([{"op": "put", "kind": "report", "body": "one"}, {"op": "put", "kind": "secret", "body": "two"}]);
    let script = json!([
        {"op": "spawn", "component": "child", "input": child, "as": "c"},
        {"op": "wait", "on": "c"},
        {"op": "artifacts"},
        {"op": "get", "digest": ONE},
        {"op": "get", "digest": TWO},
    ]);
    let results = Place::new().probes(&manifest, &[], &script).results();
    let list: Vec<&Value> = results[2]["ok"].as_array().unwrap().iter().map(|it| &it["digest"]).collect();
    assert_eq!(list, [ONE], "kinds that `get` does not cover are left out");
    assert_eq!((&results[3]["ok"]["body"], &results[3]["ok"]["artifact"]["by"]), (&json!("one"), &json!(2)));
    assert_eq!(results[4], json!({"err": {"denied": null}}));
}
