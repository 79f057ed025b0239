//! From a file and the operator's flags to a grant and a loaded sandbox. Nothing is written but compiled code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::Digest;
use authority::{Effective, Grant, Labels, Manifest, Mode, Narrowing, Pattern, Subject, Target, Verb};
use bytes::Bytes;
use ledger::{MAX, Meter, Period};
use serde::{Deserialize, Serialize};

use super::consent::Considered;
use super::dirs::Dirs;
use super::error::HostError;
use super::models::{self, ModelFlag};
use super::package::{self, Floor, Package, Signed};
use super::revoked::Tell;
use super::trust::{Lists, REVOKED, TRUST, now};
use crate::infer::slots::Lines;
use crate::journal::Reader;
use crate::kernel::Outside;
use crate::kernel::entry::{Entry, Names, Opening};
use crate::kernel::ports::{Driver, Mount};
use crate::limits::{BODY_BYTES, PROCESSES};
use crate::mounts::{Directory, overlap};
use crate::sandbox::cache::Cache;
use crate::sandbox::compile::COMPONENT_BYTES;
use crate::sandbox::engine::{Pool, runtime};
use crate::sandbox::{Sandbox, semantics};
use crate::syscall::WIT;

/// The file that makes a folder a package.
pub(super) const MANIFEST: &str = "agent.toml";
/// A file of the configuration: bytes.
const CONFIGURATION_BYTES: u64 = 16 << 20;
/// A wasm page: the smallest memory that a pool can be made for, in bytes.
const PAGE: u64 = 64 << 10;

/// How a host works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Fold each entry into a second state and stop at the first difference. Slow.
    pub check: bool,
    /// The log's size at most, in bytes.
    pub log_limit: Option<u64>,
    /// Threads for guests; the machine's cores otherwise.
    pub threads: Option<usize>,
    /// This program, whose hidden subcommand compiles in a child.
    pub compiler: PathBuf,
    /// Who waits for a slot of a backend, in all runs of this host.
    pub lines: Lines,
    /// Says something to whoever reads along.
    pub tell: Tell,
}

/// A directory of this machine and its label.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MountFlag {
    /// What guests call it.
    pub label: String,
    /// Where it is.
    pub path: PathBuf,
    /// Whether it may be written.
    pub mode: Mode,
    /// What it contains.
    pub labels: Labels,
}

/// What the operator asks for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Request {
    /// A component, a manifest, or a folder with one.
    pub target: PathBuf,
    /// What the root is given; handed to another process beside this.
    #[serde(skip)]
    pub input: Bytes,
    /// Directories.
    pub mounts: Vec<MountFlag>,
    /// Models.
    pub models: Vec<ModelFlag>,
    /// Another file than the configuration directory's `models.toml`.
    pub models_file: Option<PathBuf>,
    /// Further capabilities.
    pub allow: Vec<(Verb, Pattern)>,
    /// What is taken back of them.
    pub narrow: Vec<Narrowing>,
    /// Meters.
    pub budget: Vec<(Meter, u64)>,
    /// Which of them come back, and how often.
    #[serde(default)]
    pub windows: BTreeMap<Meter, Period>,
    /// Parts of shared backends, by member.
    #[serde(default)]
    pub weights: Vec<(String, u16)>,
    /// Whether a package's version may be older than one that was started.
    #[serde(default)]
    pub older: bool,
    /// What the operator was shown and consented to for this run ([`super::consent::Consent::asked`]).
    #[serde(default)]
    pub consent: Option<Digest>,
}

/// A team that may start.
pub struct Prepared {
    /// What decides it.
    pub grant: Grant,
    /// Allowed, but asked for by nobody.
    pub unused: Vec<(Verb, Pattern)>,
    /// Narrowed, but held by nobody.
    pub idle: Vec<Narrowing>,
    pub(crate) opening: Opening,
    pub(crate) outside: Outside,
    pub(crate) input: Bytes,
    pub(crate) sandbox: Sandbox,
    pub(crate) components: Vec<(Digest, Bytes)>,
    pub(crate) manifest: Option<(Digest, Bytes)>,
    pub(crate) floor: Option<Floor>,
}

impl Prepared {
    /// Puts another driver behind the label of a model that was granted: for a program that brings a backend of its own. The
    /// grant, and with it the log, says nothing of it.
    pub fn behind(&mut self, label: &str, driver: Arc<dyn Driver>) {
        if let Some(model) = self.outside.models.get_mut(label) {
            model.traits = driver.traits(&model.name);
            model.driver = driver;
        }
    }
}

/// A team's files.
struct Files {
    name: String,
    manifest: Option<(Manifest, Digest)>,
    /// The manifest's.
    text: Option<Bytes>,
    root: (PathBuf, Bytes),
    children: BTreeMap<String, (PathBuf, Bytes)>,
    signed: Option<Signed>,
}

impl Files {
    fn subject(&self) -> Subject {
        let children = self.children.iter().map(|(label, (_, bytes))| (label.clone(), Digest::of(bytes)));
        Subject {
            name: self.name.clone(),
            component: Digest::of(&self.root.1),
            manifest: self.manifest.clone(),
            children: children.collect(),
            signer: self.signed.as_ref().map(Signed::signer),
        }
    }
}

/// Loads a team and decides what it may do.
///
/// # Errors
/// When a file is missing or wrong, what was signed of it does not hold, a component does not fit, or something that the manifest
/// needs is not granted.
pub fn prepare(dirs: &Dirs, options: &Options, request: Request) -> Result<Prepared, HostError> {
    if request.input.len() as u64 > BODY_BYTES {
        let message = format!("the input is {} bytes; the limit is {BODY_BYTES}", request.input.len());
        return Err(HostError::Usage { message, help: Some("put it into a mount".into()) });
    }
    let files = read(dirs, &request)?;
    let subject = files.subject();
    let considered = Considered::new(dirs, &request, &subject, &target(&request.target, &subject)?)?;
    let Effective { grant, missing, unused, idle } = Grant::effective(&subject, considered.offer.clone())?;
    let grant = Grant { standing: considered.standing.as_ref().map(|standing| standing.digest), ..grant };
    let sandbox = load(dirs, options, &files, &grant)?;
    if considered.wanting(&request, &subject)? || !missing.is_empty() {
        return Err(HostError::Refused(Box::new(considered.consent(&subject, grant, missing))));
    }
    let outside = outside(dirs, &options.lines, &grant)?;
    let floor = files.signed.as_ref().map(|signed| signed.floor(request.older));
    let opening = Opening {
        label: files.name,
        host: env!("CARGO_PKG_VERSION").into(),
        semantics: semantics(),
        wit: WIT.into(),
        names: Some(Names::new(&grant, &semantics(), configuration(dirs, request.models_file.as_deref())?)),
    };
    let manifest = files.text.map(|text| (Digest::of(&text), text));
    let components = std::iter::once(files.root)
        .chain(files.children.into_values())
        .map(|(_, b)| (Digest::of(&b), b))
        .collect();
    let input = request.input;
    Ok(Prepared { grant, unused, idle, opening, outside, input, sandbox, components, manifest, floor })
}

/// What a request is about, and what a standing grant for that is for. Nothing is compiled.
///
/// # Errors
/// When a file is missing or wrong.
pub(super) fn subject(dirs: &Dirs, request: &Request) -> Result<(Subject, Target), HostError> {
    let subject = read(dirs, request)?.subject();
    let target = target(&request.target, &subject)?;
    Ok((subject, target))
}

/// What a standing grant for a package is for: the package of a publisher, or whatever is built at a place.
fn target(path: &Path, subject: &Subject) -> Result<Target, HostError> {
    if let (Some(signer), Some((manifest, _))) = (&subject.signer, &subject.manifest) {
        return Ok(Target::Signed { key: signer.key, package: manifest.package.name.clone() });
    }
    let file = if path.is_dir() { path.join(MANIFEST) } else { path.to_owned() };
    let real = std::fs::canonicalize(&file).map_err(|source| HostError::Io { path: file, source })?;
    Ok(Target::Local { path: real.to_string_lossy().into_owned() })
}

/// Reads a team's files, and checks what was signed of them before anything else.
fn read(dirs: &Dirs, request: &Request) -> Result<Files, HostError> {
    let (target, lists) = (&request.target, Lists::load(&dirs.config)?);
    let Some(manifest) = package::manifest(target) else {
        let stem =
            target.file_stem().map_or_else(|| "agent".into(), |stem| stem.to_string_lossy().into_owned());
        let plain: String = stem.chars().filter(|c| !c.is_control()).take(64).collect();
        let root = (target.to_owned(), bounded(target, COMPONENT_BYTES)?);
        lists.stands(target, "component", Digest::of(&root.1))?;
        let (manifest, text, children, signed) = (None, None, BTreeMap::new(), None);
        return Ok(Files { name: plain, manifest, text, root, children, signed });
    };
    let package = Package::read(&manifest, &lists, || latest(dirs))?;
    package.admit_version(&manifest, &lists, request.older)?;
    let Package { manifest, text, digest, root, children, signed } = package;
    let name = manifest.package.name.clone();
    Ok(Files { name, manifest: Some((manifest, digest)), text: Some(text), root, children, signed })
}

/// The time: by this machine's clock, but never before the newest entry's, so that a clock that was put back makes no key
/// count again.
pub fn latest(dirs: &Dirs) -> u64 {
    let newest = Reader::open(&dirs.state).ok().and_then(|log| log.store().newest().ok().flatten());
    let entry = newest.and_then(|(line, _)| Entry::parse(&line).ok());
    now().max(entry.map_or(0, |entry| entry.t))
}

/// Names the host's configuration, as [`Names::configuration`] says.
fn configuration(dirs: &Dirs, models: Option<&Path>) -> Result<Digest, HostError> {
    let mut text = String::new();
    let own = |name: &str| dirs.config.join(name);
    let models = models.map_or_else(|| own("models.toml"), Path::to_owned);
    let files = [TRUST, REVOKED, "models.toml", "prices.toml", "caps.toml"];
    for name in files {
        let path = if name == "models.toml" { models.clone() } else { own(name) };
        let digest = match bounded(&path, CONFIGURATION_BYTES) {
            Ok(bytes) => Digest::of(&bytes).to_string(),
            Err(HostError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => "-".into(),
            Err(error) => return Err(error),
        };
        text.push_str(&format!("{name} {digest}\n"));
    }
    Ok(Digest::of(text.as_bytes()))
}

/// Reads a plain file of at most so many bytes. A pipe or a device is not waited for.
pub(super) fn bounded(path: &Path, limit: u64) -> Result<Bytes, HostError> {
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;
    let io = |source| HostError::Io { path: path.to_owned(), source };
    let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = std::fs::File::options().read(true).custom_flags(flags).open(path).map_err(io)?;
    let found = file.metadata().map_err(io)?;
    let wrong =
        |message: String| HostError::Usage { message: format!("{}: {message}", path.display()), help: None };
    if !found.is_file() {
        return Err(wrong("it is not a file".into()));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(wrong(format!("it is larger than {limit} bytes")));
    }
    Ok(bytes.into())
}

/// A pool that all processes which a grant allows fit into.
pub(super) fn pool(grant: &Grant) -> Result<Pool, HostError> {
    let children = grant.root.budget.get(Meter::Children).min(PROCESSES as u64 - 1);
    let memory = grant.root.budget.get(Meter::Memory).clamp(PAGE, 4 << 30);
    if grant.root.budget.get(Meter::Memory) >= MAX {
        let why = "memory is always limited; 4GiB is the most a guest can use".to_owned();
        return Err(HostError::Budget { meter: Meter::Memory, amount: MAX, why });
    }
    let processes = if grant.children.is_empty() { 1 } else { children as u32 + 1 };
    Ok(Pool { processes, memory: usize::try_from(memory).unwrap_or(usize::MAX) })
}

/// Compiles or finds the team's components, on a pool that its grant fits into.
fn load(dirs: &Dirs, options: &Options, files: &Files, grant: &Grant) -> Result<Sandbox, HostError> {
    let engine = runtime(pool(grant)?).map_err(|e| HostError::Engine(format!("{e:#}")))?;
    let mut sandbox = Sandbox::new(engine.clone()).map_err(|e| HostError::Engine(format!("{e:#}")))?;
    let cache = Cache::open(&dirs.cache)?;
    for (path, bytes) in std::iter::once(&files.root).chain(files.children.values()) {
        let loaded = cache
            .get(&engine, &options.compiler, bytes)
            .map_err(|error| HostError::Compile { path: path.clone(), error })?;
        sandbox.add(loaded).map_err(|e| HostError::Link { path: path.clone(), error: format!("{e:#}") })?;
    }
    Ok(sandbox)
}

/// Opens what the grant's labels mean. Two labels of one directory share it, so that its conditions hold for both.
pub(super) fn outside(dirs: &Dirs, lines: &Lines, grant: &Grant) -> Result<Outside, HostError> {
    let mut outside = Outside::default();
    let mut opened: BTreeMap<(String, &str), Arc<dyn Mount>> = BTreeMap::new();
    for (label, place) in &grant.mounts {
        overlap::check(Path::new(&place.path), &dirs.private())?;
        let key = (place.path.clone(), place.mode.as_str());
        let mount: Arc<dyn Mount> = match opened.get(&key) {
            Some(mount) => mount.clone(),
            None => match place.mode {
                Mode::Ro | Mode::Rw => {
                    Arc::new(Directory::open(Path::new(&place.path), place.mode == Mode::Rw)?)
                }
                Mode::Overlay => Arc::new(Directory::plain(Path::new(&place.path), false)?),
            },
        };
        opened.insert(key, mount.clone());
        outside.mounts.insert(label.clone(), mount);
    }
    outside.models = models::open(dirs, lines, grant)?;
    Ok(outside)
}
