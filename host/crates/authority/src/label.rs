//! Data categories.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A small sorted set of data categories (`personal`, `secret`).
///
/// A process carries the labels of what it has read; a right's `unless` names those under which it does
/// not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Labels(Vec<Box<str>>);

/// Why a list is no set of labels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// More than [`Labels::LIMIT`] different ones.
    #[error("{0} labels; at most {limit} are allowed", limit = Labels::LIMIT)]
    TooMany(usize),
    /// Empty, over [`Labels::BYTES`], with a control character or a leading `$`.
    #[error("{0:?} is no label; write 1 to {limit} bytes, no control character, no leading `$`", limit = Labels::BYTES)]
    Malformed(String),
}

impl Labels {
    /// Labels in a set at most.
    pub const LIMIT: usize = 16;
    /// Bytes of one label at most.
    pub const BYTES: usize = 64;

    /// The set of these labels, in any order.
    pub fn new<T: Into<Box<str>>>(labels: impl IntoIterator<Item = T>) -> Result<Self, LabelError> {
        let mut set: Vec<Box<str>> = labels.into_iter().map(Into::into).collect();
        if let Some(bad) = set.iter().find(|label| malformed(label)) {
            return Err(LabelError::Malformed(bad.chars().take(Self::BYTES).collect()));
        }
        set.sort_unstable();
        set.dedup();
        if set.len() > Self::LIMIT {
            return Err(LabelError::TooMany(set.len()));
        }
        Ok(Self(set))
    }

    /// All labels of both.
    ///
    /// It cannot fail, because a label must never be lost. It stays bounded because every label of a run is
    /// named in its grant, which holds at most [`Labels::LIMIT`] different ones.
    #[must_use]
    pub fn union(&self, other: &Labels) -> Labels {
        if other.0.iter().all(|label| self.contains(label)) {
            return self.clone();
        }
        let mut all: Vec<_> = self.0.iter().chain(&other.0).cloned().collect();
        all.sort_unstable();
        all.dedup();
        Labels(all)
    }

    /// All labels but this one.
    #[must_use]
    pub fn without(&self, label: &str) -> Labels {
        Labels(self.0.iter().filter(|own| ***own != *label).cloned().collect())
    }

    /// Whether they share a label.
    pub fn intersects(&self, other: &Labels) -> bool {
        self.0.iter().any(|label| other.contains(label))
    }

    /// Whether the label is one of these.
    pub fn contains(&self, label: &str) -> bool {
        self.0.iter().any(|own| **own == *label)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The labels, sorted by their bytes.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|label| &**label)
    }
}

fn malformed(label: &str) -> bool {
    label.is_empty()
        || label.len() > Labels::BYTES
        || label.starts_with('$')
        || label.chars().any(char::is_control)
}

impl TryFrom<Vec<String>> for Labels {
    type Error = LabelError;

    fn try_from(labels: Vec<String>) -> Result<Self, LabelError> {
        Self::new(labels)
    }
}

impl From<Labels> for Vec<String> {
    fn from(labels: Labels) -> Self {
        labels.0.into_iter().map(String::from).collect()
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(labels: &[&str]) -> Labels {
        Labels::new(labels.iter().copied()).unwrap()
    }

    #[test]
    fn is_a_set() {
        assert_eq!(set(&["b", "a", "b"]), set(&["a", "b"]));
        assert_eq!(set(&["b"]).union(&set(&["a", "b"])), set(&["a", "b"]));
        assert!(set(&["a", "b"]).intersects(&set(&["b", "c"])));
        assert!(!set(&["a"]).intersects(&set(&["b"])));
        assert!(!set(&[]).intersects(&set(&["b"])));
        assert_eq!(set(&["b", "a"]).to_string(), "a, b");
    }

    #[test]
    fn is_a_bounded_list_in_json() {
        assert_eq!(serde_json::to_string(&set(&["b", "a"])).unwrap(), r#"["a","b"]"#);
        let many: Vec<String> = (0..17).map(|n| n.to_string()).collect();
        assert_eq!(Labels::new(many.clone()), Err(LabelError::TooMany(17)));
        assert!(serde_json::from_value::<Labels>(serde_json::json!(many)).is_err());
        for bad in ["", "a\tb", "$x", &"x".repeat(65)] {
            assert!(matches!(Labels::new([bad]), Err(LabelError::Malformed(_))), "{bad:?}");
        }
    }
}
