//! The agents of the examples and of the tests: built together, then put where they are looked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::error::Error;
use crate::setup;
use crate::step::Steps;
use crate::workspace::{Workspace, must};

/// A guest crate and where its component goes.
struct Guest {
    /// The crate's directory in the checkout.
    source: &'static str,
    /// Where the component is wanted.
    place: Place,
}

enum Place {
    /// Beside an agent.toml: a path in the checkout.
    Example(&'static str),
    /// `NAME.wasm` among the tests' guests.
    Test(&'static str),
}

const GUESTS: &[Guest] = &[
    example("examples/hello", "examples/hello/hello.wasm"),
    example("examples/docs-merge/coordinator", "examples/docs-merge/coordinator.wasm"),
    example("examples/docs-merge/synthesizer", "examples/docs-merge/synthesizer.wasm"),
    example("examples/docs-merge/writer", "examples/docs-merge/writer.wasm"),
    example("examples/fact-sheet/extractor", "examples/fact-sheet/extractor.wasm"),
    example("examples/fact-sheet/router", "examples/fact-sheet/router.wasm"),
    example("examples/fact-sheet/writer", "examples/fact-sheet/writer.wasm"),
    example("examples/reviewed-merge/lead", "examples/reviewed-merge/lead.wasm"),
    example("examples/reviewed-merge/merger", "examples/reviewed-merge/merger.wasm"),
    example("examples/reviewed-merge/reviewer", "examples/reviewed-merge/reviewer.wasm"),
    example("examples/reviewed-merge/writer", "examples/reviewed-merge/writer.wasm"),
    Guest { source: "tests/guests/probe", place: Place::Test("probe") },
    Guest { source: "tests/guests/asker", place: Place::Test("asker") },
    Guest { source: "tests/guests/idle", place: Place::Test("idle") },
    Guest { source: "tests/guests/load", place: Place::Test("load") },
    Guest { source: "tests/guests/tally", place: Place::Test("tally") },
    Guest { source: "tests/guests/command", place: Place::Test("command") },
];

/// An agent of an example.
const fn example(source: &'static str, component: &'static str) -> Guest {
    Guest { source, place: Place::Example(component) }
}

/// What the guests are written with.
const SDK: &str = "guest-sdk/rust";

/// Where the tests' guests are: what `AOS_GUESTS` names.
pub fn directory(workspace: &Workspace) -> PathBuf {
    workspace.target("guests")
}

/// The verb: checks, then builds.
pub fn run(workspace: &Workspace) -> Result<ExitCode, Error> {
    let mut steps = Steps::new(2);
    steps.run("checking the tools", || setup::build(workspace))?;
    build(workspace, &mut steps)?;
    for guest in GUESTS {
        println!("{}", guest.destination(workspace).display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The packages that guests are made of, the SDK among them.
pub fn packages(workspace: &Workspace) -> Result<Vec<String>, Error> {
    let guests = GUESTS.iter().map(|guest| guest.source);
    guests.chain([SDK]).map(|source| name(workspace.root(), source)).collect()
}

/// Builds all guests with one call of cargo, as one step, and copies those that changed.
pub fn build(workspace: &Workspace, steps: &mut Steps) -> Result<(), Error> {
    steps.run("building the agents, the first time about half a minute", || {
        let names =
            GUESTS.iter().map(|guest| name(workspace.root(), guest.source)).collect::<Result<Vec<_>, _>>()?;
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--profile", "guest", "--target", "wasm32-wasip2"]);
        for name in &names {
            cargo.args(["--package", name]);
        }
        must(&mut cargo, "see the compiler's message above")?;
        for (guest, name) in GUESTS.iter().zip(&names) {
            put(&built(workspace, name)?, &guest.destination(workspace))?;
        }
        Ok(())
    })
}

impl Guest {
    fn destination(&self, workspace: &Workspace) -> PathBuf {
        match self.place {
            Place::Example(path) => workspace.root().join(path),
            Place::Test(name) => directory(workspace).join(format!("{name}.wasm")),
        }
    }
}

/// The package's name, from its Cargo.toml.
fn name(root: &Path, source: &str) -> Result<String, Error> {
    let manifest = root.join(source).join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| Error::on("reading", &manifest, &error))?;
    package_name(&text).ok_or_else(|| {
        Error::new(format!("{} has no `name = \"…\"` in [package]", manifest.display()), "give it one")
    })
}

/// The `name` of `[package]`, as cargo's own templates write it.
fn package_name(manifest: &str) -> Option<String> {
    manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[package]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| line.strip_prefix("name")?.trim_start().strip_prefix('='))
        .and_then(|value| value.trim().strip_prefix('"')?.split('"').next())
        .map(str::to_owned)
}

/// What cargo made: a library's file has underscores, a program's keeps its hyphens.
fn built(workspace: &Workspace, name: &str) -> Result<PathBuf, Error> {
    let directory = workspace.target("wasm32-wasip2/guest");
    [name.replace('-', "_"), name.to_owned()]
        .iter()
        .map(|stem| directory.join(format!("{stem}.wasm")))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Error::new(
                format!("cargo built `{name}`, but there is no {name}.wasm in {}", directory.display()),
                "give the crate `crate-type = [\"cdylib\"]` or a main function, and no other name for its target",
            )
        })
}

/// Copies unless the bytes are there already; by renaming, so that nobody reads half a component.
fn put(from: &Path, to: &Path) -> Result<(), Error> {
    let bytes = fs::read(from).map_err(|error| Error::on("reading", from, &error))?;
    if fs::read(to).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| Error::on("making", folder, &error))?;
    }
    let half = to.with_extension("tmp");
    fs::write(&half, &bytes).map_err(|error| Error::on("writing", &half, &error))?;
    fs::rename(&half, to).map_err(|error| Error::on("writing", to, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_packages() {
        let text = "[lib]\nname = \"other\"\n\n[package]\nversion = \"1\"\nname = \"probe\" # it\n[[bin]]\nname = \"x\"\n";
        assert_eq!(package_name(text).as_deref(), Some("probe"));
        assert_eq!(package_name("[package]\nversion = \"1\"\n[lib]\nname = \"x\"\n"), None);
    }

    #[test]
    fn a_component_is_put_once() {
        let folder = std::env::temp_dir().join(format!("xtask-put-{}", std::process::id()));
        let (from, to) = (folder.join("a.wasm"), folder.join("to/b.wasm"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(&from, b"one").unwrap();
        put(&from, &to).unwrap();
        let first = fs::metadata(&to).unwrap().modified().unwrap();
        put(&from, &to).unwrap();
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), first);
        fs::write(&from, b"two").unwrap();
        put(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"two");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn every_guest_is_a_crate() {
        let packages = packages(&Workspace::find().unwrap()).unwrap();
        assert_eq!(packages.len(), GUESTS.len() + 1);
    }
}
