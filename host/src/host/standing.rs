//! The operator's standing grants: signed files in the configuration directory, each named by what it is for, so that a start
//! looks at one file alone.

use std::path::{Path, PathBuf};

use audit::Digest;
use authority::signed::{self, Document};
use authority::{StandingGrant, Target};

use super::consent::{Considered, exact};
use super::dirs::Dirs;
use super::error::{HostError, Kind};
use super::key::HostKey;
use super::prepare::{Request, subject};
use super::trust::Trust;

/// The folder in the configuration directory.
const FOLDER: &str = "grants";
/// Standing grants at most.
pub const GRANTS_LIMIT: usize = 1_024;

/// A standing grant whose signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it says.
    pub grant: StandingGrant,
    /// Of its encoding.
    pub digest: Digest,
    /// Who signed it: `operator`, or the name of a pinned operator's key.
    pub by: String,
    /// Its file.
    pub path: PathBuf,
}

impl Standing {
    /// Whether a package may start under it now.
    ///
    /// # Errors
    /// When it has ended, or is for exactly another package.
    pub(super) fn holds(&self, package: Digest) -> Result<(), HostError> {
        let name = &self.grant.name;
        if self.grant.until.is_some_and(|until| until <= now()) {
            return Err(refused(
                format!("the standing grant {name} has ended"),
                format!(
                    "give it again with `aos-host grant add`, or take it away: aos-host grant revoke {name}"
                ),
            ));
        }
        match self.grant.exact {
            Some(exact) if exact != package => Err(refused(
                format!("the standing grant {name} is for exactly {exact}, and this package is {package}"),
                "give it again with `aos-host grant add`; without --exact it holds for later versions too"
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }
}

/// How a standing grant is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Its name; the package's by default.
    pub name: Option<String>,
    /// When it ends: milliseconds since 1970.
    pub until: Option<u64>,
    /// Only for exactly this package.
    pub exact: bool,
}

/// Makes a standing grant of a request, as a run of it would be granted now. What a grant for the same package offers already
/// stays offered.
///
/// # Errors
/// When the package cannot be trusted or loaded, or the request does not offer what it needs.
pub fn make(dirs: &Dirs, request: &Request, given: &Given) -> Result<StandingGrant, HostError> {
    let (subject, target) = subject(request)?;
    // One that cannot be used is what this one takes the place of.
    let before = find(dirs, &target).ok().flatten().map(|standing| standing.grant.offer);
    let considered = Considered::over(dirs, request, &subject, before.unwrap_or_default())?;
    let effective = authority::Grant::effective(&subject, considered.offer.clone())?;
    if !effective.missing.is_empty() {
        let consent = considered.consent(&subject, effective.grant, effective.missing);
        return Err(HostError::Refused(Box::new(consent)));
    }
    let package = &effective.grant.package;
    let name = given.name.clone().unwrap_or_else(|| name(package));
    if !authority::is_grant_name(&name) {
        let message = format!("{name:?} is no name of a grant");
        return Err(HostError::Usage { message, help: Some("write 1 to 64 of a-z, 0-9 and `-`".into()) });
    }
    if given.until.is_some_and(|until| until <= now()) {
        let message = "it would have ended before it begins".to_owned();
        return Err(HostError::Usage { message, help: Some("give a day or a time that is to come".into()) });
    }
    let exact = given.exact.then(|| exact(&subject));
    let asked = considered.asked;
    Ok(StandingGrant {
        v: 1,
        name,
        target,
        exact,
        given: now(),
        until: given.until,
        asked,
        offer: considered.offer,
    })
}

/// A component's file may be called anything.
fn name(package: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    package.chars().take(authority::GRANT_NAME_LIMIT).map(plain).collect()
}

/// Signs a standing grant with the host's own key and keeps it in place of the one for the same package.
///
/// # Errors
/// When another grant has its name, there are too many, or the directory cannot be written.
pub fn give(dirs: &Dirs, grant: &StandingGrant) -> Result<Standing, HostError> {
    keep(dirs, &Trust::load(dirs)?, &seal(dirs, grant)?)
}

/// Signs a standing grant with the host's own key.
///
/// # Errors
/// When there is no key and none can be made.
pub fn seal(dirs: &Dirs, grant: &StandingGrant) -> Result<Vec<u8>, HostError> {
    let key = HostKey::own(&dirs.config)?.operator()?;
    Ok(signed::seal(Document::Grant, &grant.encode(), &key))
}

/// Takes a standing grant that was signed elsewhere, with a key that is pinned as an operator's.
///
/// # Errors
/// As [`give`]; and when the signature is not of a trusted key.
pub fn accept(dirs: &Dirs, file: &Path) -> Result<Standing, HostError> {
    let envelope = super::trust::read(file, limit())?;
    let gone = || HostError::Io { path: file.to_owned(), source: std::io::ErrorKind::NotFound.into() };
    keep(dirs, &Trust::load(dirs)?, &envelope.ok_or_else(gone)?)
}

fn keep(dirs: &Dirs, trust: &Trust, envelope: &[u8]) -> Result<Standing, HostError> {
    let standing = open(trust, envelope, PathBuf::new())?;
    if let Some(revoked) = trust.revoked(&standing.digest) {
        return Err(revoked);
    }
    let path = path(dirs, &standing.grant.target);
    let others = all(dirs)?;
    let others = others.iter().filter_map(|other| other.as_ref().ok()).filter(|other| other.path != path);
    if let Some(other) = others.clone().find(|other| other.grant.name == standing.grant.name) {
        let message = format!("the grant {} is for {}", other.grant.name, target_text(&other.grant.target));
        return Err(HostError::Usage { message, help: Some("give this one another name: --name".into()) });
    }
    if others.count() >= GRANTS_LIMIT {
        let message = format!("there are {GRANTS_LIMIT} standing grants, which is the limit");
        return Err(HostError::Usage {
            message,
            help: Some("take some away: aos-host grant revoke NAME".into()),
        });
    }
    super::trust::replace(&path, envelope)?;
    Ok(Standing { path, ..standing })
}

/// Takes a standing grant away: it is revoked, so that a copy of it that is put back is of no use, and then removed. With
/// `running`, what runs under it ends.
///
/// # Errors
/// When there is none of this name, or the directory cannot be written.
pub fn revoke(dirs: &Dirs, name: &str, running: bool) -> Result<Standing, HostError> {
    let known = all(dirs)?;
    let found = known.iter().filter_map(|standing| standing.as_ref().ok());
    let Some(standing) = found.clone().find(|standing| standing.grant.name == name) else {
        let names: Vec<&str> = found.map(|standing| standing.grant.name.as_str()).collect();
        let message = format!("there is no standing grant {name:?}");
        let help = if names.is_empty() {
            "there are none".to_owned()
        } else {
            format!("there are {}", names.join(", "))
        };
        return Err(HostError::Usage { message, help: Some(help) });
    };
    super::trust::revoke_digest(dirs, standing.digest, running)?;
    std::fs::remove_file(&standing.path)
        .map_err(|source| HostError::Io { path: standing.path.clone(), source })?;
    Ok(standing.clone())
}

/// The standing grant for a package, if there is one. It is checked against what is trusted now.
///
/// # Errors
/// When its file cannot be read, is not what the operator signed, or is revoked.
pub(super) fn find(dirs: &Dirs, target: &Target) -> Result<Option<Standing>, HostError> {
    let path = path(dirs, target);
    let Some(envelope) = super::trust::read(&path, limit())? else { return Ok(None) };
    let trust = Trust::load(dirs)?;
    let standing = open(&trust, &envelope, path)?;
    if standing.grant.target != *target {
        let message = format!("{}: it is the grant of another package", standing.path.display());
        return Err(refused(message, format!("remove it: rm {}", standing.path.display())));
    }
    match trust.revoked(&standing.digest) {
        Some(revoked) => Err(revoked),
        None => Ok(Some(standing)),
    }
}

/// All standing grants by their names; those that cannot be trusted last, each with the reason.
///
/// # Errors
/// When the directory cannot be read.
pub fn all(dirs: &Dirs) -> Result<Vec<Result<Standing, HostError>>, HostError> {
    let folder = dirs.config.join(FOLDER);
    let io = |source| HostError::Io { path: folder.clone(), source };
    let listed = match std::fs::read_dir(&folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(error)),
    };
    let trust = Trust::load(dirs)?;
    let mut all = Vec::new();
    // Twice the limit: what is being written counts too.
    for entry in listed.take(2 * GRANTS_LIMIT) {
        let path = entry.map_err(io)?.path();
        if path.extension().is_none_or(|extension| extension != "dsse") {
            continue;
        }
        if let Some(envelope) = super::trust::read(&path, limit())? {
            all.push(open(&trust, &envelope, path));
        }
    }
    all.sort_by_key(|standing| match standing {
        Ok(standing) => (false, standing.grant.name.clone()),
        Err(error) => (true, error.to_string()),
    });
    Ok(all)
}

fn open(trust: &Trust, envelope: &[u8], path: PathBuf) -> Result<Standing, HostError> {
    let untrusted = |why: String| {
        let place = if path.as_os_str().is_empty() { "this".to_owned() } else { path.display().to_string() };
        refused(
            format!("{place} is no standing grant that is trusted here: {why}"),
            "give it anew: `aos-host grant add`, or pin its signer: aos-host trust add NAME KEY --operator"
                .to_owned(),
        )
    };
    let (payload, by) = trust.open_grant(envelope).map_err(untrusted)?;
    let grant = StandingGrant::decode(&payload).map_err(|error| untrusted(error.to_string()))?;
    Ok(Standing { digest: Digest::of(&payload), grant, by, path })
}

/// An envelope: bytes.
fn limit() -> u64 {
    Document::Grant.envelope_limit() as u64
}

fn path(dirs: &Dirs, target: &Target) -> PathBuf {
    let digest = Digest::of(target_text(target).as_bytes()).to_string();
    dirs.config.join(FOLDER).join(format!("{}.dsse", &digest["sha256:".len()..][..32]))
}

/// What a grant is for, in one line.
pub fn target_text(target: &Target) -> String {
    match target {
        Target::Signed { key, package } => format!("{package}, signed with {key}"),
        Target::Local { path } => format!("the local build {path}"),
    }
}

fn refused(message: String, help: String) -> HostError {
    HostError::Told { kind: Kind::NotAuthorised, message, help: Some(help) }
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
