//! What part of a shared backend a member's processes get beside others.

use super::{Grant, GrantError, WEIGHT, WEIGHT_LIMIT};

/// What an operator calls the root agent, whose own label is empty.
const ROOT: &str = "root";

impl Grant {
    /// The weight of a member's processes; the root's label is empty.
    pub fn weight(&self, member: &str) -> u16 {
        self.weights.get(member).copied().unwrap_or(WEIGHT)
    }
}

/// The label of whom an operator names: `root` is the root agent, even beside a child of that name.
pub(super) fn label(named: &str) -> String {
    if named == ROOT { String::new() } else { named.to_owned() }
}

/// Whether every weight is in range and a member's.
pub(super) fn check(grant: &Grant) -> Result<(), GrantError> {
    for (label, weight) in &grant.weights {
        let reason = if !(1..=WEIGHT_LIMIT).contains(weight) {
            format!("a weight is 1 to {WEIGHT_LIMIT}")
        } else if !label.is_empty() && !grant.children.contains_key(label) {
            let known: Vec<&str> =
                [ROOT].into_iter().chain(grant.children.keys().map(String::as_str)).collect();
            format!("there is no such member; there is {}", known.join(", "))
        } else {
            continue;
        };
        let member = if label.is_empty() { ROOT.to_owned() } else { label.clone() };
        return Err(GrantError::Weight { member, weight: *weight, reason });
    }
    Ok(())
}
