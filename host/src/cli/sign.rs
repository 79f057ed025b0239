//! `aos-host sign` and `verify`: what a publisher says of a package, and whether it counts here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use audit::Digest;
use authority::signed::{Statement, short};
use clap::Args;
use serde::Serialize;

use super::args::Format;
use super::failure::{Code, Failure};
use super::out::{Out, note};
use super::view::escape::visible;
use super::view::table::Table;
use super::written::Written;
use crate::host::package::{self, Package, Signed};
use crate::host::prepare::latest;
use crate::host::trust::Lists;
use crate::host::{Dirs, keys};

/// Arguments of `sign`.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// A folder with an agent.toml, or the manifest
    pub folder: PathBuf,
    /// Which key of `key list` signs it
    #[arg(long, value_name = "NAME")]
    pub key: String,
    /// How it is written
    #[command(flatten)]
    pub format: Format,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A folder with an agent.toml, or the manifest
    pub folder: PathBuf,
    /// How it is written
    #[command(flatten)]
    pub format: Format,
}

/// What is bound, as `--json` writes it.
#[derive(Serialize)]
struct Bound<'a> {
    publisher: &'a str,
    key: Digest,
    name: &'a str,
    version: String,
    wit: &'a str,
    statement: Digest,
    manifest: Digest,
    components: &'a BTreeMap<String, Digest>,
}

/// Signs a package with a key of this user's; its statement goes beside the manifest.
///
/// # Errors
/// When there is no such key, or the package is not whole or cannot be written to.
pub fn sign(dirs: &Dirs, args: &SignArgs, out: &mut Out) -> Result<Code, Failure> {
    let key = keys::read(&dirs.config, &args.key)?;
    let (statement, envelope, path) = package::sign(&args.folder, &key)?;
    let mut written = Written::new(Some(&path), out)?;
    written.bytes(&envelope)?;
    written.finish()?;
    let digest = Digest::of(&statement.encode());
    show("signed", &args.key, &statement, digest, args.format, out)?;
    if !args.format.json {
        note(&format!("in {}; it goes wherever the package goes", visible(&path.display().to_string())));
    }
    Ok(Code::Ok)
}

/// Checks a package as a start would, and shows what was signed.
///
/// # Errors
/// When it is not signed, what was signed does not hold, or the key does not count here.
pub fn verify(dirs: &Dirs, args: &VerifyArgs, out: &mut Out) -> Result<Code, Failure> {
    let lists = Lists::load(&dirs.config)?;
    let unsigned = || {
        let folder = args.folder.display();
        Failure::new(Code::NotAuthorised, format!("{folder} is not signed"))
            .help(format!("its publisher signs it with: aos-host sign {folder} --key NAME"))
    };
    let path = package::manifest(&args.folder).ok_or_else(unsigned)?;
    let package = Package::read(&path, &lists, || latest(dirs))?;
    let Signed { statement, digest, publisher } = package.signed.as_ref().ok_or_else(unsigned)?;
    package.admit_version(&path, &lists, false)?;
    show("verified", publisher, statement, *digest, args.format, out)?;
    Ok(Code::Ok)
}

fn show(
    done: &str,
    publisher: &str,
    statement: &Statement,
    digest: Digest,
    format: Format,
    out: &mut Out,
) -> Result<(), Failure> {
    let Statement { key, name, version, wit, manifest, components, .. } = statement;
    if format.json {
        let (version, statement) = (version.to_string(), digest);
        let (key, manifest) = (*key, *manifest);
        return out
            .json(done, &Bound { publisher, key, name, version, wit, statement, manifest, components });
    }
    out.line(&format!("{done} {name} {version} · {publisher} ({}) · for {}", short(key), visible(wit)))?;
    let mut table = Table::default();
    table.row(["key".into(), key.to_string()]);
    table.row(["statement".into(), digest.to_string()]);
    table.row(["manifest".into(), manifest.to_string()]);
    for (path, component) in components {
        table.row([visible(path), component.to_string()]);
    }
    table.lines().try_for_each(|line| out.line(&line))
}
