//! Packages: a folder with a manifest and its components, and what the publisher signed of them beside the manifest. What is
//! signed is checked before anything is parsed or compiled; what was signed once and does not verify does not run as unsigned.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use audit::{Digest, SignerKey};
use authority::signed::statement::components;
use authority::signed::{
    Distrust, Document, EnvelopeError, Pinned, Role, Statement, Version, fingerprint, open, seal,
};
use authority::{Manifest, Signer};
use bytes::Bytes;

use super::error::HostError;
use super::prepare::{MANIFEST, bounded};
use super::trust::{Lists, distrust};
use crate::sandbox::compile::COMPONENT_BYTES;
use crate::syscall::WIT;

/// The ending of the file beside the manifest that holds the publisher's statement.
const SIGNED: &str = "dsse";

/// A package's files, each as it was read once.
pub struct Package {
    /// The manifest.
    pub manifest: Manifest,
    /// Its bytes.
    pub text: Bytes,
    /// Of its bytes.
    pub digest: Digest,
    /// The root's component and where it is.
    pub root: (PathBuf, Bytes),
    /// Those of its children, by label.
    pub children: BTreeMap<String, (PathBuf, Bytes)>,
    /// What its publisher signed; none when nobody did.
    pub signed: Option<Signed>,
}

/// A statement that holds, of a key that counts.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What was signed.
    pub statement: Statement,
    /// Of the bytes that were signed.
    pub digest: Digest,
    /// The operator's name for the key.
    pub publisher: String,
}

/// A package's version at its start: no older one starts after it.
#[derive(Clone, Debug)]
pub(crate) struct Floor {
    key: Digest,
    package: String,
    version: Version,
    older: bool,
}

impl Signed {
    /// As a grant names it.
    pub fn signer(&self) -> Signer {
        Signer { publisher: self.publisher.clone(), key: self.statement.key, statement: self.digest }
    }

    /// Its version; with `older`, one before the floor may start.
    pub(crate) fn floor(&self, older: bool) -> Floor {
        let Statement { key, ref name, version, .. } = self.statement;
        Floor { key, package: name.clone(), version, older }
    }
}

impl Floor {
    /// Whether it may start, by these lists.
    fn admit(&self, lists: &Lists) -> Result<(), Distrust> {
        let admitted = lists.trust.admit_version(&self.key, &self.package, self.version);
        if self.older { Ok(()) } else { admitted }
    }

    /// Raises the floor to this version. Another start may have raised it meanwhile: so it is asked again.
    ///
    /// # Errors
    /// When it may not start any more, or the list cannot be written.
    pub fn raise(&self, config: &Path) -> Result<(), HostError> {
        if Lists::load(config)?
            .trust
            .floor(&self.key, &self.package)
            .is_some_and(|floor| floor == self.version)
        {
            return Ok(());
        }
        Lists::change(config, |lists| {
            self.admit(lists).map_err(|error| distrust(Path::new(&self.package), &error))?;
            let raised = lists.trust.raise(&self.key, &self.package, self.version);
            raised.map(|_| ()).map_err(|error| super::trust::refused(&error))
        })
    }
}

/// The manifest that a path names: itself, or that of a folder. None when it is another file.
pub fn manifest(target: &Path) -> Option<PathBuf> {
    let manifest = if target.is_dir() { target.join(MANIFEST) } else { target.to_owned() };
    manifest.extension().is_some_and(|extension| extension == "toml").then_some(manifest)
}

impl Package {
    /// Reads a package and checks what was signed of it. `now`, in milliseconds since 1970, is asked for only when it counts.
    ///
    /// # Errors
    /// When a file is missing or wrong; when what was signed does not hold, its key does not count, or some of it was revoked.
    pub fn read(path: &Path, lists: &Lists, now: impl FnOnce() -> u64) -> Result<Package, HostError> {
        let bytes = bounded(path, authority::MANIFEST_LIMIT as u64)?;
        let signed = signed(path, &bytes, lists, now)?;
        let digest = Digest::of(&bytes);
        lists.stands(path, "manifest", digest)?;
        let manifest = parse(path, &bytes)?;
        if let Some(Signed { statement, .. }) = &signed {
            statement.fits(&manifest, WIT).map_err(|error| changed(path, &error))?;
        }
        let read = |relative: &str| {
            let path = path.parent().unwrap_or(Path::new("")).join(relative);
            let bytes = bounded(&path, COMPONENT_BYTES)?;
            if let Some(Signed { statement, .. }) = &signed {
                statement.binds_component(relative, &bytes).map_err(|error| changed(&path, &error))?;
            }
            lists.stands(&path, "component", Digest::of(&bytes))?;
            Ok::<_, HostError>((path, bytes))
        };
        let root = read(&manifest.package.component)?;
        let children = manifest.children.iter();
        let children = children.map(|(label, child)| Ok((label.clone(), read(&child.component)?)));
        let children = children.collect::<Result<_, HostError>>()?;
        Ok(Package { text: bytes, digest, root, children, signed, manifest })
    }

    /// Whether its version may start: none that is older than the newest that was started.
    ///
    /// # Errors
    /// When it may not.
    pub fn admit_version(&self, path: &Path, lists: &Lists, older: bool) -> Result<(), HostError> {
        let floor = self.signed.as_ref().map(|signed| signed.floor(older));
        floor.map_or(Ok(()), |floor| floor.admit(lists)).map_err(|error| distrust(path, &error))
    }
}

/// What was signed of a manifest, and whose key did: checked over raw bytes. None when nothing was.
fn signed(
    manifest: &Path,
    bytes: &[u8],
    lists: &Lists,
    now: impl FnOnce() -> u64,
) -> Result<Option<Signed>, HostError> {
    let path = manifest.with_extension(SIGNED);
    let envelope = match bounded(&path, Document::Package.envelope_limit() as u64) {
        Ok(envelope) => envelope,
        // A link to nowhere is something that somebody put there.
        Err(HostError::Io { source, .. })
            if source.kind() == ErrorKind::NotFound && path.symlink_metadata().is_err() =>
        {
            return Ok(None);
        }
        Err(HostError::Usage { message, .. }) => return Err(HostError::Untrusted { message, help: None }),
        Err(error) => return Err(HostError::Untrusted { message: error.to_string(), help: None }),
    };
    let known = |key: &Digest| lists.trust.by_fingerprint(key).map(|pinned| pinned.key().clone());
    let opened = open(Document::Package, &envelope, known).map_err(|error| match error {
        EnvelopeError::UnknownKey(key) => {
            let revoked = lists.revoked.key(key).map(Distrust::Revoked);
            distrust(&path, &revoked.unwrap_or(Distrust::Unknown(key)))
        }
        other => changed(&path, &other),
    })?;
    let statement = Statement::read(&opened).map_err(|error| changed(&path, &error))?;
    let pinned = admitted(lists, &statement, now).map_err(|error| distrust(&path, &error))?;
    lists.stands(&path, "statement", opened.digest())?;
    statement.binds_manifest(bytes).map_err(|error| changed(manifest, &error))?;
    let publisher = pinned.name().to_owned();
    Ok(Some(Signed { digest: opened.digest(), publisher, statement }))
}

fn admitted<'a>(
    lists: &'a Lists,
    statement: &Statement,
    now: impl FnOnce() -> u64,
) -> Result<&'a Pinned, Distrust> {
    let expires = lists.trust.by_fingerprint(&statement.key).is_some_and(|pinned| pinned.until().is_some());
    let now = if expires { now() } else { 0 };
    lists.trust.admit(&lists.revoked, Role::Publisher, &statement.key, &statement.name, now)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Manifest, HostError> {
    let text = std::str::from_utf8(bytes).map_err(|error| HostError::Usage {
        message: format!("{}: it is not UTF-8 at byte {}", path.display(), error.valid_up_to()),
        help: None,
    })?;
    Manifest::parse(text, &path.to_string_lossy())
        .map_err(|error| HostError::Manifest { error: Box::new(error), text: text.to_owned() })
}

/// What was signed is not what is there.
fn changed(path: &Path, error: &dyn std::fmt::Display) -> HostError {
    HostError::Untrusted {
        message: format!("{}: {error}", path.display()),
        help: Some(
            "fetch the package anew; its publisher signs it anew with aos-host sign FOLDER --key NAME".into(),
        ),
    }
}

/// Signs a package; answers what it binds, and the envelope, which belongs into the file that it answers too.
///
/// # Errors
/// When a file is missing or wrong, or the package is too large to be signed.
pub fn sign(target: &Path, key: &SignerKey) -> Result<(Statement, Vec<u8>, PathBuf), HostError> {
    let path = manifest(target).ok_or_else(|| HostError::Usage {
        message: format!("{}: only a package is signed: a folder with an {MANIFEST}", target.display()),
        help: None,
    })?;
    let bytes = bounded(&path, authority::MANIFEST_LIMIT as u64)?;
    let manifest = parse(&path, &bytes)?;
    let wrong = |error: &dyn std::fmt::Display| HostError::Usage { message: error.to_string(), help: None };
    let mut digests = BTreeMap::new();
    for relative in components(&manifest) {
        let component = bounded(&path.parent().unwrap_or(Path::new("")).join(relative), COMPONENT_BYTES)?;
        digests.insert(relative.to_owned(), Digest::of(&component));
    }
    let statement = Statement {
        v: 1,
        publisher: key.public().name().to_owned(),
        key: fingerprint(key.public()),
        name: manifest.package.name.clone(),
        version: manifest.package.version.parse().map_err(|error| wrong(&error))?,
        wit: WIT.into(),
        manifest: Digest::of(&bytes),
        components: digests,
    };
    statement.check().map_err(|error| wrong(&error))?;
    let envelope = seal(Document::Package, &statement.encode(), key);
    let (size, limit) = (envelope.len(), Document::Package.envelope_limit());
    match size > limit {
        true => Err(wrong(&format!("what is to be signed has {size} bytes; at most {limit} are allowed"))),
        false => Ok((statement, envelope, path.with_extension(SIGNED))),
    }
}
