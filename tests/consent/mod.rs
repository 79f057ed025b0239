//! What the operator consents to before anything of a package runs.
//!
//! - [`prompt`]: on a terminal. [`standing`]: by a grant that stands; [`signed`]: of signed packages, and of other signers; [`updates`]: for a package that changes.
//!
//! [`transcript`]: a new user's whole way, as `docs/signed-package.md` tells it.

mod prompt;
mod signed;
mod standing;
mod transcript;
mod updates;

use crate::support::Place;

/// A team that reads notes and has a child write a page, with this line in its manifest.
fn team(extra: &str) -> String {
    format!(
        r#"[package]
name = "docs"
version = "1.0.0"
description = "merges notes"
component = "probe.wasm"
[needs]
read = ["notes"]
spawn = ["writer"]
{extra}
[needs.delegate]
write = ["site"]
[budget]
tokens-in = "40k"
[children.writer]
component = "probe.wasm"
[children.writer.needs]
write = ["site"]
"#
    )
}

/// The script of a run that reads a note.
const READS: &str = r#"[{"op":"read","mount":"notes","path":"a"}]"#;

/// Notes to read, a folder to write to, and the team.
fn place() -> Place {
    let place = Place::new();
    place.file("notes/a", "a note");
    place.folder("out");
    place.team(&team(""));
    place
}
