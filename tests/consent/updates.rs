//! A package that changes: what asks for the same or less starts; what asks for more is shown, and needs consent again.

use super::{READS, team};
use crate::support::Place;
use crate::terminal::screen::at_a_terminal;

fn place() -> Place {
    let place = Place::new();
    place.file("notes/a", "a note");
    place.folder("out");
    place.team(&team(""));
    let add = ["grant", "add", "team", "--mount", "notes=notes", "--mount", "site=out:overlay"];
    place.aos(&add).expect(0);
    place
}

#[test]
fn the_same_or_less_starts() {
    let place = place();
    for manifest in [
        team("").replace("1.0.0", "1.1.0"),
        team("").replace("40k", "39k"),
        team("").replace("write = [\"site\"]", "write = [{ object = \"site\", unless = [\"personal\"] }]"),
        team("").replace("merges notes", "does other things"),
    ] {
        place.team(&manifest);
        place.aos(&["run", "team", READS]).expect(0).answers("a note");
    }
}

#[test]
fn more_is_shown_and_needs_consent_again() {
    let place = place();
    for (manifest, told) in [
        (team("publish = [\"news\"]"), "  + publish news"),
        (team("").replace("40k", "2M"), "  + tokens-in 2M instead of 40k"),
        (team("write = [\"site\"]"), "  + write site"),
        (team("[children.other]\ncomponent = \"probe.wasm\"\n[needs.x]"), ""),
        (
            team("").replace("spawn = [\"writer\"]", "spawn = [\"*\"]").replace(
                "[children.writer]",
                "[children.spy]\ncomponent = \"probe.wasm\"\n[children.writer]",
            ),
            "  + a further agent spy",
        ),
    ] {
        place.team(&manifest);
        if told.is_empty() {
            place.aos(&["run", "team", READS]).expect(2);
            continue;
        }
        let ran = place.aos(&["run", "team", READS]).expect(3);
        ran.says("docs asks for more than the standing grant docs covers:").says(told);
        ran.says("to consent to that: aos-host grant add team");
    }
    // Flags do not consent to what only a grant can: they say where things are.
    let flags = ["run", "team", READS, "--mount", "notes=notes", "--mount", "site=out:rw"];
    place.team(&team("publish = [\"news\"]"));
    place.aos(&flags).expect(3);

    let once = at_a_terminal(&place, &["run", "team", READS], r"\[N\]o:", ("", &["o\n"])).expect(0);
    once.answers("more than the standing grant docs covers:").answers("  + publish news").answers("a note");
    place.aos(&["run", "team", READS]).expect(3);
    at_a_terminal(&place, &["run", "team", READS], r"\[N\]o:", ("", &["a\n"])).expect(0);
    place.aos(&["run", "team", READS]).expect(0);
    // It was consented to as it is: the old one asks for less.
    place.team(&team(""));
    place.aos(&["run", "team", READS]).expect(0);
}
