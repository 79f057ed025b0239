//! From a file and the operator's flags to a grant and a loaded sandbox. Nothing is written but compiled code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::Digest;
use authority::{Effective, Grant, Labels, Manifest, Mode, Narrowing, Offer, Pattern, Place, Subject, Verb};
use bytes::Bytes;
use ledger::{MAX, Meter};
use serde::{Deserialize, Serialize};

use super::dirs::Dirs;
use super::error::HostError;
use super::models::{self, Catalogue, ModelFlag, ModelSource};
use crate::infer::slots::Lines;
use crate::kernel::Outside;
use crate::kernel::entry::Opening;
use crate::kernel::ports::{Driver, Mount};
use crate::limits::{BODY_BYTES, PROCESSES};
use crate::mounts::{Directory, overlap};
use crate::sandbox::cache::Cache;
use crate::sandbox::compile::COMPONENT_BYTES;
use crate::sandbox::engine::{Pool, runtime};
use crate::sandbox::{Sandbox, semantics};
use crate::syscall::WIT;

/// The file that makes a folder a package.
const MANIFEST: &str = "agent.toml";
/// The model that guests ask when they name none.
const DEFAULT: &str = "default";
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
    /// Parts of shared backends, by member.
    #[serde(default)]
    pub weights: Vec<(String, u16)>,
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
    root: (PathBuf, Bytes),
    children: BTreeMap<String, (PathBuf, Bytes)>,
}

/// Loads a team and decides what it may do.
///
/// # Errors
/// When a file is missing or wrong, a component does not fit, or something that the manifest needs is not granted.
pub fn prepare(dirs: &Dirs, options: &Options, request: Request) -> Result<Prepared, HostError> {
    if request.input.len() as u64 > BODY_BYTES {
        let message = format!("the input is {} bytes; the limit is {BODY_BYTES}", request.input.len());
        return Err(HostError::Usage { message, help: Some("put it into a mount".into()) });
    }
    let files = read(&request.target)?;
    let manifest = files.manifest.as_ref().map(|(manifest, _)| manifest);
    let offer = offer(dirs, &request, manifest)?;
    let subject = Subject {
        name: files.name.clone(),
        component: Digest::of(&files.root.1),
        manifest: files.manifest.clone(),
        children: files
            .children
            .iter()
            .map(|(label, (_, bytes))| (label.clone(), Digest::of(bytes)))
            .collect(),
        signer: None,
    };
    let Effective { grant, missing, unused, idle } = Grant::effective(&subject, offer)?;
    let sandbox = load(dirs, options, &files, &grant)?;
    if !missing.is_empty() {
        return Err(HostError::Refused { package: files.name, missing });
    }
    let outside = outside(dirs, &options.lines, &grant)?;
    let opening = Opening {
        label: files.name,
        host: env!("CARGO_PKG_VERSION").into(),
        semantics: semantics(),
        wit: WIT.into(),
    };
    let components = std::iter::once(files.root)
        .chain(files.children.into_values())
        .map(|(_, b)| (Digest::of(&b), b))
        .collect();
    Ok(Prepared { grant, unused, idle, opening, outside, input: request.input, sandbox, components })
}

fn read(target: &Path) -> Result<Files, HostError> {
    let manifest = if target.is_dir() { target.join(MANIFEST) } else { target.to_owned() };
    if manifest.extension().is_none_or(|extension| extension != "toml") {
        let stem =
            target.file_stem().map_or_else(|| "agent".into(), |stem| stem.to_string_lossy().into_owned());
        let plain: String = stem.chars().filter(|c| !c.is_control()).take(64).collect();
        let root = (target.to_owned(), component(target)?);
        return Ok(Files { name: plain, manifest: None, root, children: BTreeMap::new() });
    }
    let bytes = bounded(&manifest, authority::MANIFEST_LIMIT as u64)?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|error| HostError::Usage {
        message: format!(
            "{}: it is not UTF-8 at byte {}",
            manifest.display(),
            error.utf8_error().valid_up_to()
        ),
        help: None,
    })?;
    let file = manifest.to_string_lossy();
    let parsed = Manifest::parse(&text, &file)
        .map_err(|error| HostError::Manifest { error: Box::new(error), text: text.clone() })?;
    let folder = manifest.parent().unwrap_or(Path::new("."));
    let at = |relative: &str| {
        let path = folder.join(relative);
        component(&path).map(|bytes| (path, bytes))
    };
    let children = parsed.children.iter().map(|(label, child)| Ok((label.clone(), at(&child.component)?)));
    Ok(Files {
        name: parsed.package.name.clone(),
        root: at(&parsed.package.component)?,
        children: children.collect::<Result<_, HostError>>()?,
        manifest: Some((parsed, Digest::of(&bytes))),
    })
}

fn component(path: &Path) -> Result<Bytes, HostError> {
    bounded(path, COMPONENT_BYTES)
}

/// Reads a plain file of at most so many bytes. A pipe or a device is not waited for.
fn bounded(path: &Path, limit: u64) -> Result<Bytes, HostError> {
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

fn offer(dirs: &Dirs, request: &Request, manifest: Option<&Manifest>) -> Result<Offer, HostError> {
    let twice = |what: &str, label: &str| HostError::Usage {
        message: format!("{what} {label:?} is given twice"),
        help: None,
    };
    let mut mounts = BTreeMap::new();
    for flag in &request.mounts {
        let path = std::fs::canonicalize(&flag.path)
            .map_err(|source| open_error(&flag.path, source))?
            .to_string_lossy()
            .into_owned();
        let place = Place { path, mode: flag.mode, labels: flag.labels.clone() };
        if mounts.insert(flag.label.clone(), place).is_some() {
            return Err(twice("--mount", &flag.label));
        }
    }
    let catalogue = Catalogue::new(dirs, request.models_file.as_deref())?;
    let mut models = BTreeMap::new();
    for flag in &request.models {
        if models.insert(flag.label.clone(), catalogue.place(&flag.source)?).is_some() {
            return Err(twice("--model", &flag.label));
        }
    }
    if !models.contains_key(DEFAULT) && models::named_by_variables() && asks_default(request, manifest) {
        models.insert(DEFAULT.to_owned(), catalogue.place(&ModelSource::Variables)?);
    }
    Ok(Offer {
        mounts,
        models,
        allow: request.allow.clone(),
        narrow: request.narrow.clone(),
        budget: request.budget.clone(),
        weights: request.weights.clone(),
    })
}

/// Whether somebody asks for the model `default`: a member of the team, or without a manifest the operator.
fn asks_default(request: &Request, manifest: Option<&Manifest>) -> bool {
    let asks = |needs: &authority::Rights| {
        needs.iter().any(|need| need.verb == Verb::Infer && need.object.covers(DEFAULT))
    };
    match manifest {
        Some(team) => asks(&team.needs) || team.children.values().any(|child| asks(&child.needs)),
        None => request.allow.iter().any(|(verb, object)| *verb == Verb::Infer && object.covers(DEFAULT)),
    }
}

fn open_error(path: &Path, source: std::io::Error) -> HostError {
    use crate::mounts::OpenError;
    HostError::Mount(match source.kind() {
        std::io::ErrorKind::NotFound => OpenError::Missing(path.to_owned()),
        _ => OpenError::Failed { path: path.to_owned(), source },
    })
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
