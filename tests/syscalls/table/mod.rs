//! The table: a function of `wit/*.wit` without its cases fails the test, and so does a case without its function.

use std::collections::BTreeSet;
use std::path::Path;

use wit_parser::{Function, FunctionKind, Resolve, WorldItem};

use super::case::{Case, Shows};

mod artifact;
mod infer;
mod ipc;
mod lease;
mod mount;
mod process;
mod rest;

/// No process is without this capability: it is given to all.
const GIVEN_TO_ALL: [&str; 1] = ["log.emit"];

fn cases() -> Vec<Case> {
    [
        ipc::cases(),
        lease::cases(),
        mount::cases(),
        artifact::cases(),
        infer::cases(),
        process::cases(),
        rest::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A function of the interface, and what its documentation says that it can come to.
struct Documented {
    name: String,
    needs_capability: bool,
    has_errors: bool,
}

fn documented() -> Vec<Documented> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("wit");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&folder).unwrap();
    let package = &resolve.packages[package];
    let mut all = Vec::new();
    for (interface, id) in &package.interfaces {
        let functions = resolve.interfaces[*id].functions.values();
        all.extend(
            functions
                .map(|function| read(&format!("{interface}.{}", plain_name(&resolve, function)), function)),
        );
    }
    for world in package.worlds.values() {
        let exports = resolve.worlds[*world].exports.values();
        all.extend(exports.filter_map(|item| match item {
            WorldItem::Function(function) => Some(read(&function.name, function)),
            _ => None,
        }));
    }
    assert!(all.len() > 30, "only {} functions under {}", all.len(), folder.display());
    all
}

/// `lease.renew` for `[method]lease.renew`.
fn plain_name(resolve: &Resolve, function: &Function) -> String {
    match function.kind {
        FunctionKind::Freestanding => function.name.clone(),
        FunctionKind::Method(resource) => {
            format!("{}.{}", resolve.types[resource].name.clone().unwrap(), function.item_name())
        }
        _ => panic!("{}: a kind of function that the table does not know", function.name),
    }
}

fn read(name: &str, function: &Function) -> Documented {
    let docs = function.docs.contents.clone().unwrap_or_default();
    let line = |key: &str| {
        let found = docs.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim();
        assert!(!found.is_empty(), "{name}: its documentation has no line `{key}`");
        found.to_owned()
    };
    Documented {
        name: name.to_owned(),
        needs_capability: !line("Capability:").starts_with("none"),
        has_errors: !line("Errors:").starts_with("none"),
    }
}

#[test]
fn every_function_has_its_cases() {
    let covered: BTreeSet<(&str, bool, bool)> = cases()
        .iter()
        .map(|case| (case.function, case.shows == Shows::Denied, case.shows == Shows::Error))
        .collect();
    let mut missing = Vec::new();
    let documented = documented();
    for Documented { name, needs_capability, has_errors } in &documented {
        let deniable = *needs_capability && !GIVEN_TO_ALL.contains(&name.as_str());
        let wanted = [
            (true, false, false, "granted"),
            (deniable, true, false, "denied"),
            (*has_errors, false, true, "an error"),
        ];
        for (wanted, denied, error, what) in wanted {
            if wanted && !covered.contains(&(name.as_str(), denied, error)) {
                missing.push(format!("{name}: {what}"));
            }
        }
    }
    assert!(missing.is_empty(), "without a case in tests/syscalls/table: {missing:#?}");
    for case in cases() {
        assert!(
            documented.iter().any(|it| it.name == case.function),
            "no function {} in wit/",
            case.function
        );
    }
}

/// A test for each interface, so that they run beside each other.
macro_rules! interfaces {
    ($($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                for case in super::$name::cases() {
                    case.check();
                }
            }
        )*
    };
}

mod each {
    interfaces!(ipc, lease, mount, artifact, infer, process, rest);
}
