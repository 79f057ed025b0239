//! A grant's rights as a person reads and changes them: the sections of a manifest that say what is needed, and what each
//! mount is.
//!
//! ```toml
//! [needs]
//! spawn = ["writer"]
//! publish = [{ object = "progress", ask = true }]    # each call waits for the operator
//! read = [{ object = "notes", until = 1798675200000 }] # milliseconds since 1970
//!
//! [needs.delegate]
//! write = ["site"]
//!
//! [children.writer.needs]
//! write = [{ object = "site", unless = ["personal"] }]
//!
//! [mounts.site]                                      # absent: as it was granted
//! mode = "rw"
//! labels = ["internal"]
//! ```
//!
//! A manifest is such a file too: what else it says is passed over. As everywhere, nobody has to be given the log: a member of
//! whose `log` nothing is said may write it.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Grant, Mode};
use crate::manifest::needs::read_with;
use crate::manifest::table::{Source, Table, Value};
use crate::manifest::{CHILDREN_LIMIT, MANIFEST_LIMIT};
use crate::{Labels, ManifestError, Pattern, Right, Rights, Use, Verb};

/// The rights of a grant, and what its mounts are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantFile {
    /// The root agent's.
    pub root: Rights,
    /// The children's, by label.
    pub children: BTreeMap<String, Rights>,
    /// What is said of mounts.
    pub mounts: BTreeMap<String, (Option<Mode>, Option<Labels>)>,
}

impl GrantFile {
    /// What a grant says.
    pub fn of(grant: &Grant) -> GrantFile {
        let children = grant.children.iter().map(|(label, member)| (label.clone(), member.rights.clone()));
        let mounts = grant.mounts.iter().map(|(label, place)| {
            let labels = Some(place.labels.clone()).filter(|labels| !labels.is_empty());
            (label.clone(), (Some(place.mode), labels))
        });
        GrantFile { root: grant.root.rights.clone(), children: children.collect(), mounts: mounts.collect() }
    }

    /// Parses a file; `file` is its name in errors.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(text: &str, file: &str) -> Result<GrantFile, ManifestError> {
        let source = Source { text, file };
        if text.len() > MANIFEST_LIMIT {
            let message = format!("the file has {} bytes; at most {MANIFEST_LIMIT} are allowed", text.len());
            return Err(source.error(0..0, message, None));
        }
        let tree = toml::de::DeTable::parse(text).map_err(|error| {
            source.error(error.span().unwrap_or(0..0), error.message().escape_debug().to_string(), None)
        })?;
        let root = Table::root(&source, &tree);
        root.known(&["needs", "children", "mounts", "package", "budget"])?;
        let mut read = GrantFile { root: rights(&root)?, ..GrantFile::default() };
        for value in sections(&root, "children")? {
            let table = value.table()?;
            table.known(&["needs", "component", "description", "budget"])?;
            read.children.insert(value.key.to_owned(), rights(&table)?);
        }
        for value in sections(&root, "mounts")? {
            read.mounts.insert(value.key.to_owned(), mount(&value.table()?)?);
        }
        Ok(read)
    }

    /// A grant with these rights, and its mounts as they are said to be; a child that is not named here may do nothing.
    pub fn over(&self, grant: &Grant) -> Grant {
        let mut grant = grant.clone();
        grant.root.rights = with_log(&self.root);
        for (label, member) in &mut grant.children {
            member.rights = with_log(self.children.get(label).unwrap_or(&Rights::default()));
        }
        for (label, (mode, labels)) in &self.mounts {
            if let Some(place) = grant.mounts.get_mut(label) {
                place.mode = mode.unwrap_or(place.mode);
                place.labels = labels.clone().unwrap_or_else(|| place.labels.clone());
            }
        }
        grant
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        member(&mut text, "needs", &self.root);
        for (label, rights) in &self.children {
            member(&mut text, &format!("children.{}.needs", quoted(label)), rights);
        }
        for (label, (mode, labels)) in &self.mounts {
            section(&mut text, &format!("mounts.{}", quoted(label)));
            if let Some(mode) = mode {
                line(&mut text, "mode", quoted(mode.as_str()));
            }
            if let Some(labels) = labels {
                line(&mut text, "labels", list(labels.iter().map(quoted)));
            }
        }
        text
    }
}

fn with_log(rights: &Rights) -> Rights {
    if rights.iter().any(|right| right.verb == Verb::Log) {
        return rights.clone();
    }
    let log = Right::allow(Verb::Log, Pattern::all());
    // Without room for it, the rights are what was written.
    Rights::new(rights.iter().cloned().chain([log])).unwrap_or_else(|_| rights.clone())
}

fn sections<'a>(root: &Table<'a>, key: &str) -> Result<Vec<Value<'a>>, ManifestError> {
    let Some(section) = root.get(key) else { return Ok(Vec::new()) };
    let values: Vec<Value<'a>> = section.table()?.values().collect();
    match values.get(CHILDREN_LIMIT) {
        Some(value) => Err(value.key_error(format!("more than {CHILDREN_LIMIT} {key}"))),
        None => Ok(values),
    }
}

fn rights(member: &Table<'_>) -> Result<Rights, ManifestError> {
    Ok(read_with(member, &["object", "unless", "ask", "until", "depth"])?.rights)
}

fn mount(table: &Table<'_>) -> Result<(Option<Mode>, Option<Labels>), ManifestError> {
    table.known(&["mode", "labels"])?;
    let mode = table.get("mode").map(|value| match value.text()? {
        "ro" => Ok(Mode::Ro),
        "rw" => Ok(Mode::Rw),
        "overlay" => Ok(Mode::Overlay),
        _ => Err(value.error("mode must be \"ro\", \"rw\" or \"overlay\"")),
    });
    let labels = table.get("labels").map(|value| {
        let texts: Vec<&str> = value.list()?.iter().map(Value::text).collect::<Result<_, _>>()?;
        Labels::new(texts).map_err(|error| value.error(error.to_string()))
    });
    Ok((mode.transpose()?, labels.transpose()?))
}

/// The two sections of a member.
fn member(text: &mut String, name: &str, rights: &Rights) {
    half(text, name, rights, |right| right.using);
    half(text, &format!("{name}.delegate"), rights, |right| right.delegate);
}

fn half(text: &mut String, name: &str, rights: &Rights, strength: impl Fn(&Right) -> Use) {
    let held: Vec<&Right> = rights.iter().filter(|right| strength(right) != Use::No).collect();
    if held.is_empty() {
        return;
    }
    section(text, name);
    for verb in Verb::ALL {
        let of: Vec<&&Right> = held.iter().filter(|right| right.verb == verb).collect();
        if !of.is_empty() {
            line(text, verb.as_str(), list(of.into_iter().map(|right| item(right, strength(right)))));
        }
    }
}

fn item(right: &Right, strength: Use) -> String {
    let object = quoted(right.object.as_str());
    let plain = right.unless.is_empty() && right.until.is_none() && right.depth.is_none();
    if plain && strength == Use::Allow {
        return object;
    }
    let mut item = format!("{{ object = {object}");
    if !right.unless.is_empty() {
        item.push_str(&format!(", unless = {}", list(right.unless.iter().map(quoted))));
    }
    item.push_str(&right.until.map(|until| format!(", until = {until}")).unwrap_or_default());
    item.push_str(&right.depth.map(|depth| format!(", depth = {depth}")).unwrap_or_default());
    item.push_str(if strength == Use::Ask { ", ask = true }" } else { " }" });
    item
}

fn section(text: &mut String, name: &str) {
    let gap = if text.is_empty() { "" } else { "\n" };
    // Writing to a string does not fail.
    let _written = writeln!(text, "{gap}[{name}]");
}

fn line(text: &mut String, key: &str, value: String) {
    let _written = writeln!(text, "{key} = {value}");
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// A basic string of TOML: the escapes of JSON are among its own.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rights() -> impl Strategy<Value = Rights> {
        let half = || prop::sample::select(vec![Use::No, Use::Ask, Use::Allow]);
        let object = prop::sample::select(vec!["a", "a.*", "*", "ü \"x\"", "b\\c"]);
        let unless = prop::collection::vec(prop::sample::select(vec!["p", "q \"r\""]), 0..3);
        let ends = (prop::option::of(0..3_u64), prop::option::of(0..3_u8));
        let right = (prop::sample::select(Verb::ALL.to_vec()), object, half(), half(), unless, ends);
        prop::collection::vec(right, 0..12).prop_map(|rights| {
            type Parts = (Verb, &'static str, Use, Use, Vec<&'static str>, (Option<u64>, Option<u8>));
            let right = |(verb, object, using, delegate, unless, (until, depth)): Parts| Right {
                verb,
                object: object.parse().unwrap(),
                using,
                delegate,
                unless: Labels::new(unless).unwrap(),
                until,
                depth,
            };
            Rights::new(rights.into_iter().map(right)).unwrap()
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(root in rights(), child in rights()) {
            let mounts = BTreeMap::from([
                ("my site".to_owned(), (Some(Mode::Rw), Some(Labels::new(["p"]).unwrap()))),
                ("notes".to_owned(), (Some(Mode::Ro), None)),
            ]);
            let children = BTreeMap::from([("w".to_owned(), child)]);
            let file = GrantFile { root, children, mounts };
            let mut read = GrantFile::parse(&file.text(), "f").unwrap();
            // A member without rights has no section.
            read.children.entry("w".into()).or_default();
            prop_assert_eq!(read, file);
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (bad, said) in [
            ("[needs]\nfly = [\"a\"]", "f:2:1"),
            ("[mounts.a]\nmode = \"x\"", "mode must be"),
            ("[needs]\nread = [{ object = \"a\", ask = 1 }]", "true or false"),
            ("x = 1", "unknown key"),
        ] {
            let error = GrantFile::parse(bad, "f").unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
