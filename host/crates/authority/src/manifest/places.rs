//! Where each need of a manifest stands, so that a decision can be told by its line.

use super::table::{Source, Table};
use super::{ManifestError, needs};
use crate::{Pattern, Right, Use, Verb};

/// A need of a member, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenNeed {
    /// Whose; empty for the root.
    pub member: String,
    /// With one half.
    pub right: Right,
    /// The line of its object, from 1.
    pub line: usize,
    /// That line, without the white space around it.
    pub text: String,
}

/// All needs of a manifest, in its order. What else it says is not looked at.
///
/// # Errors
/// When it is no manifest.
pub fn written_needs(text: &str) -> Result<Vec<WrittenNeed>, ManifestError> {
    let source = Source { text, file: "agent.toml" };
    let tree = toml::de::DeTable::parse(text).map_err(|error| {
        source.error(error.span().unwrap_or(0..0), error.message().escape_debug().to_string(), None)
    })?;
    let root = Table::root(&source, &tree);
    let mut all = Vec::new();
    collect(&root, "", text, &mut all)?;
    if let Some(children) = root.get("children") {
        for child in children.table()?.values() {
            collect(&child.table()?, child.key, text, &mut all)?;
        }
    }
    Ok(all)
}

fn collect(
    member: &Table<'_>,
    label: &str,
    text: &str,
    all: &mut Vec<WrittenNeed>,
) -> Result<(), ManifestError> {
    for need in needs::read(member)?.written {
        let start = text.floor_char_boundary(need.span.start);
        let line = text[..start].matches('\n').count() + 1;
        let shown = text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
        all.push(WrittenNeed { member: label.to_owned(), right: need.right, line, text: shown });
    }
    Ok(())
}

impl WrittenNeed {
    /// Whether it is a member's need of a verb on all objects of a pattern: to use, or to hand on.
    pub fn covers(&self, member: &str, verb: Verb, object: &Pattern, hands_on: bool) -> bool {
        let half = if hands_on { self.right.delegate } else { self.right.using };
        self.member == member
            && self.right.verb == verb
            && half != Use::No
            && self.right.object.covers_pattern(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_found_where_they_stand() {
        let text = "[needs]\nread = [\"a\",\n  \"b\"]\n[needs.delegate]\nwrite = [\"s\"]\n[children.w.needs]\nwrite = [{ object = \"s\", unless = [\"p\"] }]\n";
        let all = written_needs(text).unwrap();
        let places: Vec<(&str, usize, &str)> =
            all.iter().map(|need| (need.member.as_str(), need.line, need.text.as_str())).collect();
        assert_eq!(
            places,
            [
                ("", 2, "read = [\"a\","),
                ("", 3, "\"b\"]"),
                ("", 5, "write = [\"s\"]"),
                ("w", 7, "write = [{ object = \"s\", unless = [\"p\"] }]"),
            ]
        );
        let object = "s".parse().unwrap();
        assert!(
            all[2].covers("", Verb::Write, &object, true) && !all[2].covers("", Verb::Write, &object, false)
        );
        assert!(all[3].covers("w", Verb::Write, &object, false));
        assert!(written_needs("[needs").is_err());
    }
}
