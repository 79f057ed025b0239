//! What a package asks for, in lines for a person who is to consent to it. A publisher's words are shown harmless.

use std::path::Path;

use authority::{Mode, Verb};
use ledger::{Meter, show};

use super::escape::visible;
use crate::host::consent::{Consent, Where};

/// Who asks: `acme/docs-merge 1.2.0 (key 3f9c12ab…, pinned "acme") asks, with its children:`
pub fn title(consent: &Consent) -> String {
    let version = consent.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let team = if consent.team { ", with its children" } else { "" };
    match &consent.signer {
        Some(signer) => {
            let publisher = visible(&signer.publisher);
            let key = signer.key.to_string();
            let short: String = key.trim_start_matches("sha256:").chars().take(8).collect();
            let package = visible(&consent.package);
            format!("{publisher}/{package}{version} (key {short}…, pinned {publisher:?}) asks{team}:")
        }
        None => format!("{}{version} (not signed) asks{team}:", visible(&consent.package)),
    }
}

/// What it asks for, and what its publisher says.
pub fn lines(consent: &Consent, here: &Path) -> Vec<String> {
    let mut rows: Vec<(String, String, String)> = Vec::new();
    for want in &consent.wants {
        let place = want.place.as_ref().map(|place| place_text(place, here)).unwrap_or_default();
        let object = visible(want.object.as_str());
        // What is both read and written is one line.
        let read = rows.iter_mut().find(|(verb, of, at)| {
            want.verb == Verb::Write && verb == Verb::Read.as_str() && *of == object && *at == place
        });
        match read {
            Some((verb, ..)) => verb.push_str(", write"),
            None => rows.push((want.verb.to_string(), object, place)),
        }
    }
    let width =
        |of: fn(&(String, String, String)) -> &String| rows.iter().map(|row| of(row).chars().count()).max();
    let (verbs, objects) = (width(|row| &row.0).unwrap_or(0), width(|row| &row.1).unwrap_or(0));
    let mut lines: Vec<String> = rows
        .iter()
        .map(|(verb, object, place)| {
            let arrow = if place.is_empty() { String::new() } else { format!(" → {place}") };
            format!("  {verb:<verbs$}  {object:<objects$}{arrow}").trim_end().to_owned()
        })
        .collect();
    if !consent.budget.is_empty() {
        lines.push(format!("  up to {}", consent.budget.iter().map(amount).collect::<Vec<_>>().join(", ")));
    }
    if let Some(short) = &consent.short {
        lines.push(format!("more than the standing grant {} covers:", visible(&short.grant)));
        lines.extend(short.more.iter().map(|more| format!("  + {}", visible(&more.to_string()))));
    }
    if !consent.description.is_empty() {
        lines.push(format!("Publisher says (unverified): \"{}\"", visible(&consent.description)));
    }
    lines
}

fn amount((meter, n): &(Meter, u64)) -> String {
    let n = show(*meter, *n);
    match meter {
        Meter::TokensIn => format!("{n} tokens in"),
        Meter::TokensOut => format!("{n} tokens out"),
        Meter::MicroUsd => n,
        Meter::Fuel | Meter::Memory | Meter::WallTime | Meter::BytesStored | Meter::BytesSent => {
            format!("{n} {meter}")
        }
        Meter::Calls | Meter::Children => format!("{n} {meter}"),
    }
}

fn place_text(place: &Where, here: &Path) -> String {
    match place {
        Where::Directory { path, mode } => {
            let near = Path::new(path).strip_prefix(here).ok().map(|near| format!("./{}", near.display()));
            let path = near.unwrap_or_else(|| path.clone());
            let how = match mode {
                Mode::Ro => "",
                Mode::Rw => " (at once)",
                Mode::Overlay => " (overlay until applied)",
            };
            format!("{}{how}", visible(&path))
        }
        Where::Model { model, source } => {
            let at = source.split_once("://").map(|(_, rest)| rest.split(['/', ':']).next().unwrap_or(rest));
            let at = at.map(|host| format!(" at {}", visible(host))).unwrap_or_default();
            format!("{}{at}", visible(model))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::consent::{Short, Want};
    use audit::Digest;
    use authority::{More, Right, Signer};

    fn want(verb: Verb, object: &str, place: Option<Where>) -> Want {
        Want { verb, object: object.parse().unwrap(), place }
    }

    #[test]
    fn a_person_sees_who_asks_for_what_and_where_it_is() {
        let directory = |path: &str, mode| Some(Where::Directory { path: path.into(), mode });
        let model = Where::Model { model: "qwen3".into(), source: "http://localhost:11434/v1".into() };
        let signer = Signer { publisher: "acme".into(), key: Digest::of(b"k"), statement: Digest::of(b"s") };
        let consent = Consent {
            package: "docs-merge".into(),
            version: Some("1.2.0".into()),
            signer: Some(signer),
            description: "merges \u{1b}[2J notes\u{202e}".into(),
            team: true,
            wants: vec![
                want(Verb::Read, "notes", directory("/w/notes", Mode::Ro)),
                want(Verb::Write, "site", directory("/elsewhere", Mode::Overlay)),
                want(Verb::Infer, "default", Some(model)),
                want(Verb::Tool, "search", None),
            ],
            budget: vec![(Meter::TokensIn, 40_000)],
            missing: Vec::new(),
            short: Some(Short {
                grant: "docs".into(),
                more: vec![More::Right {
                    member: "writer".into(),
                    right: Right::allow(Verb::Write, "site".parse().unwrap()),
                }],
            }),
            asked: Digest::of(b""),
        };
        let title = title(&consent);
        assert!(title.starts_with("acme/docs-merge 1.2.0 (key "), "{title}");
        assert!(title.ends_with("…, pinned \"acme\") asks, with its children:"), "{title}");
        assert_eq!(
            lines(&consent, Path::new("/w")),
            [
                "  read   notes   → ./notes",
                "  write  site    → /elsewhere (overlay until applied)",
                "  infer  default → qwen3 at localhost",
                "  tool   search",
                "  up to 40k tokens in",
                "more than the standing grant docs covers:",
                "  + write site for writer",
                "Publisher says (unverified): \"merges \\u{1b}[2J notes\\u{202e}\"",
            ]
        );
    }
}
