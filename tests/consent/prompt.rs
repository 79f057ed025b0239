//! The question before a start, on a real terminal.

use super::{READS, place, team};
use crate::support::{Place, Ran};
use crate::terminal::screen::at_a_terminal;

/// Where the terminal waits for an answer.
const MARK: &str = r"which directory|which model|\[N\]o:";

fn typed(place: &Place, before: &str, answers: &[&str]) -> Ran {
    at_a_terminal(place, &["run", "team", READS], MARK, (before, answers))
}

#[test]
fn consent_is_for_once_or_for_always_or_none() {
    let place = place();
    // The directory that has the label's name is proposed; what is typed ahead is no answer.
    let no = typed(&place, "o\no\no\n", &["\n", "out\n", "\n"]).expect(3);
    no.answers("docs 1.0.0 (not signed) asks, with its children:")
        .answers("notes: which directory it may read? [./notes]");
    no.answers("site: which directory it may write?").answers("  read   notes → ./notes");
    no.answers("  write  site  → ./out (overlay until applied)").answers("  up to 40k tokens in");
    no.answers("Publisher says (unverified): \"merges notes\"").answers("docs needs what is not granted");
    assert!(!place.path("state/log.db").exists() || place.entries(None).is_empty(), "nothing ran");

    let once = typed(&place, "", &["\n", "out:rw\n", "what\n", "o\n"]).expect(0);
    once.answers("  write  site  → ./out (at once)").answers("answer o, a or n").answers("a note");
    place.aos(&["grant", "list"]).expect(0).says("there are no standing grants");
    place.aos(&["run", "team", READS]).expect(3);

    let always = typed(&place, "", &["nowhere\n", "notes\n", "out\n", "a\n"]).expect(0);
    always
        .answers("nowhere: No such file")
        .answers("from now on under the standing grant docs")
        .answers("a note");
    place.aos(&["grant", "list"]).expect(0).answers("docs").answers("team/agent.toml");
    place.aos(&["run", "team", READS]).expect(0).answers("a note");
}

/// The publisher's words cannot steer the terminal or lie about what is asked.
#[test]
fn a_publishers_words_are_shown_harmless() {
    let place = place();
    let words = "good\\u202Etxt \\u200B[o]nce";
    place.team(&team("").replace("merges notes", words));
    let ran = typed(&place, "", &["\n", "out\n", "n\n"]).expect(3);
    ran.answers("\"good\\u{202e}txt \\u{200b}[o]nce\"");
    assert!(!ran.stdout.contains('\u{202e}') && !ran.stdout.contains('\u{200b}'), "{ran}");
}

/// Somebody who leaves has not consented, and whoever has no terminal is not asked.
#[test]
fn silence_is_no_consent() {
    let place = place();
    typed(&place, "", &["\u{4}"]).expect(3);
    typed(&place, "", &["\n", "out\n", "\u{4}"]).expect(3);
    let ran = place.aos_with(&["run", "team", READS], b"o\na\ny\n").expect(3);
    ran.says("docs needs what is not granted").says("--mount notes=DIR");
    assert!(!ran.stderr.contains("[o]nce"), "{ran}");
}

/// What was consented to is what was shown, to the byte.
#[test]
fn a_package_that_changes_after_it_was_shown_does_not_start() {
    let place = place();
    // The answer comes late: meanwhile somebody writes another manifest, which asks for the same.
    let other = team("").replace("merges notes", "merges other notes");
    let manifest = place.path("team/agent.toml");
    let swap = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(500));
        std::fs::write(manifest, other).unwrap();
    });
    let ran = typed(&place, "", &["\n", "out\n", "what\n", "what\n", "what\n", "what\n", "o\n"]);
    swap.join().unwrap();
    ran.expect(3).answers("the package was changed after it was shown");
}
