//! The sections `[needs]` and `[needs.delegate]`.

use std::ops::Range;

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
    read_with(member, &["object", "unless"])
}

/// As [`read`]; a right written as a table may have these keys (`ask` is no publisher's to say).
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
        let (object, unless, strength, span) = item_parts(&item, known)?;
        if matches!(verb, Verb::Read | Verb::Write) && object.as_str() == "scratch" {
            return Err(
                item.error("every process has its own mount `scratch` without a capability; remove this")
            );
        }
        let (using, delegate) = match half {
            Half::Use => (strength, Use::No),
            Half::Delegate => (Use::No, strength),
        };
        written.push(Need { right: Right { verb, object, using, delegate, unless }, span });
    }
    Ok(())
}

/// `"object"` or `{ object = "…", unless = ["…"] }`.
fn item_parts(
    item: &Value<'_>,
    known: &[&str],
) -> Result<(Pattern, Labels, Use, Range<usize>), ManifestError> {
    if !item.is_table() {
        let wrong = |_| item.wrong("a list of names or tables { object, unless }");
        let text = item.text().map_err(wrong)?;
        return Ok((pattern(item, text)?, Labels::default(), Use::Allow, item.span()));
    }
    let table = item.table()?;
    table.known(known)?;
    let object = table.required("object")?;
    let pattern = pattern(&object, object.text()?)?;
    let mut unless = Labels::default();
    if let Some(value) = table.get("unless") {
        let labels: Result<Vec<&str>, _> = value.list()?.iter().map(Value::text).collect();
        unless = Labels::new(labels?).map_err(|error| value.error(error.to_string()))?;
    }
    let asks = table.get("ask").map(|value| value.boolean()).transpose()?.unwrap_or(false);
    Ok((pattern, unless, if asks { Use::Ask } else { Use::Allow }, object.span()))
}

fn pattern(value: &Value<'_>, text: &str) -> Result<Pattern, ManifestError> {
    text.parse().map_err(|error| value.error(format!("{}: {error}", value.name())))
}
