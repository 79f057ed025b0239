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
    let Some(section) = member.get("needs") else {
        return Ok(Needs::default());
    };
    let mut written = Vec::new();
    let table = section.table()?;
    for value in table.values() {
        if value.key == "delegate" {
            for value in value.table()?.values() {
                verb(&value, Use::No, Use::Allow, &mut written)?;
            }
        } else {
            verb(&value, Use::Allow, Use::No, &mut written)?;
        }
    }
    let rights = Rights::new(written.iter().map(|need| need.right.clone()));
    let rights = rights.map_err(|error| section.key_error(format!("{}: {error}", section.name())))?;
    Ok(Needs { rights, written })
}

/// One line, `verb = [objects]`.
fn verb(value: &Value<'_>, using: Use, delegate: Use, written: &mut Vec<Need>) -> Result<(), ManifestError> {
    let verb: Verb = value.key.parse().map_err(|_| {
        let mut keys: Vec<&str> = Verb::ALL.map(Verb::as_str).to_vec();
        keys.extend((delegate == Use::No).then_some("delegate"));
        value.unknown(&keys)
    })?;
    for item in value.list()? {
        // Before anything is kept: a list is only as long as the file, the rights are fewer.
        if written.len() > 2 * Rights::LIMIT {
            let message = format!("more than {} capabilities; use `prefix.*` or `*`", Rights::LIMIT);
            return Err(item.error(message));
        }
        let (object, unless, span) = item_parts(&item)?;
        if matches!(verb, Verb::Read | Verb::Write) && object.as_str() == "scratch" {
            return Err(
                item.error("every process has its own mount `scratch` without a capability; remove this")
            );
        }
        written.push(Need { right: Right { verb, object, using, delegate, unless }, span });
    }
    Ok(())
}

/// `"object"` or `{ object = "…", unless = ["…"] }`.
fn item_parts(item: &Value<'_>) -> Result<(Pattern, Labels, Range<usize>), ManifestError> {
    if !item.is_table() {
        let wrong = |_| item.wrong("a list of names or tables { object, unless }");
        let text = item.text().map_err(wrong)?;
        return Ok((pattern(item, text)?, Labels::default(), item.span()));
    }
    let table = item.table()?;
    table.known(&["object", "unless"])?;
    let object = table.required("object")?;
    let pattern = pattern(&object, object.text()?)?;
    let mut unless = Labels::default();
    if let Some(value) = table.get("unless") {
        let labels: Result<Vec<&str>, _> = value.list()?.iter().map(Value::text).collect();
        unless = Labels::new(labels?).map_err(|error| value.error(error.to_string()))?;
    }
    Ok((pattern, unless, object.span()))
}

fn pattern(value: &Value<'_>, text: &str) -> Result<Pattern, ManifestError> {
    text.parse().map_err(|error| value.error(format!("{}: {error}", value.name())))
}
