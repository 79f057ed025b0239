//! What the operator takes back of what was granted: rights that wait for an answer, or end with a data category.

use serde::{Deserialize, Serialize};

use super::{GrantError, Member};
use crate::{Labels, Pattern, Right, Rights, Use, Verb};

/// One narrowing. It applies to every right of its verb whose object has a name in common with its own; a right that is only
/// partly covered is narrowed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Narrowing {
    /// The verb.
    pub verb: Verb,
    /// Which objects.
    pub object: Pattern,
    /// How.
    pub how: Narrow,
}

/// How a right is narrowed, in both of its halves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Narrow {
    /// Each call waits for the operator.
    Ask,
    /// It does not hold for a process that carries one of these.
    Unless(Labels),
    /// It ends at this time: milliseconds since 1970.
    Until(u64),
    /// It can be handed on so many generations down at most.
    Depth(u8),
}

impl Narrowing {
    fn covers(&self, right: &Right) -> bool {
        right.verb == self.verb && right.object.meet(&self.object).is_some()
    }

    fn narrow(&self, right: &mut Right) {
        match &self.how {
            Narrow::Ask => {
                right.using = right.using.min(Use::Ask);
                right.delegate = right.delegate.min(Use::Ask);
            }
            Narrow::Unless(labels) => right.unless = right.unless.union(labels),
            Narrow::Until(until) => right.until = Some(right.until.map_or(*until, |own| own.min(*until))),
            Narrow::Depth(depth) => right.depth = Some(right.depth.map_or(*depth, |own| own.min(*depth))),
        }
    }
}

/// Narrows a member's rights and notes which narrowings found one.
pub(super) fn apply(
    name: &str,
    member: &mut Member,
    narrowings: &[Narrowing],
    found: &mut [bool],
) -> Result<(), GrantError> {
    let mut rights: Vec<Right> = member.rights.iter().cloned().collect();
    for right in &mut rights {
        for (narrowing, found) in narrowings.iter().zip(found.iter_mut()) {
            if narrowing.covers(right) {
                narrowing.narrow(right);
                *found = true;
            }
        }
    }
    member.rights =
        Rights::new(rights).map_err(|error| GrantError::Rights { member: name.to_owned(), error })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit::Digest;
    use ledger::Amounts;
    use proptest::prelude::*;

    fn member(rights: Vec<Right>) -> Member {
        let rights = Rights::new(rights).unwrap();
        Member { component: Digest::of(b""), manifest: None, rights, budget: Amounts::unlimited() }
    }

    fn object() -> impl Strategy<Value = Pattern> {
        prop::sample::select(vec!["a", "a.b", "a.*", "b", "*"]).prop_map(|text| text.parse().unwrap())
    }

    fn labels() -> impl Strategy<Value = Labels> {
        prop::collection::vec(prop::sample::select(vec!["p", "q", "r"]), 0..3)
            .prop_map(|all| Labels::new(all).unwrap())
    }

    fn verb() -> impl Strategy<Value = Verb> {
        prop::sample::select(vec![Verb::Read, Verb::Send])
    }

    fn right() -> impl Strategy<Value = Right> {
        let half = || prop::sample::select(vec![Use::No, Use::Ask, Use::Allow]);
        (verb(), object(), half(), half(), labels()).prop_map(|(verb, object, using, delegate, unless)| {
            Right { verb, object, using, delegate, unless, until: None, depth: None }
        })
    }

    fn narrowing() -> impl Strategy<Value = Narrowing> {
        let how = prop_oneof![
            Just(Narrow::Ask),
            labels().prop_map(Narrow::Unless),
            (0..9_u64).prop_map(Narrow::Until),
            (0..3_u8).prop_map(Narrow::Depth),
        ];
        (verb(), object(), how).prop_map(|(verb, object, how)| Narrowing { verb, object, how })
    }

    fn strength(decision: crate::Decision) -> u8 {
        match decision {
            crate::Decision::Deny => 0,
            crate::Decision::Ask => 1,
            crate::Decision::Allow => 2,
        }
    }

    proptest! {
        #[test]
        fn narrowing_never_widens_and_holds(
            rights in prop::collection::vec(right(), 0..6),
            narrowings in prop::collection::vec(narrowing(), 0..4),
            carried in labels(),
        ) {
            let before = member(rights);
            let mut after = before.clone();
            apply("it", &mut after, &narrowings, &mut vec![false; narrowings.len()]).unwrap();
            for verb in [Verb::Read, Verb::Send] {
                for name in ["a", "a.b", "a.c", "b", "c"] {
                    let was = strength(before.rights.decide(verb, name, &carried));
                    let is = strength(after.rights.decide(verb, name, &carried));
                    prop_assert!(is <= was);
                    for narrowing in narrowings.iter().filter(|n| n.verb == verb && n.object.covers(name)) {
                        match &narrowing.how {
                            Narrow::Ask => prop_assert!(is <= 1),
                            Narrow::Unless(labels) => prop_assert!(!labels.intersects(&carried) || is == 0),
                            Narrow::Until(until) => prop_assert_eq!(
                                after.rights.at(*until).decide(verb, name, &carried),
                                crate::Decision::Deny
                            ),
                            Narrow::Depth(depth) => prop_assert!(
                                *depth > 0 || !after.rights.delegates(verb, &name.parse().unwrap())
                            ),
                        }
                    }
                }
            }
        }
    }
}
