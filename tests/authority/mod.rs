//! Who signed a package, and whether that counts: with a publisher of its own configuration, and an operator who has never
//! seen it.
//!
//! - [`packages`]: what is signed holds, or nothing starts; what is not signed inherits nothing.
//! - [`trust`]: keys that do not count, and those that come in the place of others; what files there are, and for whom.
//! - [`revoke`]: what counts no longer, also while it runs.

mod packages;
mod revoke;
mod trust;

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::support::{Place, Ran, Run, Started};

/// A root with one child that may be started; neither needs anything of the operator.
const TEAM: &str = "[package]\nname = \"team\"\nversion = \"1.2.0\"\ncomponent = \"probe.wasm\"\n\
                    [needs]\nspawn = [\"helper\"]\n\
                    [children.helper]\ncomponent = \"idle.wasm\"\n";

/// An operator's place with a package in `team/`, and a publisher elsewhere.
struct Signed {
    place: Place,
    folder: PathBuf,
}

impl Signed {
    /// A package that the publisher `acme` has signed; the operator knows nothing of it.
    fn new() -> Signed {
        let place = Place::new();
        let folder = place.team(TEAM);
        let signed = Signed { place, folder };
        signed.publisher(&["key", "new", "acme"]).expect(0);
        signed.sign("acme");
        signed
    }

    /// One whose publisher the operator trusts.
    fn trusted() -> Signed {
        let signed = Signed::new();
        signed.place.aos(&["trust", "add", "acme", &signed.key("acme")]).expect(0);
        signed
    }

    /// A command of the publisher's, with its own configuration.
    #[track_caller]
    fn publisher(&self, words: &[&str]) -> Ran {
        let mut command = self.place.command(words);
        command.env("XDG_CONFIG_HOME", self.place.path("publisher"));
        Started::new(command, b"").wait()
    }

    /// The publisher signs the package as it is.
    #[track_caller]
    fn sign(&self, key: &str) {
        self.publisher(&["sign", "team", "--key", key]).expect(0);
    }

    /// A key of the publisher's, as it hands it out.
    #[track_caller]
    fn key(&self, name: &str) -> String {
        self.publisher(&["key", "export", name]).expect(0).stdout.trim_end().to_owned()
    }

    /// The package with another version, signed.
    fn version(&self, version: &str) {
        fs::write(self.folder.join("agent.toml"), TEAM.replace("1.2.0", version)).unwrap();
        self.sign("acme");
    }

    /// Runs it to its end, with all that a run is checked for.
    #[track_caller]
    fn runs(&self) -> Run {
        self.place.run(&self.folder, &[], json!([{"op": "log", "text": "here"}]).to_string()).expect(0)
    }

    /// It is refused with exit code 3 and these words, by `verify` and by `run`, and nothing is written to the log.
    #[track_caller]
    fn refused(&self, words: &[&str]) -> Ran {
        let before = self.written();
        let verified = self.place.aos(&["verify", "team"]).expect(3);
        let ran = self.place.aos_with(&["run", "team", "--input", "-"], b"[]").expect(3);
        for word in words {
            verified.says(word);
            ran.says(word);
        }
        assert_eq!(self.written(), before, "a refused package leaves no entry");
        ran
    }

    /// Entries in the log; 0 when there is none yet.
    fn written(&self) -> usize {
        let exported = self.place.aos(&["audit", "export"]);
        if exported.code == 0 { exported.stdout.lines().count() } else { 0 }
    }

    /// A file of the package.
    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap()
    }

    /// Replaces a file of the package.
    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.join(name), bytes).unwrap();
    }
}
