//! `aos-host trust`: whose packages run here, and what runs no more.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use audit::{Digest, VerifierKey};
use authority::signed::{
    Distrust, Document, Mark, Pinned, Role, Rotation, TrustError, day, fingerprint, open, short,
};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::args::Format;
use super::failure::{Code, Failure};
use super::flags;
use super::out::{Out, note};
use super::view::table::Table;
use crate::host::trust::{Lists, now, refused};
use crate::host::{Dirs, HostError};

/// Shown after the help.
pub const EXAMPLES: &str = "Examples:
  aos-host trust add acme acme+1c2d3e4f+AQ…
  aos-host trust add acme acme.pub --packages docs-merge,hello --until 2027-01-31
  aos-host trust add acme acme.rotation.dsse
  aos-host trust revoke acme --now";

/// What can be done about trust.
#[derive(Debug, Subcommand)]
pub enum TrustVerb {
    /// Trust a key under a name of yours, or the key that takes its place
    #[command(
        after_help = "Examples:\n  aos-host trust add acme acme.pub --packages docs-merge\n  aos-host trust add acme acme.rotation.dsse"
    )]
    Add(AddArgs),
    /// Trust a key no more
    #[command(after_help = "Example:\n  aos-host trust remove acme")]
    Remove {
        /// Your name for it
        name: String,
    },
    /// Show whose keys are trusted, and what was revoked
    #[command(after_help = "Example:\n  aos-host trust list")]
    List(Format),
    /// Let nothing start any more that a key signed, or that has a digest
    #[command(after_help = "Examples:\n  aos-host trust revoke acme --now\n  aos-host trust revoke sha256:…")]
    Revoke(RevokeArgs),
}

/// Arguments of `trust add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Your name for it: 1 to 64 of a-z, 0-9 and `-`
    pub name: String,
    /// The key as its owner hands it out, a file with it, or a rotation that the key of this name signed
    #[arg(value_name = "KEY|FILE")]
    pub key: String,
    /// Trust it for these packages alone [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub packages: Vec<String>,
    /// Trust it for standing grants instead: it is an operator's
    #[arg(long)]
    pub operator: bool,
    /// Trust it through this day (UTC), or for so long
    #[arg(long, value_name = "DATE|DURATION", value_parser = flags::until)]
    pub until: Option<flags::Until>,
}

/// Arguments of `trust revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// A key, your name for it, or the digest of a component, manifest, statement or standing grant
    #[arg(value_name = "KEY|NAME|sha256:DIGEST")]
    pub what: String,
    /// End what runs on it, too
    #[arg(long)]
    pub now: bool,
}

/// A trusted key, as `--json` writes it.
#[derive(Serialize)]
struct Trusted<'a> {
    name: &'a str,
    fingerprint: Digest,
    key: String,
    role: &'a str,
    packages: Vec<&'a str>,
    until: Option<String>,
    revoked: bool,
}

/// Something revoked, as `--json` writes it.
#[derive(Serialize)]
struct Gone {
    what: &'static str,
    digest: Digest,
    at: String,
    now: bool,
}

/// What was typed as a key.
enum Given {
    Key(VerifierKey),
    /// The bytes of a rotation.
    Rotation(Vec<u8>),
}

/// Does what was typed after `trust`.
///
/// # Errors
/// When the lists cannot be read or written, or the change is refused.
pub fn trust(dirs: &Dirs, verb: TrustVerb, out: &mut Out) -> Result<Code, Failure> {
    match verb {
        TrustVerb::Add(args) => add(dirs, args)?,
        TrustVerb::Remove { name } => {
            Lists::change(&dirs.config, |lists| match lists.trust.unpin(&name) {
                true => Ok(()),
                false => Err(refused(&TrustError::Absent(name.clone()))),
            })?;
            note(&format!("{name} is not trusted any more; what runs goes on"));
        }
        TrustVerb::List(format) => list(dirs, format, out)?,
        TrustVerb::Revoke(args) => revoke(dirs, &args)?,
    }
    Ok(Code::Ok)
}

fn add(dirs: &Dirs, args: AddArgs) -> Result<(), Failure> {
    let key = match given(&args.key)? {
        Given::Key(key) => key,
        Given::Rotation(envelope) => {
            if args.operator || args.until.is_some() || !args.packages.is_empty() {
                return Err(Failure::usage("a key that takes another's place is trusted as that one was")
                    .help("leave the flags out"));
            }
            return take_over(dirs, &args.name, &envelope);
        }
    };
    let role = if args.operator { Role::Operator } else { Role::Publisher };
    let at = now();
    let until = args.until.map(|until| until.after(at));
    if until.is_some_and(|until| until <= at) {
        return Err(Failure::usage("--until: that day has passed"));
    }
    let of = fingerprint(&key);
    let pinned = Pinned::new(&args.name, key, role, args.packages, until).map_err(|error| refused(&error))?;
    let (packages, until) = (packages(&pinned), ends(&pinned));
    Lists::change(&dirs.config, |lists| {
        standing(lists, of)?;
        lists.trust.pin(pinned).map_err(|error| refused(&error))
    })?;
    let whose = if args.operator { "operator" } else { "publisher" };
    note(&format!("{} ({of}) is trusted as {whose} of {packages}, {until}", args.name));
    Ok(())
}

/// Puts the key that a rotation names into the place of the one that signed it.
fn take_over(dirs: &Dirs, name: &str, envelope: &[u8]) -> Result<(), Failure> {
    let untrusted = |error: &dyn std::fmt::Display| HostError::Untrusted {
        message: format!("this rotation does not count for {name:?}: {error}"),
        help: Some(format!("it has to be signed with the key that is pinned as {name}: aos-host trust list")),
    };
    let to = Lists::change(&dirs.config, |lists| {
        let pinned =
            lists.trust.by_name(name).ok_or_else(|| refused(&TrustError::Absent(name.to_owned())))?;
        let (from, key) = (fingerprint(pinned.key()), pinned.key().clone());
        standing(lists, from)?;
        let opened = open(Document::Rotation, envelope, |wanted| (*wanted == from).then(|| key.clone()));
        let opened = opened.map_err(|error| untrusted(&error))?;
        let rotation = Rotation::read(&opened).map_err(|error| untrusted(&error))?;
        standing(lists, fingerprint(rotation.to()))?;
        lists.trust.replace(name, rotation.to()).map_err(|error| refused(&error))?;
        Ok((from, fingerprint(rotation.to())))
    });
    let (from, to) = to?;
    note(&format!("{name} ({to}) is trusted in the place of {}, as that was", short(&from)));
    Ok(())
}

/// A key that was revoked is not trusted again.
fn standing(lists: &Lists, key: Digest) -> Result<(), HostError> {
    match lists.revoked.key(key).map(Distrust::Revoked) {
        Some(gone) => Err(HostError::Untrusted { message: gone.to_string(), help: gone.help() }),
        None => Ok(()),
    }
}

fn given(typed: &str) -> Result<Given, Failure> {
    let wrong = |error: audit::KeyError| Failure::usage(format!("{typed}: {error}"));
    let path = Path::new(typed);
    let limit = Document::Rotation.envelope_limit() as u64;
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)) {
        Ok(_) if bytes.len() as u64 > limit => {
            Err(Failure::usage(format!("{typed}: neither a key nor a rotation is that long")))
        }
        Ok(_) if bytes.starts_with(b"{") => Ok(Given::Rotation(bytes)),
        Ok(_) => {
            let text = String::from_utf8_lossy(&bytes);
            text.trim_end().parse().map(Given::Key).map_err(wrong)
        }
        // What has separators was meant as a key.
        Err(_) if typed.contains('+') => typed.parse().map(Given::Key).map_err(wrong),
        Err(error) => Err(Failure::file("read the key", path, &error)),
    }
}

fn revoke(dirs: &Dirs, args: &RevokeArgs) -> Result<(), Failure> {
    let key = |key: &VerifierKey| (true, fingerprint(key));
    let typed = match (args.what.parse::<Digest>(), args.what.parse::<VerifierKey>()) {
        (Ok(digest), _) => Some((false, digest)),
        (_, Ok(given)) => Some(key(&given)),
        (Err(error), _) if args.what.starts_with("sha256:") => return Err(Failure::usage(error)),
        (_, Err(error)) if args.what.contains('+') => return Err(Failure::usage(error)),
        (Err(_), Err(_)) => None,
    };
    let (changed, is_key, digest) = Lists::change(&dirs.config, |lists| {
        let absent = || refused(&TrustError::Absent(args.what.clone()));
        let named = || lists.trust.by_name(&args.what).map(|pinned| key(pinned.key()));
        let (is_key, digest) = typed.or_else(named).ok_or_else(absent)?;
        let is_key = is_key || lists.trust.by_fingerprint(&digest).is_some();
        let revoked = lists.revoked.revoke(is_key, digest, Mark { at: now(), now: args.now });
        Ok((revoked.map_err(|error| refused(&error))?, is_key, digest))
    })?;
    let what = if is_key { "the key " } else { "" };
    note(&match (changed, args.now) {
        (false, _) => format!("{what}{digest} was revoked already"),
        (true, false) => {
            format!("{what}{digest} is revoked: nothing starts on it any more; what runs goes on")
        }
        (true, true) => format!(
            "{what}{digest} is revoked: nothing starts on it any more, and each running host ends what runs on it within a second"
        ),
    });
    Ok(())
}

fn list(dirs: &Dirs, format: Format, out: &mut Out) -> Result<(), Failure> {
    let Lists { trust, revoked } = Lists::load(&dirs.config)?;
    let keys = revoked.keys.keys().filter_map(|key| revoked.key(*key));
    let digests = revoked.digests.keys().filter_map(|digest| revoked.digest("digest", *digest));
    let gone: Vec<_> = keys.chain(digests).collect();
    if format.json {
        for pinned in trust.keys() {
            let fingerprint = fingerprint(pinned.key());
            out.json(
                "trust",
                &Trusted {
                    name: pinned.name(),
                    fingerprint,
                    key: pinned.key().to_string(),
                    role: pinned.role().as_str(),
                    packages: pinned.packages().collect(),
                    until: pinned.until().map(day::written),
                    revoked: revoked.key(fingerprint).is_some(),
                },
            )?;
        }
        return gone.iter().try_for_each(|gone| {
            let (digest, at, now) = (gone.digest, day::written(gone.mark.at), gone.mark.now);
            out.json("revoked", &Gone { what: gone.what, digest, at, now })
        });
    }
    if trust.keys().is_empty() {
        note("no keys are trusted: aos-host trust add NAME KEY trusts one");
    }
    let mut table = Table::default();
    for pinned in trust.keys() {
        let of = fingerprint(pinned.key());
        let state = if revoked.key(of).is_some() { "revoked".to_owned() } else { ends(pinned) };
        let role = pinned.role().as_str().to_owned();
        table.row([pinned.name().to_owned(), short(&of), role, packages(pinned), state]);
    }
    table.lines().try_for_each(|line| out.line(&line))?;
    // Columns of their own: a digest is wider than all that is above.
    let mut table = Table::default();
    for gone in &gone {
        let now = if gone.mark.now { ", at once" } else { "" };
        let when = format!("on {}{now}", day::written(gone.mark.at));
        table.row(["revoked".into(), gone.what.into(), gone.digest.to_string(), when]);
    }
    table.lines().try_for_each(|line| out.line(&line))
}

fn packages(pinned: &Pinned) -> String {
    let packages: Vec<&str> = pinned.packages().collect();
    if packages == ["*"] { "all packages".to_owned() } else { packages.join(",") }
}

fn ends(pinned: &Pinned) -> String {
    match pinned.until() {
        Some(until) if until <= now() => format!("expired {}", day::written(until)),
        // The last day is the one before a midnight.
        Some(until) if until % day::DAY_MS == 0 => format!("through {}", day::written(until - day::DAY_MS)),
        Some(until) => format!("until {}", day::written(until)),
        None => "no end".to_owned(),
    }
}
