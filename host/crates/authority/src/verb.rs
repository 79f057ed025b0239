//! What a right allows to do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a right allows to do; each has one kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Send to a process; the object is its name, or `parent`.
    Send,
    /// Publish an event; the object is its topic.
    Publish,
    /// Receive events; the object is a topic or a pattern of topics.
    Subscribe,
    /// Take a lease; the object is its name.
    Lease,
    /// Read, list and stat; the object is the mount's label.
    Read,
    /// Write, remove and rename; the object is the mount's label.
    Write,
    /// Keep an artifact; the object is its kind.
    Put,
    /// See an artifact; the object is its kind.
    Get,
    /// Ask a model; the object is its label.
    Infer,
    /// Start a child; the object is the component's label in the manifest.
    Spawn,
    /// Call a tool; the object is its name.
    Tool,
    /// Write a log line; the object is its level (`info`, …).
    Log,
    /// Shed a data category; the object is its label.
    Declassify,
}

/// A word that is no verb.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown verb {0:?}; the verbs are send publish subscribe lease read write put get infer spawn tool log declassify"
)]
pub struct VerbError(pub String);

impl Verb {
    /// Every verb, in the order of their declaration.
    pub const ALL: [Verb; 13] = [
        Verb::Send,
        Verb::Publish,
        Verb::Subscribe,
        Verb::Lease,
        Verb::Read,
        Verb::Write,
        Verb::Put,
        Verb::Get,
        Verb::Infer,
        Verb::Spawn,
        Verb::Tool,
        Verb::Log,
        Verb::Declassify,
    ];

    /// Its word in manifests, grants and entries.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Send => "send",
            Verb::Publish => "publish",
            Verb::Subscribe => "subscribe",
            Verb::Lease => "lease",
            Verb::Read => "read",
            Verb::Write => "write",
            Verb::Put => "put",
            Verb::Get => "get",
            Verb::Infer => "infer",
            Verb::Spawn => "spawn",
            Verb::Tool => "tool",
            Verb::Log => "log",
            Verb::Declassify => "declassify",
        }
    }

    /// Whether it reaches nothing outside the run, so that granting it needs no operator. Shedding a category takes back what
    /// the operator said of the data.
    pub fn inside(self) -> bool {
        match self {
            Verb::Send | Verb::Publish | Verb::Subscribe | Verb::Lease => true,
            Verb::Put | Verb::Get | Verb::Spawn | Verb::Log => true,
            Verb::Read | Verb::Write | Verb::Infer | Verb::Tool | Verb::Declassify => false,
        }
    }
}

impl FromStr for Verb {
    type Err = VerbError;

    fn from_str(text: &str) -> Result<Self, VerbError> {
        let found = Verb::ALL.into_iter().find(|verb| verb.as_str() == text);
        // The word may come from a guest: keep the message short.
        found.ok_or_else(|| VerbError(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_agree_everywhere() {
        for verb in Verb::ALL {
            assert_eq!(verb.as_str().parse::<Verb>(), Ok(verb));
            assert_eq!(serde_json::to_string(&verb).unwrap(), format!("\"{verb}\""));
        }
        assert!("Send".parse::<Verb>().is_err());
        let error = "delete".parse::<Verb>().unwrap_err().to_string();
        assert!(Verb::ALL.iter().all(|verb| error.contains(verb.as_str())), "{error}");
    }

    #[test]
    fn what_reaches_outside() {
        let outside: Vec<_> = Verb::ALL.into_iter().filter(|verb| !verb.inside()).collect();
        assert_eq!(outside, [Verb::Read, Verb::Write, Verb::Infer, Verb::Tool, Verb::Declassify]);
    }
}
