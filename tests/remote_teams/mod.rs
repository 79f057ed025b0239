//! The example teams, unchanged, with a model behind HTTP that has never heard of their scripts; then, with the server gone,
//! their runs replayed from the log.

mod model;

use crate::support::server::Server;
use crate::support::{Entry, Place};
use crate::syscalls::examples;

/// A team's run that was replayed without its model.
struct Team {
    place: Place,
    stdout: String,
    entries: Vec<Entry>,
}

/// Runs an example with the model of a few rules behind the label `default`.
#[track_caller]
fn run(name: &str) -> Team {
    let place = examples::place();
    let server = Server::new(model::answer);
    let (folder, notes) = (format!("examples/{name}"), format!("notes=examples/{name}/input"));
    let default = format!("default=tiny-1b@{}/v1", server.url());
    let flags = ["--mount", &notes, "--mount", "site=OUT:rw", "--model", &default];
    let ran = place.aos(&[&["run", &folder][..], &flags].concat()).expect(0);
    let asked = server.asked().len();
    drop(server);
    place.aos(&["audit", "verify"]).expect(0).answers("audit ok");
    place.aos(&["replay"]).expect(0).answers("identical");
    let entries = place.entries(Some("r1"));
    let questions = entries.iter().filter(|entry| entry.verb() == "generate" && entry.kind() == "intent");
    assert_eq!(questions.count(), asked, "what was asked is what the log says: {ran}");
    Team { place, stdout: ran.stdout, entries }
}

impl Team {
    /// How many calls of a verb succeeded or are waited for.
    fn calls(&self, verb: &str) -> usize {
        self.entries.iter().filter(|entry| entry.verb() == verb).count()
    }
}

#[test]
fn docs_merge_asks_again_when_a_page_was_cut_off() {
    let team = run("docs-merge");
    assert!(team.stdout.starts_with("merged 3 notes into site/index.html (sha256:"), "{}", team.stdout);
    assert_eq!(team.calls("generate"), 2);
    let page = team.place.text("OUT/index.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"), "{page}");
    assert!(page.contains("<h2>restore.md</h2>") && page.contains("wiki reindex"), "{page}");
}

#[test]
fn fact_sheet_takes_lists_as_they_come_and_leaves_out_what_no_note_says() {
    let team = run("fact-sheet");
    assert!(team.stdout.starts_with("4 notes make site/fact-sheet.md (sha256:"), "{}", team.stdout);
    assert_eq!(team.calls("generate"), 5, "one answer was of no use");
    let sheet = team.place.text("OUT/fact-sheet.md");
    assert!(
        sheet.contains("## Numbers") && sheet.contains("Perseids") && sheet.contains("(telescope.txt)"),
        "{sheet}"
    );
    for outside in ["987654", "Certainly", "```"] {
        assert!(!sheet.contains(outside), "{outside} in {sheet}");
    }
}

#[test]
fn reviewed_merge_mends_what_the_model_found_in_its_own_page() {
    let team = run("reviewed-merge");
    assert!(team.stdout.starts_with("accepted in round 2: site/page.md (sha256:"), "{}", team.stdout);
    assert_eq!((team.calls("generate"), team.calls("write")), (4, 2));
    let page = team.place.text("OUT/page.md");
    assert!(page.starts_with("# What the notes say\n") && page.contains("24 beds"), "{page}");
    assert!(!page.contains("18 beds") && !page.contains("```") && !page.contains("swimming pool"), "{page}");
}
