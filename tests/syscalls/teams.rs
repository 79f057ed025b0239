//! The example teams `fact-sheet` and `reviewed-merge` with their scripted models: what they make, who did it, and from what.

use serde_json::{Value, json};

use super::case::fits;
use super::examples::{built, place};
use crate::support::{Place, Run};

/// Runs an example as its README says.
#[track_caller]
fn example(place: &Place, name: &str, members: &[&str]) -> Run {
    for member in members {
        built(&format!("examples/{name}/{member}.wasm"));
    }
    let notes = format!("notes=examples/{name}/input");
    let model = format!("default=scripted:examples/{name}/answers.toml");
    let flags = ["--mount", &notes, "--mount", "site=OUT:rw", "--model", &model];
    place.run(&place.path(&format!("examples/{name}")), &flags, "")
}

/// Whose calls of a verb succeeded: process names, in the order of the entries.
fn callers(run: &Run, verb: &str) -> Vec<String> {
    let name = |pid: u64| {
        let start = run.first(|entry| entry.kind() == "start" && entry.pid() == pid);
        start.event()["name"].as_str().unwrap().to_owned()
    };
    run.calls(verb).iter().map(|entry| name(entry.pid())).collect()
}

/// Artifacts of a kind: digest and parents, in the order of the entries.
fn artifacts(run: &Run, kind: &str) -> Vec<(String, Vec<String>)> {
    let puts = run.calls("put").into_iter().filter(|entry| entry.arguments()["kind"] == kind);
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned();
    let of = |entry: &crate::support::Entry| {
        let parents = entry.arguments()["parents"].as_array().cloned().unwrap_or_default();
        (text(&entry.out()["Ok"]["digest"]), parents.iter().map(text).collect())
    };
    puts.map(of).collect()
}

#[test]
fn fact_sheet_routes_notes_and_joins_their_facts() {
    let place = place();
    let run = example(&place, "fact-sheet", &["router", "extractor", "writer"]).expect(0);
    assert!(run.ran.stdout.starts_with("4 notes make site/fact-sheet.md (sha256:"), "{}", run.ran);
    let sheet = place.text("OUT/fact-sheet.md");
    for (there, what) in [
        (true, "## People\n\n- Benedikt knows the gearbox"),
        (true, "- Marta has the key of the gate. (keys.txt)"),
        (true, "- The open night is on Friday 14 August, doors open at 21:30. (open-night.txt)"),
        (true, "- The battery lasts 5 hours with the dew heater on. (telescope.txt)"),
        (false, "60 minutes"),
        (false, "Here are the facts"),
    ] {
        assert_eq!(sheet.contains(what), there, "{what}\n{sheet}");
    }
    // Three extractors share four notes and one answer that was of no use; no one else asks or writes.
    let mut asking = callers(&run, "generate");
    assert_eq!(asking.len(), 5);
    asking.sort();
    asking.dedup();
    assert_eq!(asking, ["extractor.1", "extractor.2", "extractor.3"]);
    assert_eq!(callers(&run, "write"), ["writer"]);
    let facts: Vec<String> = artifacts(&run, "facts").into_iter().map(|(digest, _)| digest).collect();
    let [(_, parents)] = &artifacts(&run, "sheet")[..] else { panic!("not one sheet: {}", run.ran) };
    assert_eq!(parents.len(), 4);
    assert!(parents.iter().all(|parent| facts.contains(parent)), "{parents:?} of {facts:?}");
}

#[test]
fn reviewed_merge_goes_round_once_more_and_is_accepted() {
    let place = place();
    let run = example(&place, "reviewed-merge", &["lead", "merger", "reviewer", "writer"]).expect(0);
    assert!(run.ran.stdout.starts_with("accepted in round 2: site/page.md (sha256:"), "{}", run.ran);
    let page = place.text("OUT/page.md");
    assert!(page.starts_with("# The hut above the larch wood\n") && page.ends_with("but a pot.\n"), "{page}");
    assert!(page.contains("24 beds") && !page.contains("18 beds") && !page.contains("```"), "{page}");
    assert_eq!(callers(&run, "generate"), ["merger", "reviewer", "merger", "reviewer"]);
    assert_eq!(callers(&run, "write"), ["writer", "writer"]);
    let drafts = artifacts(&run, "draft");
    let reviews = artifacts(&run, "review");
    let ([(first, none), (second, made_from)], [(note, about), _]) = (&drafts[..], &reviews[..]) else {
        panic!("not two drafts and two reviews: {}", run.ran)
    };
    assert!(
        none.is_empty()
            && about == std::slice::from_ref(first)
            && made_from == &[first.clone(), note.clone()]
    );
    assert!(run.ran.stdout.contains(second.as_str()), "{}", run.ran);
    // The lead reads and writes nothing.
    let calls: Vec<Value> = run.of(1).iter().map(|entry| json!(entry.verb())).collect();
    assert!(
        calls
            .iter()
            .all(|verb| !["read", "write", "list", "get", "generate"].contains(&verb.as_str().unwrap()))
    );
    let names =
        run.entries.iter().filter(|entry| entry.kind() == "start").map(|entry| entry.event()["name"].clone());
    assert!(fits(&names.collect(), &json!(["reviewed-merge", "merger", "writer", "reviewer"])));
}

#[test]
fn reviewed_merge_fails_when_the_reviewer_never_agrees() {
    let place = place();
    // The reviewer's script finds the same fault in every page, and the merger's mends nothing but its title.
    let page = |title: &str| format!("# {title}\n\n## Beds\n\nThere are 18 beds. There are 24 beds.\n");
    let answer = |process: &str, contains: &str, text: &str| {
        format!("[[answer]]\nprocess = '{process}'\ncontains = '{contains}'\ntext = '''\n{text}'''\n")
    };
    let fault = json!({ "problems": [{ "quote": "There are 18 beds.", "problem": "Or 24?" }] }).to_string();
    let script = answer("merger", "Merge these 3 notes", &page("One"))
        + &answer("reviewer", "# One", &fault)
        + &answer("reviewer", "# Two", &fault)
        + &answer("reviewer", "# Three", &fault)
        + "[[answer]]\nprocess = 'merger'\nturn = 1\ntext = '''\n"
        + &page("Two")
        + "'''\n"
        + "[[answer]]\nprocess = 'merger'\ntext = '''\n"
        + &page("Three")
        + "'''\n";
    place.file("examples/reviewed-merge/answers.toml", script);
    let run = example(&place, "reviewed-merge", &["lead"]).expect(1);
    run.ran.says("the reviewer still objects to site/page.md after 3 rounds");
    assert!(place.text("OUT/page.md").starts_with("# Three\n"));
    assert_eq!(artifacts(&run, "draft").len(), 3);
}
