//! What counts no longer: keys, and digests of components, manifests, statements and standing grants.
//!
//! ```json
//! {"v":1,"serial":7,"keys":{FINGERPRINT:{"at":MS,"now":false}},"digests":{DIGEST:{"at":MS,"now":true}}}
//! ```

use std::collections::BTreeMap;

use audit::Digest;
use serde::{Deserialize, Serialize};

use super::dsse::{Document, Opened};
use super::encoding::{self, EncodingError};
use super::trust::TrustError;
use crate::Grant;

/// Keys on a list at most; digests too.
pub const REVOKED_LIMIT: usize = 4096;

/// A revocation list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationList {
    /// The format's version, 1.
    pub v: u64,
    /// One more at each change; a list that is not there has 0.
    pub serial: u64,
    /// Keys, by their fingerprints.
    pub keys: BTreeMap<Digest, Mark>,
    /// Components, manifests, statements and standing grants.
    pub digests: BTreeMap<Digest, Mark>,
}

/// When something was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Milliseconds since 1970.
    pub at: u64,
    /// Whether what runs on it ends too.
    pub now: bool,
}

/// A thing that was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// What it is: `key`, `statement`, `component`, `manifest`, `standing grant`.
    pub what: &'static str,
    /// Which.
    pub digest: Digest,
    /// When.
    pub mark: Mark,
}

impl Default for RevocationList {
    fn default() -> RevocationList {
        RevocationList { v: 1, serial: 0, keys: BTreeMap::new(), digests: BTreeMap::new() }
    }
}

impl RevocationList {
    /// The only encoding of this list.
    pub fn encode(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Reads what was signed.
    ///
    /// # Errors
    /// It is no revocation list, or breaks a limit.
    pub fn read(opened: &Opened) -> Result<RevocationList, TrustError> {
        let limit = Document::Revocations.payload_limit();
        let list: RevocationList = encoding::decode(&opened.payload, limit).map_err(|error| form(&error))?;
        if list.v != 1 {
            return Err(form(&EncodingError::Malformed(format!("its version is {}, not 1", list.v))));
        }
        let longest = list.keys.len().max(list.digests.len());
        match longest > REVOKED_LIMIT {
            true => Err(TrustError::Full { what: "revoked keys or digests", limit: REVOKED_LIMIT }),
            false => Ok(list),
        }
    }

    /// Adds a key or a digest. What is there stays, and can only become stricter; answers whether the list changed.
    ///
    /// # Errors
    /// When the list is full.
    pub fn revoke(&mut self, key: bool, digest: Digest, mark: Mark) -> Result<bool, TrustError> {
        let list = if key { &mut self.keys } else { &mut self.digests };
        if list.get(&digest).is_some_and(|there| there.now || !mark.now) {
            return Ok(false);
        }
        if list.len() >= REVOKED_LIMIT && !list.contains_key(&digest) {
            return Err(TrustError::Full { what: "revoked keys or digests", limit: REVOKED_LIMIT });
        }
        list.insert(digest, mark);
        self.serial = self.serial.saturating_add(1);
        Ok(true)
    }

    /// Whether a key was revoked: as one, or by its fingerprint as a digest, which nothing else has.
    pub fn key(&self, key: Digest) -> Option<Revoked> {
        let mark = self.keys.get(&key).or_else(|| self.digests.get(&key));
        mark.map(|mark| Revoked { what: "key", digest: key, mark: *mark })
    }

    /// Whether a digest was revoked; `what` is what it is of.
    pub fn digest(&self, what: &'static str, digest: Digest) -> Option<Revoked> {
        self.digests.get(&digest).map(|mark| Revoked { what, digest, mark: *mark })
    }

    /// All that was revoked of what a run stands on: the key and the statement of its package, its standing grant, and each
    /// member's manifest and component.
    pub fn under<'a>(&'a self, grant: &'a Grant) -> impl Iterator<Item = Revoked> + 'a {
        let signer = grant.signer.iter();
        let signer =
            signer.flat_map(|signer| [self.key(signer.key), self.digest("statement", signer.statement)]);
        let standing = grant.standing.iter().map(|digest| self.digest("standing grant", *digest));
        let members = std::iter::once(&grant.root).chain(grant.children.values());
        let members = members.flat_map(|member| {
            let manifest = member.manifest.and_then(|digest| self.digest("manifest", digest));
            [manifest, self.digest("component", member.component)]
        });
        signer.chain(standing).chain(members).flatten()
    }

    /// What ends a run that stands on it: revoked with `now`.
    pub fn ends(&self, grant: &Grant) -> Option<Revoked> {
        self.under(grant).find(|revoked| revoked.mark.now)
    }

    /// Whether some of it ends runs; else they need not be looked at.
    pub fn ends_some(&self) -> bool {
        self.keys.values().chain(self.digests.values()).any(|mark| mark.now)
    }
}

fn form(error: &EncodingError) -> TrustError {
    TrustError::Form { document: Document::Revocations, error: error.clone() }
}

#[cfg(test)]
mod tests;
