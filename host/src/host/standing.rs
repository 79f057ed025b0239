//! The operator's standing grants: signed files in the configuration directory, each named by what it is for, so that a start
//! looks at one file alone.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use audit::Digest;
use authority::signed::trust::{OPERATOR, Pinned, Role};
use authority::signed::{self, Document, Mark, fingerprint};
use authority::{StandingGrant, Target};

use super::consent::{Considered, exact};
use super::dirs::Dirs;
use super::error::{HostError, Kind};
use super::key::HostKey;
use super::prepare::{Request, bounded, latest, subject};
use super::private;
use super::trust::{Lists, distrust, now, refused as unchanged};

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
    pub(super) fn holds(&self, package: Digest, now: u64) -> Result<(), HostError> {
        let name = &self.grant.name;
        if self.grant.until.is_some_and(|until| until <= now) {
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
    let (subject, target) = subject(dirs, request)?;
    // One that cannot be used is what this one takes the place of.
    let before = find(dirs, &target).ok().flatten().map(|standing| standing.grant.offer);
    let considered = Considered::over(dirs, request, &subject, before.unwrap_or_default())?;
    considered.wanting(request, &subject)?;
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
    keep(dirs, &seal(dirs, grant)?)
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
    let gone = || HostError::Io { path: file.to_owned(), source: std::io::ErrorKind::NotFound.into() };
    keep(dirs, &read(file)?.ok_or_else(gone)?)
}

fn keep(dirs: &Dirs, envelope: &[u8]) -> Result<Standing, HostError> {
    let lists = Lists::load(&dirs.config)?;
    let standing = open(dirs, &lists, envelope, PathBuf::new())?;
    lists.stands(Path::new("this"), "standing grant", standing.digest)?;
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
    let written =
        private::directory(&dirs.config.join(FOLDER)).and_then(|()| private::replace(&path, envelope));
    written.map_err(|source| HostError::Io { path: path.clone(), source })?;
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
    let mark = Mark { at: now(), now: running };
    Lists::change(&dirs.config, |lists| {
        lists.revoked.revoke(false, standing.digest, mark).map_err(|error| unchanged(&error))
    })?;
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
    let Some(envelope) = read(&path)? else { return Ok(None) };
    let lists = Lists::load(&dirs.config)?;
    let standing = open(dirs, &lists, &envelope, path)?;
    if standing.grant.target != *target {
        let message = format!("{}: it is the grant of another package", standing.path.display());
        return Err(refused(message, format!("remove it: rm {}", standing.path.display())));
    }
    lists.stands(&standing.path, "standing grant", standing.digest)?;
    Ok(Some(standing))
}

/// The name of the standing grant of a digest, if it is still there.
pub fn name_of(dirs: &Dirs, digest: Digest) -> Option<String> {
    let all = all(dirs).ok()?.into_iter().flatten();
    all.into_iter().find(|standing| standing.digest == digest).map(|standing| standing.grant.name)
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
    let lists = Lists::load(&dirs.config)?;
    let mut all = Vec::new();
    // Twice the limit: what is being written counts too.
    for entry in listed.take(2 * GRANTS_LIMIT) {
        let path = entry.map_err(io)?.path();
        if path.extension().is_none_or(|extension| extension != "dsse") {
            continue;
        }
        match read(&path) {
            Ok(Some(envelope)) => all.push(open(dirs, &lists, &envelope, path)),
            Ok(None) => {}
            Err(error) => all.push(Err(error)),
        }
    }
    all.sort_by_key(|standing| match standing {
        Ok(standing) => (false, standing.grant.name.clone()),
        Err(error) => (true, error.to_string()),
    });
    Ok(all)
}

/// Reads a grant's file; none when it is not there.
fn read(path: &Path) -> Result<Option<Vec<u8>>, HostError> {
    match bounded(path, Document::Grant.envelope_limit() as u64) {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(HostError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(HostError::Usage { message, .. }) => {
            Err(refused(message, format!("remove it: rm {}", path.display())))
        }
        Err(error) => Err(error),
    }
}

/// Checks who signed a grant: the operator of this machine, or a key that is pinned as an operator's.
fn open(dirs: &Dirs, lists: &Lists, envelope: &[u8], path: PathBuf) -> Result<Standing, HostError> {
    let place = if path.as_os_str().is_empty() { PathBuf::from("this") } else { path.clone() };
    let untrusted = |why: &dyn std::fmt::Display| {
        refused(
            format!("{} is no standing grant that is trusted here: {why}", place.display()),
            "give it anew: `aos-host grant add`, or pin its signer: aos-host trust add NAME KEY --operator"
                .to_owned(),
        )
    };
    let own = HostKey::read(&dirs.config)?.map(|key| key.operator()).transpose()?;
    let own = own.map(|key| key.public().clone());
    let known = |wanted: &Digest| {
        let own = own.as_ref().filter(|own| fingerprint(own) == *wanted);
        own.or_else(|| lists.trust.by_fingerprint(wanted).map(Pinned::key)).cloned()
    };
    let opened = signed::open(Document::Grant, envelope, known).map_err(|error| untrusted(&error))?;
    let grant = StandingGrant::decode(&opened.payload).map_err(|error| untrusted(&error))?;
    let by = match own.as_ref() == Some(&opened.key) {
        true => OPERATOR.to_owned(),
        false => {
            let package = match &grant.target {
                Target::Signed { package, .. } => package,
                Target::Local { .. } => &grant.name,
            };
            let key = fingerprint(&opened.key);
            let pinned = lists.trust.admit(&lists.revoked, Role::Operator, &key, package, latest(dirs));
            pinned.map_err(|error| distrust(&place, &error))?.name().to_owned()
        }
    };
    Ok(Standing { digest: opened.digest(), grant, by, path })
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
