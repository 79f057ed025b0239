//! The sections `[needs]` and `[needs.delegate]`.

use std::ops::Range;

use ledger::MAX;

use super::ManifestError;
use super::table::{Table, Value};
use crate::{Labels, Pattern, Right, Rights, Use, Verb};

/// What a member needs, and where each need stands.
#[derive(Default)]
pub struct Needs {
    /// All of them, use and delegate halves joined.
    pub rights: Rights,
    /// Each as it was written.
    pub written: Vec<Need>,
}

/// One need as it was written.
pub struct Need {
    /// With one half.
    pub right: Right,
    /// Where its object stands.
    pub span: Range<usize>,
}

/// The needs of a member: the root's or a child's table.
pub fn read(member: &Table<'_>) -> Result<Needs, ManifestError> {
    read_with(member, &["object", "unless", "depth"])
}

/// As [`read`]; a right written as a table may have these keys (`ask` and `until` are no publisher's to say).
pub fn read_with(member: &Table<'_>, keys: &[&str]) -> Result<Needs, ManifestError> {
    let Some(section) = member.get("needs") else {
        return Ok(Needs::default());
    };
    let mut written = Vec::new();
    let table = section.table()?;
    for value in table.values() {
        if value.key == "delegate" {
            for value in value.table()?.values() {
                verb(&value, Half::Delegate, keys, &mut written)?;
            }
        } else {
            verb(&value, Half::Use, keys, &mut written)?;
        }
    }
    let rights = Rights::new(written.iter().map(|need| need.right.clone()));
    let rights = rights.map_err(|error| section.key_error(format!("{}: {error}", section.name())))?;
    Ok(Needs { rights, written })
}

/// Which half of a right a line is about.
#[derive(Clone, Copy, PartialEq)]
enum Half {
    Use,
    Delegate,
}

/// One line, `verb = [objects]`.
fn verb(value: &Value<'_>, half: Half, known: &[&str], written: &mut Vec<Need>) -> Result<(), ManifestError> {
    let verb: Verb = value.key.parse().map_err(|_| {
        let mut keys: Vec<&str> = Verb::ALL.map(Verb::as_str).to_vec();
        keys.extend((half == Half::Use).then_some("delegate"));
        value.unknown(&keys)
    })?;
    for item in value.list()? {
        // Before anything is kept: a list is only as long as the file, the rights are fewer.
        if written.len() > 2 * Rights::LIMIT {
            let message = format!("more than {} capabilities; use `prefix.*` or `*`", Rights::LIMIT);
            return Err(item.error(message));
        }
        let Item { object, unless, strength, until, depth, span } = Item::read(&item, known)?;
        if matches!(verb, Verb::Read | Verb::Write) && object.as_str() == "scratch" {
            return Err(
                item.error("every process has its own mount `scratch` without a capability; remove this")
            );
        }
        let (using, delegate) = match half {
            Half::Use => (strength, Use::No),
            Half::Delegate => (Use::No, strength),
        };
        written.push(Need { right: Right { verb, object, using, delegate, unless, until, depth }, span });
    }
    Ok(())
}

/// One object of a line.
struct Item {
    object: Pattern,
    unless: Labels,
    strength: Use,
    until: Option<u64>,
    depth: Option<u8>,
    span: Range<usize>,
}

impl Item {
    /// `"object"` or `{ object = "…", unless = ["…"], depth = 1 }`.
    fn read(item: &Value<'_>, known: &[&str]) -> Result<Item, ManifestError> {
        let plain = |object, span| Item {
            object,
            unless: Labels::default(),
            strength: Use::Allow,
            until: None,
            depth: None,
            span,
        };
        if !item.is_table() {
            let wrong = |_| item.wrong("a list of names or tables { object, unless }");
            let text = item.text().map_err(wrong)?;
            return Ok(plain(pattern(item, text)?, item.span()));
        }
        let table = item.table()?;
        table.known(known)?;
        let object = table.required("object")?;
        let mut read = plain(pattern(&object, object.text()?)?, object.span());
        if let Some(value) = table.get("unless") {
            let labels: Result<Vec<&str>, _> = value.list()?.iter().map(Value::text).collect();
            read.unless = Labels::new(labels?).map_err(|error| value.error(error.to_string()))?;
        }
        if table.get("ask").map(|value| value.boolean()).transpose()?.unwrap_or(false) {
            read.strength = Use::Ask;
        }
        read.until = number(&table, "until", MAX)?;
        read.depth = number(&table, "depth", u8::MAX.into())?.and_then(|depth| u8::try_from(depth).ok());
        Ok(read)
    }
}

fn number(table: &Table<'_>, key: &str, most: u64) -> Result<Option<u64>, ManifestError> {
    let Some(value) = table.get(key) else { return Ok(None) };
    let number = value.integer().filter(|number| *number <= most);
    number.map(Some).ok_or_else(|| value.wrong(&format!("an integer from 0 to {most}")))
}

fn pattern(value: &Value<'_>, text: &str) -> Result<Pattern, ManifestError> {
    text.parse().map_err(|error| value.error(format!("{}: {error}", value.name())))
}
