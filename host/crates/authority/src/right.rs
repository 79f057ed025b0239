//! What a process holds.

use serde::{Deserialize, Serialize};

use crate::{Labels, Pattern, Verb};

mod attenuate;
pub use attenuate::{NotDelegable, Reason};

/// How strong one half of a right is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// Not at all.
    #[default]
    No,
    /// Each call waits for the operator.
    Ask,
    /// At once.
    Allow,
}

/// One capability: a verb on the objects of a pattern, with its two halves, use and delegate.
///
/// A coordinator with no use half and a delegate half can equip a writer without being able to write
/// itself.
///
/// JSON: `{"verb":"write","object":"site","use":"allow","delegate":"allow","unless":["personal"],"until":1798675200000,"depth":1}`;
/// all but the first two are left out when they are `no`, empty or absent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Right {
    /// What may be done.
    pub verb: Verb,
    /// To what.
    pub object: Pattern,
    /// By the holder itself.
    #[serde(rename = "use", default, skip_serializing_if = "is_no")]
    pub using: Use,
    /// By children to whom the holder hands it on: the most that they can get.
    #[serde(default, skip_serializing_if = "is_no")]
    pub delegate: Use,
    /// It does not hold for a process that carries one of these.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub unless: Labels,
    /// It does not hold from this time on: milliseconds since 1970. Absent: it does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// How many generations below the holder it can reach by being handed on; at 0 the delegate half gives nothing. Absent: as
    /// many as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u8>,
}

impl Right {
    /// The right to use, not to hand on, under every label.
    pub fn allow(verb: Verb, object: Pattern) -> Self {
        Self {
            verb,
            object,
            using: Use::Allow,
            delegate: Use::No,
            unless: Labels::default(),
            until: None,
            depth: None,
        }
    }
}

/// The answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Go on.
    Allow,
    /// Wait for the operator.
    Ask,
    /// No right covers it.
    Deny,
}

/// Why a list is no set of rights.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RightsError {
    /// More than [`Rights::LIMIT`].
    #[error("{0} capabilities; at most {limit} are allowed: use `prefix.*` or `*`", limit = Rights::LIMIT)]
    TooMany(usize),
    /// Over [`Rights::BYTES`].
    #[error("the capabilities take {0} bytes of JSON; at most {limit} are allowed: shorten the names", limit = Rights::BYTES)]
    TooLong(usize),
    /// A right with more than [`Labels::LIMIT`] labels in its `unless`.
    #[error("{0} labels in one capability; at most {limit} are allowed", limit = Labels::LIMIT)]
    TooManyLabels(usize),
}

/// All rights of a process, sorted and without duplicates, so that the same set has one encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<Right>", into = "Vec<Right>")]
pub struct Rights(Vec<Right>);

impl Rights {
    /// Rights in a set at most.
    pub const LIMIT: usize = 64;
    /// Bytes of a set's JSON at most: it is written inline into an entry of 16 KiB, beside other fields.
    pub const BYTES: usize = 12 * 1024;

    /// The set of these rights, in any order. Rights that allow nothing are left out; the two halves of one
    /// right are joined.
    pub fn new(rights: impl IntoIterator<Item = Right>) -> Result<Self, RightsError> {
        let mut set: Vec<Right> = Vec::new();
        for right in rights {
            if right.unless.len() > Labels::LIMIT {
                return Err(RightsError::TooManyLabels(right.unless.len()));
            }
            if right.using == Use::No && right.delegate == Use::No {
                continue;
            }
            match set.iter_mut().find(|other| same(other, &right)) {
                Some(other) => {
                    other.using = other.using.max(right.using);
                    other.delegate = other.delegate.max(right.delegate);
                }
                None => set.push(right),
            }
            if set.len() > Self::LIMIT {
                return Err(RightsError::TooMany(set.len()));
            }
        }
        set.sort_unstable();
        let bytes = set.iter().map(length).fold(1, usize::saturating_add);
        if bytes > Self::BYTES {
            return Err(RightsError::TooLong(bytes));
        }
        Ok(Self(set))
    }

    /// Whether the holder may do this now: the strongest right that covers the object and is not held
    /// back by a label that the process carries.
    pub fn decide(&self, verb: Verb, object: &str, carried: &Labels) -> Decision {
        self.strongest(verb, object, carried, |right| right.object.covers(object))
    }

    /// As [`Rights::decide`], for all names of a pattern at once (`subscribe`).
    pub fn decide_pattern(&self, verb: Verb, pattern: &Pattern, carried: &Labels) -> Decision {
        // One right must cover the whole pattern: no finite union of narrower ones ever does.
        self.strongest(verb, pattern.as_str(), carried, |right| right.object.covers_pattern(pattern))
    }

    /// Whether the holder may use the verb on anything at all, under some labels.
    pub fn any(&self, verb: Verb) -> bool {
        self.0.iter().any(|right| right.verb == verb && right.using != Use::No)
    }

    /// Whether some use of theirs waits for the operator.
    pub fn asks(&self) -> bool {
        self.0.iter().any(|right| right.using == Use::Ask)
    }

    /// When the first of them ends; absent when none does.
    pub fn ends(&self) -> Option<u64> {
        self.0.iter().filter_map(|right| right.until).min()
    }

    /// Those that still hold at a time.
    #[must_use]
    pub fn at(&self, now: u64) -> Rights {
        self.keep(|right| right.until.is_none_or(|until| now < until))
    }

    /// Those that remain when a verb on the objects of a pattern is taken back. A right that has one of these objects goes as a
    /// whole: what else it covered cannot be said in its words.
    #[must_use]
    pub fn without(&self, verb: Verb, object: &Pattern) -> Rights {
        self.keep(|right| right.verb != verb || right.object.meet(object).is_none())
    }

    fn keep(&self, keep: impl Fn(&Right) -> bool) -> Rights {
        Rights(self.0.iter().filter(|right| keep(right)).cloned().collect())
    }

    /// The rights, sorted.
    pub fn iter(&self) -> std::slice::Iter<'_, Right> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The strongest of those that cover an object. They are sorted by verb and object, and what covers an object mostly stands right
    /// before it; nothing is stronger than the first that allows.
    fn strongest(
        &self,
        verb: Verb,
        object: &str,
        carried: &Labels,
        covers: impl Fn(&Right) -> bool,
    ) -> Decision {
        let sorted = |right: &Right| {
            right.verb < verb || (right.verb == verb && right.object.as_str().as_bytes() <= object.as_bytes())
        };
        let (before, after) = self.0.split_at(self.0.partition_point(sorted));
        let same = |right: &&Right| right.verb == verb;
        let mut strongest = Use::No;
        for right in before.iter().rev().take_while(same).chain(after.iter().take_while(same)) {
            if right.using > strongest && covers(right) && !right.unless.intersects(carried) {
                strongest = right.using;
                if strongest == Use::Allow {
                    break;
                }
            }
        }
        match strongest {
            Use::Allow => Decision::Allow,
            Use::Ask => Decision::Ask,
            Use::No => Decision::Deny,
        }
    }
}

/// Whether two rights differ only in their halves. Joining them changes no answer: both take the strongest.
fn same(a: &Right, b: &Right) -> bool {
    (a.verb, &a.object, &a.unless, a.until, a.depth) == (b.verb, &b.object, &b.unless, b.until, b.depth)
}

/// Bytes of a right's JSON with the comma or bracket behind it. `"` and `\` in a name take two bytes.
fn length(right: &Right) -> usize {
    serde_json::to_string(right).map_or(usize::MAX, |json| json.len() + 1)
}

fn is_no(using: &Use) -> bool {
    *using == Use::No
}

impl TryFrom<Vec<Right>> for Rights {
    type Error = RightsError;

    fn try_from(rights: Vec<Right>) -> Result<Self, RightsError> {
        Self::new(rights)
    }
}

impl From<Rights> for Vec<Right> {
    fn from(rights: Rights) -> Self {
        rights.0
    }
}

impl<'a> IntoIterator for &'a Rights {
    type Item = &'a Right;
    type IntoIter = std::slice::Iter<'a, Right>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests;
