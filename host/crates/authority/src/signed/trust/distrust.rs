//! Whether a signature counts, and why not: with the line that would mend it.

use audit::Digest;

use super::{ALL, OPERATOR, Pinned, Role, TrustList};
use crate::signed::day;
use crate::signed::dsse::Document;
use crate::signed::encoding::EncodingError;
use crate::signed::revocations::{RevocationList, Revoked};
use crate::signed::version::Version;

/// The first eight hex digits of a fingerprint, for people. Nothing is looked up by them.
pub fn short(key: &Digest) -> String {
    let text: String = key.0[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{text}…")
}

/// Why a list cannot be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// What is signed is none.
    #[error("what is signed is no {}: {error}", document.as_str())]
    Form {
        /// What it should be.
        document: Document,
        /// Why it is not.
        error: EncodingError,
    },
    /// A list is full.
    #[error("at most {limit} {what} are allowed")]
    Full {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// It cannot be a name.
    #[error(
        "{0:?} cannot be a key's name: 1 to 64 of a-z, 0-9 and `-`, and not {OPERATOR:?}, which is this machine's own"
    )]
    Name(String),
    /// It cannot be a package's name.
    #[error("{0:?} is no package's name: 1 to 64 of a-z, 0-9 and `-`, or `*` alone for all")]
    Package(String),
    /// It is no key that documents are signed with.
    #[error("{0}")]
    Key(String),
    /// Another key has the name.
    #[error("a key is pinned as {0:?} already")]
    NameTaken(String),
    /// The key has another name.
    #[error("this key is pinned already, as {0:?}")]
    KeyTaken(String),
    /// No key has the name.
    #[error("no key is pinned as {0:?}")]
    Absent(String),
}

/// Why a signature that is valid does not count, or a version does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Nobody pinned the key.
    #[error("it is signed with a key that is not trusted here: {0}")]
    Unknown(Digest),
    /// The key is pinned for something else.
    #[error("{name:?} is pinned as a key of {}, and this has to be signed by {}", has.as_str(), wanted.as_str())]
    Role {
        /// The operator's name for the key.
        name: String,
        /// What it counts for.
        has: Role,
        /// What it does not count for.
        wanted: Role,
    },
    /// It counted until a time that has passed.
    #[error("the key of {name:?} was trusted until {}", day::written(*until))]
    Expired {
        /// The operator's name for the key.
        name: String,
        /// In milliseconds since 1970.
        until: u64,
        /// The key, as it is pinned.
        key: String,
        /// Whether it is an operator's.
        role: Role,
    },
    /// It counts for other packages.
    #[error("the key of {name:?} is trusted for {allowed}, not for {package}")]
    Package {
        /// The operator's name for the key.
        name: String,
        /// Which it counts for, with commas between.
        allowed: String,
        /// Which it does not count for.
        package: String,
        /// The key, as it is pinned.
        key: String,
        /// Whether it is an operator's.
        role: Role,
    },
    /// It was revoked.
    #[error("the {} {} was revoked on {}", .0.what, .0.digest, day::written(.0.mark.at))]
    Revoked(Revoked),
    /// A newer version was started already.
    #[error("{package} {version} is older than {floor}, which was started here")]
    Older {
        /// The package.
        package: String,
        /// Its version.
        version: Version,
        /// The newest that was started.
        floor: Version,
    },
}

impl Distrust {
    /// The line that would mend it, if there is one.
    pub fn help(&self) -> Option<String> {
        let again = |name: &str, key: &str, role: Role, flags: &str| {
            let role = if role == Role::Operator { " --operator" } else { "" };
            format!("aos-host trust remove {name} && aos-host trust add {name} {key}{role}{flags}")
        };
        match self {
            Distrust::Unknown(key) => Some(format!(
                "if it is really the publisher's, whose key has to be sha256:{} then: aos-host trust add NAME KEY",
                short(key)
            )),
            Distrust::Role { name, wanted, .. } => {
                let flag = if *wanted == Role::Operator { " --operator" } else { "" };
                Some(format!("if that is what it is for: aos-host trust add {name}-2 KEY{flag}"))
            }
            Distrust::Expired { name, key, role, .. } => {
                Some(format!("to trust it further: {}", again(name, key, *role, " --until DATE")))
            }
            Distrust::Package { name, allowed, package, key, role } => {
                let flags = format!(" --packages {allowed},{package}");
                Some(format!("to trust it for this one too: {}", again(name, key, *role, &flags)))
            }
            Distrust::Revoked(Revoked { what: "key", .. }) => {
                Some("what is revoked stays so: take what its owner signed with another key".into())
            }
            Distrust::Revoked(_) => Some("what is revoked stays so: take another version".into()),
            Distrust::Older { .. } => Some("to start it once all the same: run it with --older".into()),
        }
    }
}

impl TrustList {
    /// Whether a key's signatures count for a package at a time (milliseconds since 1970): it is pinned for this, has not
    /// expired, and was not revoked.
    ///
    /// # Errors
    /// Why they do not.
    pub fn admit(
        &self,
        revocations: &RevocationList,
        role: Role,
        key: &Digest,
        package: &str,
        now: u64,
    ) -> Result<&Pinned, Distrust> {
        // First, since a revoked key must not look as if one had only to pin it.
        if let Some(revoked) = revocations.key(*key) {
            return Err(Distrust::Revoked(revoked));
        }
        let pinned = self.by_fingerprint(key).ok_or(Distrust::Unknown(*key))?;
        let (name, written) = (pinned.name.clone(), pinned.key().to_string());
        if pinned.role != role {
            return Err(Distrust::Role { name, has: pinned.role, wanted: role });
        }
        if let Some(until) = pinned.until.filter(|until| now >= *until) {
            return Err(Distrust::Expired { name, until, key: written, role });
        }
        if !pinned.packages.contains(ALL) && !pinned.packages.contains(package) {
            let allowed = pinned.packages().collect::<Vec<_>>().join(",");
            return Err(Distrust::Package { name, allowed, package: package.to_owned(), key: written, role });
        }
        Ok(pinned)
    }

    /// Whether a version of a package may start: it is none before the newest that was started.
    ///
    /// # Errors
    /// When it is.
    pub fn admit_version(&self, key: &Digest, package: &str, version: Version) -> Result<(), Distrust> {
        match self.floor(key, package) {
            Some(floor) if version < floor => {
                Err(Distrust::Older { package: package.to_owned(), version, floor })
            }
            _ => Ok(()),
        }
    }
}
