//! What a child gets: its needs ∩ what its parent may hand on ∩ what was asked for.

use crate::{Pattern, Right, Rights, Use, Verb};

/// A child cannot get what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{verb} {object:?}: {reason}", object = object.as_str())]
pub struct NotDelegable {
    /// What was to be done.
    pub verb: Verb,
    /// To what.
    pub object: Pattern,
    /// Why not.
    pub reason: Reason,
}

/// Why a right could not be handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The parent holds no right with a delegate half that covers it.
    #[error("the parent may not hand this on")]
    NotHeld,
    /// What was asked for or what would result exceeds the limits of [`Rights`]; this did not fit.
    #[error("too many capabilities for one process, or too long ones; use `prefix.*` or `*`")]
    TooMany,
}

impl Rights {
    /// The rights of a child that needs `needs`, whose parent holds `parent` and asks for `asked`
    /// (absent: all).
    ///
    /// A need is met by each right of the parent that has the same verb and a delegate half, as far as
    /// both objects reach; the labels in `unless` are united, it ends when the first of both ends, and it can be handed on once less
    /// than the parent's. The child may use what the parent only delegates, and neither half of it is stronger than the
    /// parent's delegate half. `log` needs
    /// neither a parent nor to be asked for, and `send` to `parent` needs no parent: it is the tie of
    /// the two, not something handed on.
    ///
    /// # Errors
    /// Something in `asked` is wider than what the parent may hand on, `asked` is longer than
    /// [`Rights::LIMIT`], or the result is over the limits.
    pub fn attenuate(
        needs: &Rights,
        parent: &Rights,
        asked: Option<&[(Verb, Pattern)]>,
    ) -> Result<Rights, NotDelegable> {
        // The list comes from a guest.
        if let Some((verb, object)) = asked.and_then(|asked| asked.get(Rights::LIMIT)) {
            return Err(NotDelegable { verb: *verb, object: object.clone(), reason: Reason::TooMany });
        }
        for (verb, object) in asked.unwrap_or_default() {
            if !parent.delegates(*verb, object) {
                return Err(NotDelegable { verb: *verb, object: object.clone(), reason: Reason::NotHeld });
            }
        }
        let mut child = Vec::new();
        for need in needs {
            for right in handed(need, parent) {
                for object in asked_of(&right, asked) {
                    child.push(Right { object: object.clone(), ..right.clone() });
                }
            }
            child.sort_unstable();
            child.dedup();
            // Checked at every need, so that the work stays bounded.
            if Rights::new(child.iter().cloned()).is_err() {
                let (verb, object) = (need.verb, need.object.clone());
                return Err(NotDelegable { verb, object, reason: Reason::TooMany });
            }
        }
        // It was checked above; an empty set is the safe answer if there is nothing.
        Ok(Rights::new(child).unwrap_or_default())
    }

    /// Whether the holder may hand on this verb for all of these objects.
    pub fn delegates(&self, verb: Verb, object: &Pattern) -> bool {
        let held = |right: &Right| {
            right.verb == verb
                && right.delegate != Use::No
                && right.depth != Some(0)
                && right.object.covers_pattern(object)
        };
        Rights::free(verb, object) || self.iter().any(held)
    }

    /// Whether this needs no parent to hand it on.
    pub fn free(verb: Verb, object: &Pattern) -> bool {
        verb == Verb::Log || (verb == Verb::Send && object.as_str() == "parent")
    }
}

/// The parts of a need that the parent's rights, or nobody's, give.
fn handed<'a>(need: &'a Right, parent: &'a Rights) -> impl Iterator<Item = Right> + 'a {
    let tie = need.verb == Verb::Send && need.object.covers("parent");
    let object = if tie { "parent".parse().ok() } else { Some(need.object.clone()) };
    let own = object
        .filter(|object| Rights::free(need.verb, object))
        .map(|object| Right { object, ..need.clone() });
    own.into_iter().chain(parent.iter().filter_map(|right| narrow(need, right)))
}

/// The part of a need that one right of the parent gives.
fn narrow(need: &Right, held: &Right) -> Option<Right> {
    if need.verb != held.verb || held.depth == Some(0) {
        return None;
    }
    Some(Right {
        verb: need.verb,
        object: need.object.meet(&held.object)?.clone(),
        // A held half of `no` leaves nothing, and an empty right is dropped from the set.
        using: need.using.min(held.delegate),
        delegate: need.delegate.min(held.delegate),
        unless: need.unless.union(&held.unless),
        until: least(need.until, held.until),
        depth: least(need.depth, held.depth.map(|depth| depth.saturating_sub(1))),
    })
}

/// The smaller of two limits, of which each may be absent.
fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

/// The parts of a right's object that were asked for.
fn asked_of<'a>(right: &'a Right, asked: Option<&'a [(Verb, Pattern)]>) -> Vec<&'a Pattern> {
    match asked {
        Some(asked) if right.verb != Verb::Log => {
            let same = asked.iter().filter(|(verb, _)| *verb == right.verb);
            same.filter_map(|(_, object)| right.object.meet(object)).collect()
        }
        _ => vec![&right.object],
    }
}

#[cfg(test)]
mod tests;
