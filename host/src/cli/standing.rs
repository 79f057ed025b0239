//! `aos-host grant add`, `list`, `show` and `revoke`: what the operator allows for longer than one run.

use authority::signed::{self, Document};
use authority::{GrantFile, Narrow, Narrowing, StandingGrant};
use ledger::show as amount;
use serde::Serialize;

use super::args::{Format, GrantArgs};
use super::command::Typed;
use super::failure::{Code, Failure};
use super::out::{Out, note};
use super::run::refused;
use super::view::escape::visible;
use super::view::table::Table;
use super::view::time::rfc3339;
use super::written::Written;
use crate::host::Dirs;
use crate::host::keys;
use crate::host::standing::{self, Given, Standing, target_text};
use crate::host::trust::now;

/// The end of the name of a file with a signed grant.
const SIGNED: &str = "dsse";

/// What `--json` says of a standing grant.
#[derive(Serialize)]
struct Answered<'a> {
    digest: String,
    signed_by: &'a str,
    grant: &'a StandingGrant,
}

/// Gives a standing grant, or takes one that was signed elsewhere.
///
/// # Errors
/// When the package cannot be trusted, lacks something, or the grant cannot be kept.
pub fn add(dirs: &Dirs, args: GrantArgs, out: &mut Out) -> Result<Code, Failure> {
    if args.target.extension().is_some_and(|extension| extension == SIGNED) {
        return added(&standing::accept(dirs, &args.target)?, out);
    }
    let given =
        Given { name: args.name, until: args.expires.map(|until| until.after(now())), exact: args.exact };
    let grant = standing::make(dirs, &args.offer.request(args.target), &given);
    let grant = grant.map_err(|error| refused(error, &Typed::now()))?;
    match args.output {
        None => added(&standing::give(dirs, &grant)?, out),
        Some(file) => {
            let envelope = match &args.key {
                Some(key) => signed::seal(Document::Grant, &grant.encode(), &keys::read(&dirs.config, key)?),
                None => standing::seal(dirs, &grant)?,
            };
            let mut written = Written::new(Some(&file), out)?;
            written.bytes(&envelope)?;
            written.finish()?;
            let (file, target) = (file.display(), target_text(&grant.target));
            note(&format!("{file}: the grant {} for {}", grant.name, visible(&target)));
            Ok(Code::Ok)
        }
    }
}

fn added(standing: &Standing, out: &mut Out) -> Result<Code, Failure> {
    let target = visible(&target_text(&standing.grant.target));
    out.line(&format!("{}: {target} may start from now on, unless it asks for more", standing.grant.name))?;
    offered(&standing.grant).iter().try_for_each(|line| out.line(&format!("  {}", visible(line))))?;
    Ok(Code::Ok)
}

/// Lists the standing grants.
///
/// # Errors
/// When they cannot be read.
pub fn list(dirs: &Dirs, format: Format, out: &mut Out) -> Result<Code, Failure> {
    let all = standing::all(dirs)?;
    let good: Vec<&Standing> = all.iter().filter_map(|standing| standing.as_ref().ok()).collect();
    if format.json {
        good.iter().try_for_each(|standing| out.json("grant", &answered(standing)))?;
    } else if good.is_empty() {
        note("there are no standing grants");
    } else {
        let mut table = Table::default();
        for standing in &good {
            let expires = standing.grant.until.map(|until| format!("until {}", rfc3339(until)));
            let target = visible(&target_text(&standing.grant.target));
            let by = format!("signed by {}", visible(&standing.by));
            table.row([standing.grant.name.clone(), by, expires.unwrap_or_default(), target]);
        }
        table.lines().try_for_each(|line| out.line(line.trim_start()))?;
    }
    let mut code = Code::Ok;
    for error in all.into_iter().filter_map(Result::err) {
        Failure::from(error).show();
        code = Code::NotAuthorised;
    }
    Ok(code)
}

fn answered(standing: &Standing) -> Answered<'_> {
    Answered { digest: standing.digest.to_string(), signed_by: &standing.by, grant: &standing.grant }
}

/// Shows one.
///
/// # Errors
/// When there is none of this name.
pub fn show(dirs: &Dirs, name: &str, format: Format, out: &mut Out) -> Result<Code, Failure> {
    let all = standing::all(dirs)?;
    let found = all.iter().filter_map(|standing| standing.as_ref().ok()).find(|s| s.grant.name == name);
    let Some(standing) = found else {
        return Err(Failure::usage(format!("there is no standing grant {name:?}"))
            .help("`aos-host grant list` shows them"));
    };
    if format.json {
        out.json("grant", &answered(standing))?;
        return Ok(Code::Ok);
    }
    text(standing).iter().try_for_each(|line| out.line(line))?;
    Ok(Code::Ok)
}

fn text(standing: &Standing) -> Vec<String> {
    let grant = &standing.grant;
    let mut lines = vec![
        format!("{} {}", grant.name, standing.digest),
        format!("  for      {}", visible(&target_text(&grant.target))),
        format!("  given    {}, signed by {}", rfc3339(grant.given), visible(&standing.by)),
    ];
    lines.extend(grant.until.map(|until| format!("  expires  {}", rfc3339(until))));
    lines.extend(grant.exact.map(|exact| format!("  exactly  {exact}")));
    let offer = offered(grant);
    if !offer.is_empty() {
        lines.push("it is offered".to_owned());
        lines.extend(offer.iter().map(|line| format!("  {}", visible(line))));
    }
    if let Some(root) = grant.asked.get("") {
        lines.push("it was asked for".to_owned());
        let children = grant.asked.iter().filter(|(label, _)| !label.is_empty());
        let children = children.map(|(label, asked)| (label.clone(), asked.needs.clone())).collect();
        let file = GrantFile { root: root.needs.clone(), children, mounts: Default::default() };
        lines.extend(file.text().lines().map(|line| format!("  {}", visible(line)).trim_end().to_owned()));
    }
    lines
}

/// The offer, as flags give it.
fn offered(grant: &StandingGrant) -> Vec<String> {
    let offer = &grant.offer;
    let mounts = offer.mounts.iter().map(|(label, place)| {
        let labels: String = place.labels.iter().map(|label| format!(",label={label}")).collect();
        format!("--mount {label}={}:{}{labels}", place.path, place.mode.as_str())
    });
    let models = offer.models.iter().map(|(label, place)| {
        format!("--model {label}: {} ({}, {})", place.model, place.driver, place.source)
    });
    let allow = offer.allow.iter().map(|(verb, object)| format!("--allow {verb}={object}"));
    let narrow = offer.narrow.iter().map(narrowed);
    let budget = offer.budget.iter().map(|(meter, n)| {
        let period = offer.windows.get(meter).map(|period| format!("/{period}")).unwrap_or_default();
        format!("--budget {meter}={}{period}", amount(*meter, *n))
    });
    let weights = offer.weights.iter().map(|(member, n)| format!("--weight {member}={n}"));
    mounts.chain(models).chain(allow).chain(narrow).chain(budget).chain(weights).collect()
}

fn narrowed(Narrowing { verb, object, how }: &Narrowing) -> String {
    match how {
        Narrow::Ask => format!("--ask {verb}={object}"),
        Narrow::Unless(labels) => {
            let labels: String = labels.iter().map(|label| format!(",label={label}")).collect();
            format!("--unless {verb}={object}{labels}")
        }
        Narrow::Until(at) => format!("--until {verb}={object},{}", rfc3339(*at)),
        Narrow::Depth(depth) => format!("--depth {verb}={object},{depth}"),
    }
}

/// Takes one away.
///
/// # Errors
/// When there is none of this name, or the directory cannot be written.
pub fn revoke(dirs: &Dirs, name: &str, now: bool, out: &mut Out) -> Result<Code, Failure> {
    let standing = standing::revoke(dirs, name, now)?;
    let target = visible(&target_text(&standing.grant.target));
    out.line(&format!("{name}: revoked; {target} asks again"))?;
    if now {
        note("note: running hosts end what runs under it within a second");
    }
    Ok(Code::Ok)
}
