//! Whose signatures count on a machine, for which packages and until when. The operator signs the list.
//!
//! ```json
//! {"v":1,"serial":3,"keys":[{"name":"acme","key":"NAME+ID+BASE64","role":"publisher","packages":["docs-merge"],"until":MS}],
//!  "floors":{"FINGERPRINT/docs-merge":"1.2.0"},"revocations":7}
//! ```

use std::collections::{BTreeMap, BTreeSet};

use audit::{Digest, VerifierKey};
use serde::{Deserialize, Serialize};

use super::dsse::{Document, Opened, fingerprint};
use super::encoding::{self, EncodingError};
use super::version::Version;
use super::written::WrittenKey;
use crate::manifest::is_label;

mod distrust;

pub use distrust::{Distrust, TrustError, short};

/// Keys on a list at most.
pub const KEYS_LIMIT: usize = 256;
/// Packages that one key is restricted to at most.
pub const PACKAGES_LIMIT: usize = 64;
/// Version floors on a list at most.
pub const FLOORS_LIMIT: usize = 4096;
/// What stands for all packages.
pub const ALL: &str = "*";
/// The name of the operator of this machine: no other key has it.
pub const OPERATOR: &str = "operator";

/// What a key's signatures count for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Packages.
    Publisher,
    /// Standing grants, and what the operator of this machine says otherwise.
    Operator,
}

impl Role {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Publisher => "publisher",
            Role::Operator => "operator",
        }
    }
}

/// Whether a key can have a name: 1 to 64 of `a-z`, `0-9` and `-`, and not the operator's.
///
/// # Errors
/// When it cannot.
pub fn check_name(name: &str) -> Result<(), TrustError> {
    let good = is_label(name) && name != OPERATOR;
    if good { Ok(()) } else { Err(TrustError::Name(name.to_owned())) }
}

/// A key that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    name: String,
    key: WrittenKey,
    role: Role,
    packages: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

/// A trust list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustList {
    v: u64,
    serial: u64,
    keys: Vec<Pinned>,
    floors: BTreeMap<String, Version>,
    revocations: u64,
}

impl Default for TrustList {
    fn default() -> TrustList {
        TrustList { v: 1, serial: 0, keys: Vec::new(), floors: BTreeMap::new(), revocations: 0 }
    }
}

impl Pinned {
    /// A key under a name of the operator's. No packages: all of them. `until` is in milliseconds since 1970.
    ///
    /// # Errors
    /// When the name or a package cannot be one.
    pub fn new(
        name: &str,
        key: VerifierKey,
        role: Role,
        packages: impl IntoIterator<Item = String>,
        until: Option<u64>,
    ) -> Result<Pinned, TrustError> {
        let mut packages: BTreeSet<String> = packages.into_iter().collect();
        if packages.is_empty() {
            packages.insert(ALL.to_owned());
        }
        let key = WrittenKey::try_from(key.to_string()).map_err(TrustError::Key)?;
        let pinned = Pinned { name: name.to_owned(), key, role, packages, until };
        pinned.check()?;
        Ok(pinned)
    }

    fn check(&self) -> Result<(), TrustError> {
        check_name(&self.name)?;
        let all = self.packages.len() == 1 && self.packages.contains(ALL);
        match self.packages.iter().find(|package| !is_label(package)) {
            Some(bad) if !all => Err(TrustError::Package(bad.clone())),
            _ if !(1..=PACKAGES_LIMIT).contains(&self.packages.len()) => {
                Err(TrustError::Full { what: "packages of one key", limit: PACKAGES_LIMIT })
            }
            _ => Ok(()),
        }
    }

    /// The operator's name for it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key, as it was given.
    pub fn key(&self) -> &VerifierKey {
        &self.key.0
    }

    /// What it counts for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The packages that it counts for; `*` is all.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().map(String::as_str)
    }

    /// When it ceases to count, in milliseconds since 1970.
    pub fn until(&self) -> Option<u64> {
        self.until
    }
}

impl TrustList {
    /// The only encoding of this list.
    pub fn encode(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Reads what was signed.
    ///
    /// # Errors
    /// It is no trust list, or breaks a limit.
    pub fn read(opened: &Opened) -> Result<TrustList, TrustError> {
        let form = |error| TrustError::Form { document: Document::Trust, error };
        let wrong = |what: String| form(EncodingError::Malformed(what));
        let limit = Document::Trust.payload_limit();
        let list: TrustList = encoding::decode(&opened.payload, limit).map_err(form)?;
        if list.v != 1 {
            return Err(wrong(format!("its version is {}, not 1", list.v)));
        }
        for (what, count, limit) in
            [("keys", list.keys.len(), KEYS_LIMIT), ("version floors", list.floors.len(), FLOORS_LIMIT)]
        {
            if count > limit {
                return Err(TrustError::Full { what, limit });
            }
        }
        for (index, pinned) in list.keys.iter().enumerate() {
            pinned.check()?;
            list.free(pinned, &list.keys[..index])?;
        }
        let floor = |text: &str| {
            text.split_once('/').is_some_and(|(key, name)| key.parse::<Digest>().is_ok() && is_label(name))
        };
        match list.floors.keys().find(|text| !floor(text)) {
            Some(bad) => Err(wrong(format!("{bad:?} is no key and package"))),
            None => Ok(list),
        }
    }

    /// Neither its name nor its key is another one's.
    fn free(&self, pinned: &Pinned, others: &[Pinned]) -> Result<(), TrustError> {
        if others.iter().any(|other| other.name == pinned.name) {
            return Err(TrustError::NameTaken(pinned.name.clone()));
        }
        let same = |other: &&Pinned| other.key().bytes() == pinned.key().bytes();
        match others.iter().find(same) {
            Some(other) => Err(TrustError::KeyTaken(other.name.clone())),
            None => Ok(()),
        }
    }

    /// One more at each change.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The smallest serial that the revocation list may have.
    pub fn revocations(&self) -> u64 {
        self.revocations
    }

    /// The keys, in the order in which they were pinned.
    pub fn keys(&self) -> &[Pinned] {
        &self.keys
    }

    /// The key of a fingerprint.
    pub fn by_fingerprint(&self, key: &Digest) -> Option<&Pinned> {
        self.keys.iter().find(|pinned| fingerprint(pinned.key()) == *key)
    }

    /// The key of a name.
    pub fn by_name(&self, name: &str) -> Option<&Pinned> {
        self.keys.iter().find(|pinned| pinned.name == name)
    }

    /// Pins a key.
    ///
    /// # Errors
    /// When its name or its key is taken, or the list is full.
    pub fn pin(&mut self, pinned: Pinned) -> Result<(), TrustError> {
        self.free(&pinned, &self.keys)?;
        if self.keys.len() >= KEYS_LIMIT {
            return Err(TrustError::Full { what: "keys", limit: KEYS_LIMIT });
        }
        self.keys.push(pinned);
        self.changed();
        Ok(())
    }

    /// Forgets a key; whether it was there. Its version floors stay, should it come back.
    pub fn unpin(&mut self, name: &str) -> bool {
        let before = self.keys.len();
        self.keys.retain(|pinned| pinned.name != name);
        let gone = self.keys.len() < before;
        if gone {
            self.changed();
        }
        gone
    }

    /// Puts another key into the place of a name's; the packages, the role, the expiry and the version floors stay.
    ///
    /// # Errors
    /// When there is no such name, or the key is another one's.
    pub fn replace(&mut self, name: &str, key: &VerifierKey) -> Result<(), TrustError> {
        let at = self.keys.iter().position(|pinned| pinned.name == name);
        let at = at.ok_or_else(|| TrustError::Absent(name.to_owned()))?;
        if let Some(other) = self.by_fingerprint(&fingerprint(key)) {
            return Err(TrustError::KeyTaken(other.name.clone()));
        }
        let (old, new) = (fingerprint(self.keys[at].key()), fingerprint(key));
        let moved = self.floors.iter().filter_map(|(of, version)| {
            let package = of.strip_prefix(&old.to_string())?;
            Some((format!("{new}{package}"), *version))
        });
        let moved: Vec<_> = moved.collect();
        self.floors.retain(|of, _| !of.starts_with(&old.to_string()));
        self.floors.extend(moved);
        self.keys[at].key = WrittenKey::try_from(key.to_string()).map_err(TrustError::Key)?;
        self.changed();
        Ok(())
    }

    /// The lowest version of a package that starts.
    pub fn floor(&self, key: &Digest, package: &str) -> Option<Version> {
        self.floors.get(&format!("{key}/{package}")).copied()
    }

    /// Raises a package's floor to a version; answers whether the list changed. Where there is no room, floors of keys that
    /// are not pinned any more go.
    ///
    /// # Errors
    /// When the list is full.
    pub fn raise(&mut self, key: &Digest, package: &str, version: Version) -> Result<bool, TrustError> {
        let of = format!("{key}/{package}");
        if self.floors.get(&of).is_some_and(|floor| *floor >= version) {
            return Ok(false);
        }
        if self.floors.len() >= FLOORS_LIMIT && !self.floors.contains_key(&of) {
            let pinned: BTreeSet<String> =
                self.keys.iter().map(|pinned| fingerprint(pinned.key()).to_string()).collect();
            self.floors.retain(|of, _| of.split_once('/').is_some_and(|(key, _)| pinned.contains(key)));
            if self.floors.len() >= FLOORS_LIMIT {
                return Err(TrustError::Full { what: "version floors", limit: FLOORS_LIMIT });
            }
        }
        self.floors.insert(of, version);
        self.changed();
        Ok(true)
    }

    /// Accepts no revocation list before this one any more.
    pub fn require(&mut self, serial: u64) {
        if serial > self.revocations {
            self.revocations = serial;
            self.changed();
        }
    }

    fn changed(&mut self) {
        self.serial = self.serial.saturating_add(1);
    }
}

#[cfg(test)]
mod tests;
