//! What the operator allows.

use std::collections::{BTreeMap, BTreeSet};

use audit::Digest;
use ledger::{Amounts, MAX, Meter, Period, comes_back};
use serde::{Deserialize, Serialize};

use crate::manifest::RESERVED;
use crate::{CHILDREN_LIMIT, Labels, Pattern, Rights};

mod effective;
mod file;
mod narrow;
mod needed;
mod offer;
mod standing;
mod weight;

pub use effective::{Effective, Subject};
pub use file::GrantFile;
pub use narrow::{Narrow, Narrowing};
pub use needed::Missing;
pub use offer::Offer;
pub use standing::{
    Asked, GRANT_NAME_LIMIT, More, StandingGrant, Target, asked, is_grant_name, package_digest,
};

/// Bytes of an encoded grant at most.
pub const GRANT_LIMIT: usize = 4 * 1024 * 1024;

/// Mounts of a grant at most; models too.
pub const PLACES_LIMIT: usize = 64;

/// The weight of a member to which none was given.
pub const WEIGHT: u16 = 100;

/// The largest weight; the smallest is 1.
pub const WEIGHT_LIMIT: u16 = 1_000;

/// Bytes of a path, source, driver or model name at most.
const TEXT_LIMIT: usize = 4096;

/// Bytes of a mount's or model's label at most (the ABI's limit of a name).
const NAME_LIMIT: usize = 128;

/// What one run may do: what each of its components holds and may spend, and what each label means on this
/// machine.
///
/// Its encoding is JSON without white space, with the fields in the order given here, absent ones left
/// out and maps sorted by their keys; it has no floats and no nulls. [`Grant::digest`] is over these
/// bytes. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The format's version, 1.
    pub v: u64,
    /// The package's name, or the component file's without its ending.
    pub package: String,
    /// Of the package; absent without a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether a publisher's signature was checked: then `signer` says whose.
    pub signed: bool,
    /// The root agent.
    pub root: Member,
    /// What may be spawned, by label.
    pub children: BTreeMap<String, Member>,
    /// What each mount label means.
    pub mounts: BTreeMap<String, Place>,
    /// What each model label means.
    pub models: BTreeMap<String, ModelPlace>,
    /// What part of a shared backend each member's processes get beside others; empty for the root.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, u16>,
    /// Which meters of the root's budget come back, and how often.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub windows: BTreeMap<Meter, Period>,
    /// Who signed the package; absent when nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
    /// Of the standing grant that it was started under; absent when flags alone made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Digest>,
}

/// Who signed a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// The name under which the operator pinned the key.
    pub publisher: String,
    /// SHA-256 of the public key's 32 bytes.
    pub key: Digest,
    /// Of the signed statement's bytes.
    pub statement: Digest,
}

/// One component of the team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Of the component's bytes.
    pub component: Digest,
    /// Of the manifest that declares it; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
    /// The root's rights; of a child, the most that its parent can give it.
    pub rights: Rights,
    /// The root's budget; of a child, what it gets unless its parent asks for another.
    pub budget: Amounts,
}

/// A directory of the operator's machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Where it is.
    pub path: String,
    /// Whether it may be written.
    pub mode: Mode,
    /// What its contents are; who reads them carries these.
    pub labels: Labels,
}

/// Whether a mount may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Only read.
    Ro,
    /// Read and written.
    Rw,
    /// Read and written, but what is written stays in the run until the operator applies it.
    Overlay,
}

impl Mode {
    /// As flags and grants write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Ro => "ro",
            Mode::Rw => "rw",
            Mode::Overlay => "overlay",
        }
    }
}

/// A model at a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPlace {
    /// The driver (`scripted`, …).
    pub driver: String,
    /// The model's name at the backend.
    pub model: String,
    /// A file or an address; never a key.
    pub source: String,
}

/// Why a grant is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// It is not the JSON of a grant, or of another version.
    #[error("this is no grant: {0}; make it anew")]
    Malformed(String),
    /// Over [`GRANT_LIMIT`].
    #[error("the grant has {0} bytes; at most {GRANT_LIMIT} are allowed")]
    TooLong(usize),
    /// A label of a mount, a model or a child is not allowed.
    #[error("{what} {name:?}: {reason}")]
    Name {
        /// `mount`, `model` or `child`.
        what: &'static str,
        /// As it was given.
        name: String,
        /// Why not.
        reason: String,
    },
    /// An empty text, one over 4,096 bytes or one with a control character.
    #[error("{what} {name:?}: its {field} must be 1 to {TEXT_LIMIT} bytes without control characters")]
    Text {
        /// `package`, `mount` or `model`.
        what: &'static str,
        /// Its label.
        name: String,
        /// Which text.
        field: &'static str,
    },
    /// More than [`PLACES_LIMIT`] mounts or models, or too many children.
    #[error("{count} {what}; at most {limit} are allowed")]
    TooMany {
        /// `mounts`, `models` or `children`.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The rights of a member exceed the limits.
    #[error("{member}: {error}")]
    Rights {
        /// `the root agent` or the child's label.
        member: String,
        /// Which limit.
        error: crate::RightsError,
    },
    /// More than [`Labels::LIMIT`] different data categories in mounts and rights together.
    #[error("the grant names {0} data labels; at most {limit} are allowed", limit = Labels::LIMIT)]
    Labels(usize),
    /// A weight for a member that is not there, or out of range.
    #[error("--weight {member}={weight}: {reason}")]
    Weight {
        /// The member.
        member: String,
        /// Its weight.
        weight: u16,
        /// Why not.
        reason: String,
    },
    /// A child is declared whose component's digest was not given.
    #[error("children.{0}: its component was not loaded")]
    NoComponent(String),
    /// An allowed capability names what is not there: without a manifest, `--allow` alone opens no
    /// directory.
    #[error("--allow {verb}={object}: nothing is there; offer it with {flag}", object = object.as_str())]
    NoPlace {
        /// The verb that was allowed.
        verb: crate::Verb,
        /// The object that was allowed.
        object: Pattern,
        /// The flag that would offer it.
        flag: String,
    },
}

impl Grant {
    /// The only encoding of this grant.
    pub fn encode(&self) -> Vec<u8> {
        // Strings, integers and maps with string keys, written to memory: nothing here can fail.
        serde_json::to_vec(self).expect("a grant is plain JSON")
    }

    /// The digest of [`Grant::encode`].
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }

    /// Reads an encoded grant and checks it.
    ///
    /// # Errors
    /// It is too long, is no grant, is not in its one encoding, or breaks a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, GrantError> {
        if bytes.len() > GRANT_LIMIT {
            return Err(GrantError::TooLong(bytes.len()));
        }
        let grant: Grant =
            serde_json::from_slice(bytes).map_err(|error| GrantError::Malformed(error.to_string()))?;
        grant.check()?;
        if grant.encode() != bytes {
            return Err(GrantError::Malformed("it is not in its one encoding".to_owned()));
        }
        Ok(grant)
    }

    /// Whether all limits hold: of names, texts, counts and labels.
    ///
    /// The labels of a whole grant fit into one [`Labels`], so that no union of them in a run is ever
    /// too large.
    pub fn check(&self) -> Result<(), GrantError> {
        if self.v != 1 {
            return Err(GrantError::Malformed(format!("its version is {}, not 1", self.v)));
        }
        if self.signed != self.signer.is_some() {
            return Err(GrantError::Malformed("`signed` and `signer` disagree".to_owned()));
        }
        if self.windows.keys().any(|meter| !comes_back(*meter) || self.root.budget.get(*meter) >= MAX) {
            return Err(GrantError::Malformed("a meter cannot come back".to_owned()));
        }
        offer::check_text("package", &self.package, "name", &self.package)?;
        if let Some(version) = &self.version {
            offer::check_text("package", &self.package, "version", version)?;
        }
        count("mounts", self.mounts.len(), PLACES_LIMIT)?;
        count("models", self.models.len(), PLACES_LIMIT)?;
        count("children", self.children.len(), CHILDREN_LIMIT)?;
        offer::check_places(&self.mounts, &self.models)?;
        for label in self.children.keys() {
            check_name("child", label)?;
        }
        weight::check(self)?;
        let members = self.children.values().chain([&self.root]);
        let unless = members.flat_map(|member| &member.rights).map(|right| &right.unless);
        let labels = self.mounts.values().map(|place| &place.labels).chain(unless);
        let labels: BTreeSet<&str> = labels.flat_map(Labels::iter).collect();
        if labels.len() > Labels::LIMIT {
            return Err(GrantError::Labels(labels.len()));
        }
        Ok(())
    }
}

fn count(what: &'static str, count: usize, limit: usize) -> Result<(), GrantError> {
    if count > limit { Err(GrantError::TooMany { what, count, limit }) } else { Ok(()) }
}

/// A label is one exact name that is not reserved.
fn check_name(what: &'static str, name: &str) -> Result<(), GrantError> {
    let reason = match name.parse::<Pattern>() {
        Err(error) => error.to_string(),
        Ok(pattern) if !pattern.is_name() => "`*` stands for many names; give one".to_owned(),
        Ok(_) if name.len() > NAME_LIMIT => format!("at most {NAME_LIMIT} bytes are allowed"),
        Ok(_) if what == "mount" && name == "scratch" => {
            "`scratch` is each process's own mount; choose another name".to_owned()
        }
        Ok(_) if what == "child" && RESERVED.contains(&name) => "it is a name of the host's own".to_owned(),
        Ok(_) => return Ok(()),
    };
    let name = name.chars().take(NAME_LIMIT).collect();
    Err(GrantError::Name { what, name, reason })
}

#[cfg(test)]
mod tests;
