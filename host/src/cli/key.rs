//! `aos-host key`: the keys that packages and grants are signed with. Only their public halves are ever shown.

use std::path::PathBuf;

use audit::VerifierKey;
use authority::signed::{fingerprint, short};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::args::Format;
use super::failure::{Code, Failure};
use super::out::{Out, note};
use super::view::escape::visible;
use super::view::table::Table;
use super::written::Written;
use crate::host::{Dirs, keys};

/// Shown after the help.
pub const EXAMPLES: &str = "Examples:
  aos-host key new acme
  aos-host key export acme -o acme.pub
  aos-host key rotate acme -o acme.rotation.dsse";

/// What can be done about keys.
#[derive(Debug, Subcommand)]
pub enum KeyVerb {
    /// Make a key; its public half is printed, for those who are to trust it
    #[command(after_help = "Example:\n  aos-host key new acme")]
    New(Named),
    /// Show the keys that there are
    #[command(after_help = "Example:\n  aos-host key list")]
    List(Format),
    /// Print a key's public half
    #[command(after_help = "Example:\n  aos-host key export acme -o acme.pub")]
    Export(ExportArgs),
    /// Put a new key into a key's place, and write what says so, signed by the old one, which goes
    #[command(after_help = "Example:\n  aos-host key rotate acme -o acme.rotation.dsse")]
    Rotate(RotateArgs),
}

/// Which key.
#[derive(Debug, Args)]
pub struct Named {
    /// Its name: 1 to 64 of a-z, 0-9 and `-`
    pub name: String,
    /// How it is written
    #[command(flatten)]
    pub format: Format,
}

/// Arguments of `key export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Which key
    #[command(flatten)]
    pub named: Named,
    /// Write it to a file instead
    #[arg(long, short, value_name = "FILE", conflicts_with = "json")]
    pub output: Option<PathBuf>,
}

/// Arguments of `key rotate`.
#[derive(Debug, Args)]
pub struct RotateArgs {
    /// Which key
    #[command(flatten)]
    pub named: Named,
    /// The file to write [default: NAME.rotation.dsse]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// A key, as `--json` writes it.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    fingerprint: String,
    key: String,
}

/// A key that took another's place.
#[derive(Serialize)]
struct Rotated<'a> {
    #[serde(flatten)]
    new: Shown<'a>,
    old: String,
    file: String,
}

impl<'a> Shown<'a> {
    fn of(key: &'a VerifierKey) -> Shown<'a> {
        Shown { name: key.name(), fingerprint: fingerprint(key).to_string(), key: key.to_string() }
    }
}

/// Does what was typed after `key`.
///
/// # Errors
/// When there is no such key, its name is taken, or it cannot be read or written.
pub fn key(dirs: &Dirs, verb: &KeyVerb, out: &mut Out) -> Result<Code, Failure> {
    match verb {
        KeyVerb::New(args) => {
            let key = keys::make(&dirs.config, &args.name)?;
            show(&key, args.format, out)?;
            note(&format!(
                "made the key {} ({}); the line above is what others trust:",
                key.name(),
                short(&fingerprint(&key))
            ));
            note(&format!("  aos-host trust add {} {key}", key.name()));
        }
        KeyVerb::Export(args) => {
            let key = keys::read(&dirs.config, &args.named.name)?.public().clone();
            match &args.output {
                None => show(&key, args.named.format, out)?,
                Some(path) => {
                    let mut written = Written::new(Some(path), out)?;
                    written.bytes(format!("{key}\n").as_bytes())?;
                    written.finish()?;
                    let path = path.display().to_string();
                    note(&format!("key {} in {}", short(&fingerprint(&key)), visible(&path)));
                }
            }
        }
        KeyVerb::List(format) => list(dirs, *format, out)?,
        KeyVerb::Rotate(args) => rotate(dirs, args, out)?,
    }
    Ok(Code::Ok)
}

fn show(key: &VerifierKey, format: Format, out: &mut Out) -> Result<(), Failure> {
    match format.json {
        true => out.json("key", &Shown::of(key)),
        false => out.line(&key.to_string()),
    }
}

fn list(dirs: &Dirs, format: Format, out: &mut Out) -> Result<(), Failure> {
    let keys = keys::list(&dirs.config)?;
    if format.json {
        return keys.iter().try_for_each(|key| out.json("key", &Shown::of(key)));
    }
    if keys.is_empty() {
        note("no keys yet: aos-host key new NAME makes one");
    }
    let mut table = Table::default();
    for key in &keys {
        table.row([key.name().to_owned(), short(&fingerprint(key)), key.to_string()]);
    }
    table.lines().try_for_each(|line| out.line(&line))
}

fn rotate(dirs: &Dirs, args: &RotateArgs, out: &mut Out) -> Result<(), Failure> {
    let name = &args.named.name;
    let path = args.output.clone().unwrap_or_else(|| format!("{name}.rotation.dsse").into());
    if path.is_file() {
        let message = format!("{} is there already: who has not taken it yet needs it", path.display());
        return Err(Failure::usage(message).help("write another file with -o FILE"));
    }
    let rotated = keys::rotate(&dirs.config, name, |envelope| {
        let mut written = Written::new(Some(&path), out)?;
        written.bytes(envelope)?;
        written.finish().map(drop)
    })?;
    let (old, file) = (fingerprint(&rotated.old), path.display().to_string());
    if args.named.format.json {
        let new = Shown::of(&rotated.new);
        return out.json("rotation", &Rotated { new, old: old.to_string(), file });
    }
    out.line(&rotated.new.to_string())?;
    note(&format!(
        "{name} was {} and is {} now; who trusts the old key takes the new one with",
        short(&old),
        short(&fingerprint(&rotated.new))
    ));
    note(&format!("  aos-host trust add {name} {}", visible(&file)));
    note(&format!(
        "the old private key is gone; if somebody else may have it, on each machine: aos-host trust revoke {old}"
    ));
    Ok(())
}
