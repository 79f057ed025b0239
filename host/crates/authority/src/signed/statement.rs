//! What a publisher signs of a package: which bytes it is made of, what it is called, and which system calls it is for.
//!
//! ```json
//! {"v":1,"publisher":NAME,"key":FINGERPRINT,"name":PACKAGE,"version":"x.y.z","wit":WORLD,"manifest":DIGEST,
//!  "components":{PATH:DIGEST,…}}
//! ```

use std::collections::{BTreeMap, BTreeSet};

use audit::Digest;
use serde::{Deserialize, Serialize};

use super::dsse::{Document, Opened, fingerprint};
use super::encoding::{self, EncodingError};
use super::version::Version;
use crate::manifest::{is_component, is_label};
use crate::{CHILDREN_LIMIT, Manifest};

/// Bytes of a publisher's name at most, and of a WIT world's.
const NAME_LIMIT: usize = 128;

/// A publisher's statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The format's version, 1.
    pub v: u64,
    /// As the publisher calls itself; the operator's name for the key is what counts.
    pub publisher: String,
    /// The fingerprint of the key that signs it.
    pub key: Digest,
    /// The package's name, as in its manifest.
    pub name: String,
    /// The package's version, as in its manifest.
    pub version: Version,
    /// The world that it is made for: `aos:host@0.1.0`.
    pub wit: String,
    /// Of the manifest's bytes.
    pub manifest: Digest,
    /// Of each component's bytes, by its path as the manifest has it.
    pub components: BTreeMap<String, Digest>,
}

/// Why a statement does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// It is no statement.
    #[error("what is signed is no package statement: {0}")]
    Form(EncodingError),
    /// A text or a number in it is out of its limits.
    #[error("what is signed is no package statement: {0}")]
    Wrong(String),
    /// It names another key than the one that signed it.
    #[error("it says that the key {0} signed it, and another one did")]
    Key(Digest),
    /// The manifest is not the one that was signed.
    #[error("it is not the manifest that was signed: it has {found}, signed is {signed}")]
    Manifest {
        /// Of what is there.
        found: Digest,
        /// Of what was signed.
        signed: Digest,
    },
    /// A component is not the one that was signed.
    #[error("it is not the component that was signed: it has {found}, signed is {signed}")]
    Component {
        /// Of what is there.
        found: Digest,
        /// Of what was signed.
        signed: Digest,
    },
    /// The manifest names a component of which nothing was signed.
    #[error("the manifest names {0}, which was not signed")]
    Unsigned(String),
    /// Something was signed that the manifest does not name.
    #[error("{0} was signed, and the manifest does not name it")]
    Unused(String),
    /// The manifest has another name or version than the statement.
    #[error("the manifest's {field} is {found:?}, signed is {signed:?}")]
    Field {
        /// `name` or `version`.
        field: &'static str,
        /// In the manifest.
        found: String,
        /// In the statement.
        signed: String,
    },
    /// It is made for another world than this host's.
    #[error("it is made for {found}; this host has {own}")]
    World {
        /// The statement's.
        found: String,
        /// This host's.
        own: String,
    },
}

impl Statement {
    /// The only encoding of this statement.
    pub fn encode(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Reads what was signed.
    ///
    /// # Errors
    /// It is no statement, breaks a limit, or names another key than the one that signed it.
    pub fn read(opened: &Opened) -> Result<Statement, StatementError> {
        let limit = Document::Package.payload_limit();
        let statement: Statement = encoding::decode(&opened.payload, limit).map_err(StatementError::Form)?;
        statement.check()?;
        match statement.key == fingerprint(&opened.key) {
            true => Ok(statement),
            false => Err(StatementError::Key(statement.key)),
        }
    }

    /// Whether all limits hold.
    ///
    /// # Errors
    /// Which one does not.
    pub fn check(&self) -> Result<(), StatementError> {
        let wrong = |what: String| Err(StatementError::Wrong(what));
        let plain = |text: &str| {
            (1..=NAME_LIMIT).contains(&text.len()) && !text.chars().any(|c| c.is_control() || c == ' ')
        };
        if self.v != 1 {
            return wrong(format!("its version is {}, not 1", self.v));
        }
        for (field, text) in [("publisher", &self.publisher), ("wit", &self.wit)] {
            if !plain(text) {
                return wrong(format!("its {field} has 1 to {NAME_LIMIT} bytes without spaces"));
            }
        }
        if !is_label(&self.name) {
            return wrong(format!("its name {:?} is not 1 to 64 of a-z, 0-9 and `-`", self.name));
        }
        if !(1..=CHILDREN_LIMIT + 1).contains(&self.components.len()) {
            return wrong(format!("it has {} components", self.components.len()));
        }
        match self.components.keys().find(|path| !is_component(path)) {
            Some(path) => wrong(format!("{path:?} is no path of a component")),
            None => Ok(()),
        }
    }

    /// Whether these are the bytes of the manifest that was signed; to be asked before they are parsed.
    ///
    /// # Errors
    /// When they are not.
    pub fn binds_manifest(&self, bytes: &[u8]) -> Result<(), StatementError> {
        let (found, signed) = (Digest::of(bytes), self.manifest);
        match found == signed {
            true => Ok(()),
            false => Err(StatementError::Manifest { found, signed }),
        }
    }

    /// Whether these are the bytes of the component that was signed under this path; to be asked before they are compiled.
    ///
    /// # Errors
    /// When they are not.
    pub fn binds_component(&self, path: &str, bytes: &[u8]) -> Result<(), StatementError> {
        let signed = *self.components.get(path).ok_or_else(|| StatementError::Unsigned(path.to_owned()))?;
        let found = Digest::of(bytes);
        match found == signed {
            true => Ok(()),
            false => Err(StatementError::Component { found, signed }),
        }
    }

    /// Whether it says of this manifest what the manifest says of itself, for a host of this world.
    ///
    /// # Errors
    /// What differs.
    pub fn fits(&self, manifest: &Manifest, world: &str) -> Result<(), StatementError> {
        let own = &manifest.package;
        for (field, found, signed) in
            [("name", &own.name, &self.name), ("version", &own.version, &self.version.to_string())]
        {
            if found != signed {
                let (found, signed) = (found.clone(), signed.clone());
                return Err(StatementError::Field { field, found, signed });
            }
        }
        if self.wit != world {
            return Err(StatementError::World { found: self.wit.clone(), own: world.to_owned() });
        }
        let named: BTreeSet<&str> = components(manifest).collect();
        if let Some(path) = named.iter().find(|path| !self.components.contains_key(**path)) {
            return Err(StatementError::Unsigned((*path).to_owned()));
        }
        match self.components.keys().find(|path| !named.contains(path.as_str())) {
            Some(path) => Err(StatementError::Unused(path.clone())),
            None => Ok(()),
        }
    }
}

/// The paths of the components that a manifest names; one may come more than once.
pub fn components(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let children = manifest.children.values().map(|child| child.component.as_str());
    std::iter::once(manifest.package.component.as_str()).chain(children)
}

#[cfg(test)]
mod tests;
