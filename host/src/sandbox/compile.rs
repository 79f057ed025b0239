//! Compiling in a child process with limits of its own, so that a compile bomb costs a minute and not the host.
//!
//! The child writes its result to a file, or its verdict to standard output: a line that begins with [`VERDICT`]
//! and goes on in JSON.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use wasmtime::component::Component;

use super::component::{self, ImportError, Kind};
use super::engine;

/// A component file, in bytes. CPython's is 18 MiB.
pub const COMPONENT_BYTES: u64 = 64 << 20;
/// The child's address space, in bytes.
pub const CHILD_MEMORY: u64 = 4 << 30;
/// The child's processor time, in seconds. CPython's component takes 11.
pub const CHILD_CPU_SECONDS: u64 = 60;
/// How long the parent waits, on a busy machine too.
pub const CHILD_WALL: Duration = Duration::from_secs(120);
/// The hidden subcommand that is [`child`]; two arguments follow: the input and the output file.
pub const SUBCOMMAND: &str = "compile-child";

/// Begins the line on which the child tells why it did not compile.
const VERDICT: &str = "aos-compile: ";
/// What the parent reads of the child's output, in bytes.
const OUTPUT_BYTES: u64 = 16 << 10;
/// What an error keeps of wasmtime's or wit-component's words, in characters.
const REASON: usize = 1_024;

/// Why a file was not compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum CompileError {
    /// It is not WebAssembly.
    #[error("it is not a WebAssembly component: give the .wasm file that your toolchain wrote")]
    NotWasm,
    /// It is WebAssembly's text format.
    #[error("it is WebAssembly text: assemble it first, with `wasm-tools parse`")]
    Text,
    /// It ends too soon.
    #[error("it is cut off: copy or build it again")]
    Truncated,
    /// It is a version of WebAssembly that came later, or never.
    #[error("it is neither a module nor a component of a known version: build it with a current toolchain")]
    Unknown,
    /// A core module that nothing says the interface of.
    #[error(
        "it is a core module without component types: build it for wasm32-wasip2, or make it a component with `wasm-tools component new`"
    )]
    Module,
    /// Code that was compiled elsewhere is never run.
    #[error(
        "it is compiled machine code, which is never run: give the .wasm component that it was compiled from"
    )]
    MachineCode,
    /// Too large to try.
    #[error(
        "it has {bytes} bytes and the limit is {limit}: build it optimised for size and without debug sections"
    )]
    TooLarge {
        /// Of the file.
        bytes: u64,
        /// [`COMPONENT_BYTES`].
        limit: u64,
    },
    /// A module with component types that do not make it a component.
    #[error("it cannot be made a component: {0}")]
    NotEncodable(String),
    /// Not valid, or it uses what this host has switched off.
    #[error("it is not a valid component for this host: {0}")]
    Invalid(String),
    /// It imports or exports the wrong things.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Compiling it broke a limit or the compiler.
    #[error(
        "it costs too much to compile ({reason}; the limits are {CHILD_CPU_SECONDS} s of processor time and 4 GiB)"
    )]
    TooCostly {
        /// What the child died of.
        reason: String,
    },
    /// It asks for more than this run's processes have. Another run may have room.
    #[error(
        "it needs more than its processes are given ({0}): raise `--budget memory=…`, or build it with less"
    )]
    Unfit(String),
    /// Nothing is said about the component: the machine, the disk or somebody with `kill` was in the way.
    #[error("it could not be compiled just now: {0}")]
    Host(String),
}

impl CompileError {
    /// Whether the same file would fail in the same way again.
    pub fn is_verdict(&self) -> bool {
        !matches!(self, Self::Host(_) | Self::Unfit(_))
    }

    fn host(what: &str, path: &Path, error: std::io::Error) -> Self {
        Self::Host(format!("cannot {what} {}: {error}", path.display()))
    }
}

/// Compiles `input` to `output` in a child process, `exe` (this program) with [`SUBCOMMAND`]. Blocks.
pub fn compile(exe: &Path, input: &Path, output: &Path) -> Result<(), CompileError> {
    let mut child = Command::new(exe)
        .arg(SUBCOMMAND)
        .args([input, output])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| CompileError::host("start", exe, error))?;
    let said = listen(&mut child, CHILD_WALL);
    if said.is_none() {
        // Kills by process id; that it may have ended meanwhile is no error.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| CompileError::host("wait for", exe, error))?;
    match said {
        None => Err(CompileError::Host(format!(
            "the compiler did not end in {} s: try again when the machine is less busy",
            CHILD_WALL.as_secs()
        ))),
        Some(said) => verdict(&said, status),
    }
}

/// What the child wrote, once it has closed its output; none if it did not in time.
fn listen(child: &mut Child, wall: Duration) -> Option<Vec<u8>> {
    let mut output = child.stdout.take()?.take(OUTPUT_BYTES);
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        // What cannot be read was not said; the exit status decides then.
        let _ = output.read_to_end(&mut said);
        let _ = send.send(said);
    });
    receive.recv_timeout(wall).ok()
}

fn verdict(said: &[u8], status: ExitStatus) -> Result<(), CompileError> {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().find_map(|line| line.strip_prefix(VERDICT));
    if let Some(line) = line {
        return Err(serde_json::from_str(line).unwrap_or_else(|error| {
            CompileError::Host(format!("the compiler's answer is not understood: {error}"))
        }));
    }
    let costly = |reason: &str| Err(CompileError::TooCostly { reason: reason.to_owned() });
    // Signal numbers of Linux on x86-64 and AArch64.
    match (status.signal(), status.code()) {
        (_, Some(0)) => Ok(()),
        (Some(24), _) => costly("the processor time ran out"),
        (Some(4 | 6 | 7 | 8 | 11), _) => costly("its memory or its stack ran out"),
        // A panic of the compiler, which the file brought about.
        (_, Some(101)) => costly("the compiler gave up"),
        _ => Err(CompileError::Host(format!("the compiler ended with {status}"))),
    }
}

/// The child: limits itself, compiles `input` and writes `output`, or its verdict to standard output.
pub fn child(input: &Path, output: &Path) -> Result<(), CompileError> {
    let result = limit()
        .and_then(|()| read(input))
        .and_then(|bytes| translate(&bytes))
        .and_then(|code| write(output, &code));
    if let Err(error) = &result {
        let line = serde_json::to_string(error).unwrap_or_default();
        // Without a reader the exit status has to do.
        let _ = writeln!(std::io::stdout().lock(), "\n{VERDICT}{line}");
    }
    result
}

/// Machine code for a component, or for a module with component types; its imports and exports are checked.
pub fn translate(bytes: &[u8]) -> Result<Vec<u8>, CompileError> {
    admit(bytes)?;
    let encoded;
    let bytes = match component::kind(bytes) {
        Kind::TypedModule => {
            encoded = encode(bytes)?;
            &encoded
        }
        _ => bytes,
    };
    let engine = engine::compiler().map_err(|error| CompileError::Host(reason(&error)))?;
    let component =
        Component::from_binary(&engine, bytes).map_err(|error| CompileError::Invalid(reason(&error)))?;
    component::check(&component, &engine)?;
    component.serialize().map_err(|error| CompileError::Invalid(reason(&error)))
}

/// The first look: whether a file is worth a child process.
pub fn admit(bytes: &[u8]) -> Result<(), CompileError> {
    if bytes.len() as u64 > COMPONENT_BYTES {
        return Err(CompileError::TooLarge { bytes: bytes.len() as u64, limit: COMPONENT_BYTES });
    }
    match component::kind(bytes) {
        Kind::Component | Kind::TypedModule => Ok(()),
        Kind::Module => Err(CompileError::Module),
        Kind::MachineCode => Err(CompileError::MachineCode),
        Kind::Text => Err(CompileError::Text),
        Kind::Truncated => Err(CompileError::Truncated),
        Kind::Unknown => Err(CompileError::Unknown),
        Kind::Other => Err(CompileError::NotWasm),
    }
}

/// Makes a component of a module that carries its types. Without an adapter: preview 1 modules need theirs put in.
fn encode(module: &[u8]) -> Result<Vec<u8>, CompileError> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| {
            let reason = cut(&format!("{error:#}"));
            CompileError::NotEncodable(match reason.contains("wasi_snapshot_preview1") {
                true => {
                    "it uses WASI preview 1: give `wasm-tools component new` the preview 1 adapter".to_owned()
                }
                false => reason,
            })
        })
}

fn limit() -> Result<(), CompileError> {
    let limits = [
        (Resource::As, CHILD_MEMORY, CHILD_MEMORY),
        // The soft limit's signal tells what happened; the hard one is for who would ignore it.
        (Resource::Cpu, CHILD_CPU_SECONDS, CHILD_CPU_SECONDS + 1),
        (Resource::Core, 0, 0),
    ];
    for (resource, current, maximum) in limits {
        // Limits that are lower already stay: they can only be lowered.
        let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Rlimit { current: Some(current.min(most)), maximum: Some(maximum.min(most)) };
        setrlimit(resource, limit)
            .map_err(|error| CompileError::Host(format!("cannot limit the compiler: {error}")))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, CompileError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(COMPONENT_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| CompileError::host("read", path, error))?;
    Ok(bytes)
}

/// Writes a file whole or not at all, for the owner only.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CompileError> {
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    // An earlier process with this number may have left one.
    let _ = std::fs::remove_file(&unfinished);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&unfinished, path));
    written.map_err(|error| {
        // A leftover is removed by the cache when it is next opened.
        let _ = std::fs::remove_file(&unfinished);
        CompileError::host("write", path, error)
    })
}

pub(super) fn reason(error: &wasmtime::Error) -> String {
    cut(&format!("{error:#}"))
}

/// Words about a file that may quote it: control characters are escaped, the length is bounded.
fn cut(text: &str) -> String {
    let mut cut = String::new();
    for character in text.chars().take(REASON) {
        match character.is_control() {
            true => cut.extend(character.escape_default()),
            false => cut.push(character),
        }
    }
    cut
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
