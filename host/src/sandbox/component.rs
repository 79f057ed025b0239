//! What a component is, before anything of it runs: its bytes at a first look, its imports, its way in.

use serde::{Deserialize, Serialize};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};

use super::imports::{self, HOST_VERSION};

/// Characters of a component's own text that an error shows.
const SHOWN: usize = 120;
/// Exports that an error lists.
const LISTED: usize = 6;
/// A section of a core module that carries component types begins so (wit-component's name for it).
const TYPES_SECTION: &[u8] = b"component-type";

/// What a file's bytes are, judged without decoding them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A component.
    Component,
    /// A core module that carries component types: it can be made a component.
    TypedModule,
    /// A core module and nothing more.
    Module,
    /// Compiled machine code, of wasmtime or of any other tool.
    MachineCode,
    /// WebAssembly's text format.
    Text,
    /// It begins as WebAssembly does and ends before it says what it is.
    Truncated,
    /// WebAssembly of a version nobody here knows.
    Unknown,
    /// Anything else.
    Other,
}

/// What kind of file these bytes are.
pub fn kind(bytes: &[u8]) -> Kind {
    match bytes {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Kind::Component,
        [0, b'a', b's', b'm', 1, 0, 0, 0, sections @ ..] if typed(sections) => Kind::TypedModule,
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Kind::Module,
        [0, b'a', b's', b'm', _, _, _, _, ..] => Kind::Unknown,
        [0, b'a', b's', b'm', ..] => Kind::Truncated,
        [0x7f, b'E', b'L', b'F', ..] => Kind::MachineCode,
        _ if Engine::detect_precompiled(bytes).is_some() => Kind::MachineCode,
        _ if text(bytes) => Kind::Text,
        _ => Kind::Other,
    }
}

/// How a component is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// It exports `run` of wit/world.wit.
    Agent,
    /// It exports `wasi:cli/run`: its standard output is its result.
    Command,
}

/// Why a component cannot be run here. Names of it are escaped and cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum ImportError {
    /// It imports what no host function answers.
    #[error(
        "it imports `{0}`, which this host does not offer: build it with `aos:host` and WASI 0.2 (without HTTP) only"
    )]
    Interface(String),
    /// The interface is offered, in its first version, without this function.
    #[error("it imports `{interface}/{function}`, a function that this host does not have: update the host")]
    Function {
        /// As the component names it.
        interface: String,
        /// Its name in the interface.
        function: String,
    },
    /// It was built against another version.
    #[error(
        "it needs {package} {needs}; this host offers {offers}: build it against {offers} or update the host"
    )]
    Version {
        /// Such as `aos:host`.
        package: String,
        /// What the component imports.
        needs: String,
        /// What there is.
        offers: String,
    },
    /// There is nothing to run.
    #[error("it exports nothing to run ({found}); an agent exports `run`, see wit/world.wit")]
    NoEntry {
        /// What it exports.
        found: String,
    },
    /// Its `run` is another function.
    #[error(
        "its export `run` has another type: an agent's is `func(list<u8>) -> result<list<u8>, failure>`, see wit/world.wit"
    )]
    EntryType,
}

/// Checks imports against the closed list, then says how to run it.
///
/// Whether the types agree is checked when it is linked.
pub fn check(component: &Component, engine: &Engine) -> Result<Shape, ImportError> {
    let ty = component.component_type();
    for (name, import) in ty.imports(engine) {
        check_import(name, &import.ty, engine)?;
    }
    let run = ty.get_export(engine, "run");
    if let Some(ComponentItem::ComponentFunc(function)) = run.as_ref().map(|run| &run.ty)
        && is_agent(function)
    {
        return Ok(Shape::Agent);
    }
    let mut found = Vec::new();
    for (name, export) in ty.exports(engine) {
        if is_command(name, &export.ty, engine) {
            return Ok(Shape::Command);
        }
        found.push(format!("`{}`", shown(name)));
    }
    if run.is_some() {
        return Err(ImportError::EntryType);
    }
    let more = found.len().saturating_sub(LISTED);
    found.truncate(LISTED);
    let found = match (found.is_empty(), more) {
        (true, _) => "it has no exports".to_owned(),
        (false, 0) => format!("it exports {}", found.join(", ")),
        (false, more) => format!("it exports {} and {more} more", found.join(", ")),
    };
    Err(ImportError::NoEntry { found })
}

fn check_import(name: &str, item: &ComponentItem, engine: &Engine) -> Result<(), ImportError> {
    let unknown = || ImportError::Interface(shown(name));
    let (interface, version) = name.split_once('@').ok_or_else(unknown)?;
    let (package, _) = interface.split_once('/').ok_or_else(unknown)?;
    if package == "aos:host" && !imports::links(package, version) {
        return Err(host_version(version));
    }
    if !imports::offers(interface) {
        // An interface that a later minor added.
        return Err(match package == "aos:host" && version != HOST_VERSION {
            true => host_version(version),
            false => unknown(),
        });
    }
    if !imports::links(package, version) {
        return Err(ImportError::Version {
            package: package.to_owned(),
            needs: shown(version),
            offers: "0.2".to_owned(),
        });
    }
    let ComponentItem::ComponentInstance(instance) = item else {
        return Err(unknown());
    };
    for (function, export) in instance.exports(engine) {
        let is_function = matches!(export.ty, ComponentItem::ComponentFunc(_));
        if is_function && !imports::functions(interface).any(|known| known == function) {
            return Err(match package == "aos:host" && version != HOST_VERSION {
                true => host_version(version),
                false => ImportError::Function { interface: shown(name), function: shown(function) },
            });
        }
    }
    Ok(())
}

fn host_version(version: &str) -> ImportError {
    ImportError::Version {
        package: "aos:host".to_owned(),
        needs: shown(version),
        offers: HOST_VERSION.to_owned(),
    }
}

/// `func(list<u8>) -> result<list<u8>, failure>`.
fn is_agent(function: &ComponentFunc) -> bool {
    let bytes = |ty: &Type| matches!(ty, Type::List(list) if matches!(list.ty(), Type::U8));
    let mut params = function.params();
    let mut results = function.results();
    let takes = matches!((params.next(), params.next()), (Some((_, ty)), None) if bytes(&ty));
    let gives = match (results.next(), results.next()) {
        (Some(Type::Result(result)), None) => {
            result.ok().is_some_and(|ok| bytes(&ok)) && result.err().is_some_and(is_failure)
        }
        _ => false,
    };
    takes && gives && !function.async_()
}

fn is_failure(ty: Type) -> bool {
    let Type::Record(record) = ty else {
        return false;
    };
    record.fields().map(|field| field.name).eq(["message", "cause"])
}

fn is_command(name: &str, item: &ComponentItem, engine: &Engine) -> bool {
    let version = name.strip_prefix("wasi:cli/run@");
    let ComponentItem::ComponentInstance(instance) = item else {
        return false;
    };
    version.is_some_and(|version| imports::links("wasi:cli", version))
        && instance
            .get_export(engine, "run")
            .is_some_and(|run| matches!(run.ty, ComponentItem::ComponentFunc(_)))
}

/// A component's own text, for a person: escaped and cut.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN).flat_map(char::escape_default).collect()
}

fn text(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.starts_with(b"(module") || text.starts_with(b"(component") || text.starts_with(b";;")
}

/// Whether one of a module's custom sections carries component types. Stops at the first thing out of order.
fn typed(mut sections: &[u8]) -> bool {
    while let Some((id, rest)) = sections.split_first() {
        let Some((size, rest)) = leb(rest) else {
            return false;
        };
        let Some((section, rest)) = rest.split_at_checked(size) else {
            return false;
        };
        let name = leb(section).and_then(|(size, name)| name.get(..size));
        if *id == 0 && name.is_some_and(|name| name.starts_with(TYPES_SECTION)) {
            return true;
        }
        sections = rest;
    }
    false
}

/// An unsigned LEB128 of at most 32 bits, and what follows it.
fn leb(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0u64;
    for (place, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
#[path = "component_tests.rs"]
mod tests;
