//! What a publisher says a component needs: `agent.toml`.
//!
//! ```toml
//! [package]
//! name = "docs-merge"
//! version = "0.1.0"
//! description = "Merges notes into one page."   # optional
//! component = "coordinator.wasm"
//!
//! [needs]                                       # what the root agent uses itself
//! spawn = ["writer"]
//! write = [{ object = "drafts", unless = ["personal"] }]
//!
//! [needs.delegate]                              # what it may hand on without being able to use it
//! write = ["site"]
//!
//! [budget]                                      # any meter: an amount as text, or an integer
//! fuel = "10G"
//!
//! [children.writer]                             # one namespace for the whole team
//! component = "writer.wasm"
//! [children.writer.needs]
//! write = ["site"]
//! send = ["parent"]
//! [children.writer.budget]
//! fuel = "2G"
//! ```
//!
//! An absent section is no capability. A key that is not listed is an error.

use std::collections::BTreeMap;

use ledger::Meter;

use crate::Rights;

mod budget;
mod error;
mod fields;
pub(crate) mod needs;
mod places;
pub(crate) mod table;
mod team;

pub use error::ManifestError;
pub(crate) use fields::{RESERVED, is_component, is_label};
pub use places::{WrittenNeed, written_needs};
use table::{Source, Table};

/// Bytes of a manifest at most.
pub const MANIFEST_LIMIT: usize = 256 * 1024;

/// Children of a team at most.
pub const CHILDREN_LIMIT: usize = 64;

/// A parsed and checked `agent.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What it is and where its root component is.
    pub package: Package,
    /// What the root agent uses and what it may hand on.
    pub needs: Rights,
    /// The meters that the publisher sets for the root agent, in the meters' order.
    pub budget: Vec<(Meter, u64)>,
    /// The agents that may be spawned, by label. Any member of the team whose `spawn` covers a label may.
    pub children: BTreeMap<String, Child>,
}

/// The section `[package]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// 1 to 64 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// Three numbers, `x.y.z`.
    pub version: String,
    /// At most 512 bytes; empty when it is absent.
    pub description: String,
    /// The root agent's component: a path relative to the manifest, inside its folder.
    pub component: String,
}

/// A section `[children.LABEL]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// As [`Package::component`].
    pub component: String,
    /// As [`Package::description`].
    pub description: String,
    /// What it uses and what it may hand on, of what its parent hands on to it.
    pub needs: Rights,
    /// The meters that the publisher sets for it, in the meters' order.
    pub budget: Vec<(Meter, u64)>,
}

impl Manifest {
    /// Parses and checks a manifest; `file` is its name in errors.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place in the text and, where there is one, the way to
    /// mend it.
    pub fn parse(text: &str, file: &str) -> Result<Self, ManifestError> {
        let source = Source { text, file };
        if text.len() > MANIFEST_LIMIT {
            let message =
                format!("the manifest has {} bytes; at most {MANIFEST_LIMIT} are allowed", text.len());
            return Err(source.error(0..0, message, None));
        }
        let tree = toml::de::DeTable::parse(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            source.error(span, error.message().escape_debug().to_string(), None)
        })?;
        let root = Table::root(&source, &tree);
        root.known(&["package", "needs", "budget", "children"])?;
        let package = package(&root.required("package")?.table()?)?;
        let team = team::read(&root)?;
        team.check(&source)?;
        let (root_needs, children) = team.into_parts();
        Ok(Self { package, needs: root_needs, budget: budget::read(&root)?, children })
    }
}

fn package(table: &Table<'_>) -> Result<Package, ManifestError> {
    table.known(&["name", "version", "description", "component"])?;
    Ok(Package {
        name: fields::label(&table.required("name")?)?,
        version: fields::version(&table.required("version")?)?,
        description: fields::description(table)?,
        component: fields::component(table)?,
    })
}

#[cfg(test)]
mod tests;
