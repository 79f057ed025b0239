//! Whose signatures count on this machine, and what counts no longer: `trust.dsse` and `revoked.dsse` in the configuration
//! directory, signed with the host's own key. A list with a flipped bit, or one that is older than it has to be, is refused, and
//! nothing starts.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use audit::{Digest, SignerKey, VerifierKey};
use authority::signed::{
    Distrust, Document, Opened, RevocationList, Revoked, TrustError, TrustList, fingerprint, open, seal,
};
use rustix::fs::{FlockOperation, flock};

use super::error::HostError;
use super::key::HostKey;
use super::prepare::bounded;
use super::private;

/// The trust list's file.
pub const TRUST: &str = "trust.dsse";
/// The revocation list's file.
pub const REVOKED: &str = "revoked.dsse";
/// Whoever changes a list has this file locked.
const LOCK: &str = "trust.lock";

/// The two lists, as the operator signed them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Whose signatures count.
    pub trust: TrustList,
    /// What counts no longer.
    pub revoked: RevocationList,
}

/// Milliseconds since 1970, by this machine's clock.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A refusal, with the line that would mend it.
pub(super) fn distrust(path: &Path, distrust: &Distrust) -> HostError {
    HostError::Untrusted { message: format!("{}: {distrust}", path.display()), help: distrust.help() }
}

impl Lists {
    /// Reads the lists of a configuration directory. Where none were made yet, nobody is trusted and nothing is revoked.
    ///
    /// # Errors
    /// When one cannot be read or is not as the operator signed it, or the revocation list is missing or an older one.
    pub fn load(config: &Path) -> Result<Lists, HostError> {
        // In this order: whoever changes them writes the other one first.
        let trust = envelope(config, TRUST, Document::Trust)?;
        let revoked = envelope(config, REVOKED, Document::Revocations)?;
        if trust.is_none() && revoked.is_none() {
            return Ok(Lists::default());
        }
        let key = HostKey::read(config)?.ok_or_else(|| {
            let missing = format!("{} was signed with a host.key that is not there", config.display());
            lost(&missing, "host.key")
        })?;
        let key = key.operator()?.public().clone();
        let trust = match trust {
            Some(bytes) => opened(config, TRUST, Document::Trust, &bytes, &key)
                .and_then(|opened| TrustList::read(&opened).map_err(|error| broken(config, TRUST, &error)))?,
            None => {
                let missing = format!("{} is missing, and {REVOKED} is there", config.join(TRUST).display());
                return Err(lost(&missing, TRUST));
            }
        };
        let revoked = match revoked {
            Some(bytes) => {
                opened(config, REVOKED, Document::Revocations, &bytes, &key).and_then(|opened| {
                    RevocationList::read(&opened).map_err(|error| broken(config, REVOKED, &error))
                })?
            }
            None => RevocationList::default(),
        };
        if revoked.serial < trust.revocations() {
            let path = config.join(REVOKED);
            let (has, wants) = (revoked.serial, trust.revocations());
            let what = match has {
                0 => format!("{} is missing: it had the serial {wants}", path.display()),
                _ => format!("{} is an older one: its serial is {has}, the last was {wants}", path.display()),
            };
            return Err(lost(&what, REVOKED));
        }
        Ok(Lists { trust, revoked })
    }

    /// Changes the lists, under a lock: as they are now, and written only when they differ then. `change` may be refused.
    ///
    /// # Errors
    /// When they cannot be read or written, or the change is refused; then they are as they were.
    pub fn change<T>(
        config: &Path,
        change: impl FnOnce(&mut Lists) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let key = HostKey::own(config)?.operator()?;
        let _locked = lock(config)?;
        let before = Lists::load(config)?;
        let mut after = before.clone();
        let answer = change(&mut after)?;
        if after.revoked != before.revoked {
            after.trust.require(after.revoked.serial);
            // A revocation list alone would be refused.
            if before.trust == TrustList::default() {
                write(config, TRUST, Document::Trust, &before.trust.encode(), &key)?;
            }
            write(config, REVOKED, Document::Revocations, &after.revoked.encode(), &key)?;
        }
        if after.trust != before.trust {
            write(config, TRUST, Document::Trust, &after.trust.encode(), &key)?;
        }
        Ok(answer)
    }

    /// Whether a digest was revoked; `what` is what it is of.
    ///
    /// # Errors
    /// When it was.
    pub(super) fn stands(&self, path: &Path, what: &'static str, digest: Digest) -> Result<(), HostError> {
        match self.revoked.digest(what, digest) {
            Some(revoked) => Err(distrust(path, &Distrust::Revoked(revoked))),
            None => Ok(()),
        }
    }
}

/// A refusal of a change.
pub fn refused(error: &TrustError) -> HostError {
    let help = match error {
        TrustError::NameTaken(name) => Some(format!(
            "for another key of the same publisher, a rotation: aos-host trust add {name} FILE; else: aos-host trust remove {name}"
        )),
        TrustError::KeyTaken(name) => {
            Some(format!("to trust it in another way: aos-host trust remove {name}"))
        }
        TrustError::Absent(_) => Some("aos-host trust list shows those that are".to_owned()),
        TrustError::Form { .. }
        | TrustError::Full { .. }
        | TrustError::Name(_)
        | TrustError::Package(_)
        | TrustError::Key(_) => None,
    };
    HostError::Usage { message: error.to_string(), help }
}

/// What was revoked of that on which a run stands, in words.
pub fn told(revoked: &Revoked) -> String {
    Distrust::Revoked(*revoked).to_string()
}

fn envelope(config: &Path, name: &str, document: Document) -> Result<Option<Vec<u8>>, HostError> {
    match bounded(&config.join(name), document.envelope_limit() as u64) {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(HostError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(HostError::Usage { message, .. }) => Err(lost(&message, name)),
        Err(error) => Err(error),
    }
}

fn opened(
    config: &Path,
    name: &str,
    document: Document,
    bytes: &[u8],
    key: &VerifierKey,
) -> Result<Opened, HostError> {
    open(document, bytes, |wanted| (fingerprint(key) == *wanted).then(|| key.clone()))
        .map_err(|error| broken(config, name, &error))
}

fn broken(config: &Path, name: &str, error: &dyn std::fmt::Display) -> HostError {
    lost(&format!("{} is not as this host signed it: {error}", config.join(name).display()), name)
}

/// Nothing can be said about whose signatures count: so none does.
fn lost(message: &str, name: &str) -> HostError {
    let help = format!(
        "bring {name} back as it was; to begin anew with nobody trusted and nothing revoked, remove {TRUST} and {REVOKED}"
    );
    HostError::Untrusted { message: message.to_owned(), help: Some(help) }
}

fn write(
    config: &Path,
    name: &str,
    document: Document,
    payload: &[u8],
    key: &SignerKey,
) -> Result<(), HostError> {
    let path = config.join(name);
    private::replace(&path, &seal(document, payload, key)).map_err(|source| HostError::Io { path, source })
}

/// Waits until nobody else changes the lists; nobody does as long as the file is open.
fn lock(config: &Path) -> Result<File, HostError> {
    let path = config.join(LOCK);
    let opened = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
    opened
        .and_then(|file| {
            flock(&file, FlockOperation::LockExclusive)?;
            Ok(file)
        })
        .map_err(|source| HostError::Io { path, source })
}

#[cfg(test)]
mod tests;
