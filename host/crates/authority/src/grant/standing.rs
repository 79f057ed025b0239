//! What an operator allows for longer than one run: a standing grant. It is for one package of one publisher, or for one place
//! of an unsigned local build, never for both; and it holds as long as the package asks for no more than what was consented to.

use std::collections::BTreeMap;
use std::fmt;

use audit::Digest;
use ledger::{Amounts, MAX, Meter};
use serde::{Deserialize, Serialize};

use super::{CHILDREN_LIMIT, GRANT_LIMIT, GrantError, Offer, offer};
use crate::signed::encoding;
use crate::{Manifest, Right, Rights, Use, Verb};

/// Bytes of a standing grant's name at most.
pub const GRANT_NAME_LIMIT: usize = 64;

/// A standing grant.
///
/// It has one encoding ([`encoding`]), of which [`StandingGrant::digest`] is. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingGrant {
    /// The format's version, 1.
    pub v: u64,
    /// How the operator calls it: 1 to 64 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// What it is for.
    pub target: Target,
    /// Only exactly this package ([`package_digest`]); absent: also its later versions, unless they ask for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<Digest>,
    /// When it was given: milliseconds since 1970.
    pub given: u64,
    /// When it ends: milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// What was asked for when it was given, by member; the root's label is empty.
    pub asked: BTreeMap<String, Asked>,
    /// What is offered.
    pub offer: Offer,
}

/// What a standing grant is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Target {
    /// A package that is signed with this key.
    Signed {
        /// SHA-256 of the publisher's public key.
        key: Digest,
        /// The package's name.
        package: String,
    },
    /// An unsigned local build: whatever is built at this place.
    Local {
        /// The manifest's or the component's absolute path.
        path: String,
    },
}

/// What a member asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Its needs.
    pub needs: Rights,
    /// What it may spend, as its publisher and the defaults say.
    pub budget: Amounts,
}

/// Something that a package asks for and that was not consented to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum More {
    /// A member that was not there.
    Member(String),
    /// A right, or a wider one.
    Right {
        /// Whose; empty for the root.
        member: String,
        /// What.
        right: Right,
    },
    /// A larger part of a meter.
    Budget {
        /// Whose; empty for the root.
        member: String,
        /// Which.
        meter: Meter,
        /// What was consented to.
        was: u64,
        /// What is asked for.
        is: u64,
    },
}

impl fmt::Display for More {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |member: &str| if member.is_empty() { String::new() } else { format!(" for {member}") };
        match self {
            More::Member(label) => write!(f, "a further agent {label}"),
            More::Right { member, right } => {
                let half = if right.using == Use::No { " to hand on" } else { "" };
                write!(f, "{} {}{half}{}", right.verb, right.object, of(member))
            }
            More::Budget { member, meter, was, is } => {
                let (was, is) = (ledger::show(*meter, *was), ledger::show(*meter, *is));
                write!(f, "{meter} {is} instead of {was}{}", of(member))
            }
        }
    }
}

impl StandingGrant {
    /// The only encoding of it.
    pub fn encode(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// The digest of [`StandingGrant::encode`].
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }

    /// Reads an encoded standing grant and checks it.
    ///
    /// # Errors
    /// It is too long, is none, is not in its one encoding, or breaks a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, GrantError> {
        let read: Result<StandingGrant, _> = encoding::decode(bytes, GRANT_LIMIT);
        let grant = read.map_err(|error| GrantError::Malformed(error.to_string()))?;
        grant.check()?;
        Ok(grant)
    }

    fn check(&self) -> Result<(), GrantError> {
        if self.v != 1 {
            return Err(GrantError::Malformed(format!("its version is {}, not 1", self.v)));
        }
        if !is_grant_name(&self.name) {
            return Err(GrantError::Malformed("its name is not 1 to 64 of a-z, 0-9 and `-`".to_owned()));
        }
        let text = match &self.target {
            Target::Signed { package, .. } => ("name", package),
            Target::Local { path } => ("path", path),
        };
        offer::check_text("package", &self.name, text.0, text.1)?;
        super::count("children", self.asked.len(), CHILDREN_LIMIT + 1)?;
        super::count("mounts", self.offer.mounts.len(), super::PLACES_LIMIT)?;
        super::count("models", self.offer.models.len(), super::PLACES_LIMIT)?;
        offer::check_places(&self.offer.mounts, &self.offer.models)
    }

    /// What a package asks for beyond what was consented to; empty when it may start.
    pub fn more(&self, now: &BTreeMap<String, Asked>) -> Vec<More> {
        let mut more = Vec::new();
        for (label, asks) in now {
            match self.asked.get(label) {
                Some(consented) => more.extend(beyond(label, consented, asks)),
                None => more.push(More::Member(label.clone())),
            }
        }
        more
    }
}

/// What each member of a package asks for; of a component without a manifest, nothing.
pub fn asked(manifest: Option<&Manifest>) -> BTreeMap<String, Asked> {
    let Some(manifest) = manifest else { return BTreeMap::new() };
    let over = |budget: Amounts, set: &[(Meter, u64)]| {
        set.iter().fold(budget, |budget, (meter, amount)| budget.with(*meter, (*amount).min(MAX)))
    };
    let root =
        Asked { needs: manifest.needs.clone(), budget: over(ledger::default_root(), &manifest.budget) };
    let child = |(label, child): (&String, &crate::Child)| {
        let budget = over(ledger::default_child(), &child.budget);
        (label.clone(), Asked { needs: child.needs.clone(), budget })
    };
    manifest.children.iter().map(child).chain([(String::new(), root)]).collect()
}

/// What names exactly one package: the digest of its manifest's and components' digests, one a line, the children by label.
pub fn package_digest(manifest: Option<Digest>, root: Digest, children: &BTreeMap<String, Digest>) -> Digest {
    let mut text = manifest.map(|digest| format!("manifest {digest}\n")).unwrap_or_default();
    text.push_str(&format!("root {root}\n"));
    children.iter().for_each(|(label, digest)| text.push_str(&format!("child {label} {digest}\n")));
    Digest::of(text.as_bytes())
}

/// Whether a text can be a standing grant's name.
pub fn is_grant_name(text: &str) -> bool {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=GRANT_NAME_LIMIT).contains(&text.len()) && text.bytes().all(allowed)
}

fn beyond<'a>(label: &'a str, consented: &'a Asked, asks: &'a Asked) -> impl Iterator<Item = More> + 'a {
    let rights = asks.needs.iter().flat_map(halves).filter(|half| !covered(half, &consented.needs));
    let rights = rights.map(|right| More::Right { member: label.to_owned(), right });
    let budget = asks.budget.iter().filter_map(|(meter, is)| {
        let was = consented.budget.get(meter);
        (is > was).then(|| More::Budget { member: label.to_owned(), meter, was, is })
    });
    rights.chain(budget)
}

/// The halves of a right that are there, each as a right of its own: they may have been consented to in different ones.
fn halves(right: &Right) -> impl Iterator<Item = Right> {
    let using = Right { delegate: Use::No, ..right.clone() };
    let delegate = Right { using: Use::No, ..right.clone() };
    [using, delegate].into_iter().filter(|half| half.using != Use::No || half.delegate != Use::No)
}

/// Whether one right of a set is at least as wide. Nobody has to be given the log.
fn covered(need: &Right, set: &Rights) -> bool {
    let wider = |right: &Right| {
        right.verb == need.verb
            && right.object.covers_pattern(&need.object)
            && right.using >= need.using
            && right.delegate >= need.delegate
            && right.unless.iter().all(|label| need.unless.contains(label))
            && right.depth.is_none_or(|depth| need.depth.is_some_and(|asked| asked <= depth))
    };
    need.verb == Verb::Log || set.iter().any(wider)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OLD: &str = r#"
[package]
name = "docs"
version = "1.0.0"
component = "a.wasm"
[needs]
read = ["notes"]
spawn = ["writer"]
send = ["writer"]
[needs.delegate]
write = [{ object = "site", unless = ["personal"] }]
[budget]
tokens-in = "40k"
[children.writer]
component = "w.wasm"
[children.writer.needs]
write = [{ object = "site", unless = ["personal"] }]
"#;

    fn manifest(text: &str) -> BTreeMap<String, Asked> {
        asked(Some(&Manifest::parse(text, "agent.toml").unwrap()))
    }

    fn standing() -> StandingGrant {
        StandingGrant {
            v: 1,
            name: "docs".into(),
            target: Target::Signed { key: Digest::of(b"key"), package: "docs".into() },
            exact: None,
            given: 5,
            until: Some(7),
            asked: manifest(OLD),
            offer: Offer { allow: vec![(Verb::Tool, "a.*".parse().unwrap())], ..Offer::default() },
        }
    }

    fn more(change: &[(&str, &str)]) -> Vec<String> {
        let text = change.iter().fold(OLD.to_owned(), |text, (from, to)| text.replace(from, to));
        assert!(change.is_empty() || text != OLD);
        standing().more(&manifest(&text)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_same_or_less_is_covered() {
        for change in [
            &[][..],
            &[("read = [\"notes\"]\n", "")],
            &[("40k", "39k")],
            &[("[\"personal\"]", "[\"personal\", \"secret\"]")],
            &[("1.0.0", "1.1.0")],
            &[("spawn =", "log = [\"info\"]\nspawn =")],
        ] {
            assert_eq!(more(change), Vec::<String>::new(), "{change:?}");
        }
    }

    #[test]
    fn more_is_told_one_by_one() {
        for (change, told) in [
            (&[("\"notes\"", "\"notes\", \"mail\"")][..], &["read mail"][..]),
            (&[("\"notes\"", "\"*\"")], &["read *"]),
            (&[("40k", "41k")], &["tokens-in 41k instead of 40k"]),
            (
                &[("{ object = \"site\", unless = [\"personal\"] }", "\"site\"")],
                &["write site to hand on", "write site for writer"],
            ),
            (&[("read = [\"notes\"]", "read = [\"notes\"]\nwrite = [\"site\"]")], &["write site"]),
            (
                &[
                    ("spawn = [\"writer\"]", "spawn = [\"writer\", \"x\"]"),
                    ("[children.writer]", "[children.x]\ncomponent = \"x.wasm\"\n[children.writer]"),
                ],
                &["spawn x", "a further agent x"],
            ),
        ] {
            assert_eq!(more(change), told, "{change:?}");
        }
    }

    #[test]
    fn a_component_alone_asks_for_nothing() {
        assert!(asked(None).is_empty());
        assert!(standing().more(&asked(None)).is_empty());
    }

    #[test]
    fn a_package_is_named_by_all_that_is_in_it() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let one = |label: &str, digest| BTreeMap::from([(label.to_owned(), digest)]);
        let all = [
            package_digest(None, a, &BTreeMap::new()),
            package_digest(Some(a), a, &BTreeMap::new()),
            package_digest(Some(a), b, &BTreeMap::new()),
            package_digest(None, a, &one("x", a)),
            package_digest(None, a, &one("x", b)),
            package_digest(None, a, &one("y", b)),
        ];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }

    proptest! {
        #[test]
        fn one_changed_byte_is_no_encoding_or_another_grant(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let good = standing().encode();
            prop_assert_eq!(StandingGrant::decode(&good).unwrap(), standing());
            let mut bad = good.clone();
            bad[at.index(good.len())] ^= 1_u8 << bit;
            if let Ok(other) = StandingGrant::decode(&bad) {
                prop_assert_ne!(other, standing());
            }
        }
    }
}
