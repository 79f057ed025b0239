//! What the operator offers to a run.

use std::collections::BTreeMap;

use ledger::{Meter, Period};
use serde::{Deserialize, Serialize};

use super::narrow::Narrowing;
use super::{GrantError, ModelPlace, Place, TEXT_LIMIT, check_name};
use crate::{Pattern, Verb};

/// What the operator's flags, or the answers on a terminal, offer to a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// `--mount LABEL=DIR[:rw]`.
    pub mounts: BTreeMap<String, Place>,
    /// `--model LABEL=…`.
    pub models: BTreeMap<String, ModelPlace>,
    /// `--allow VERB=OBJECT`.
    pub allow: Vec<(Verb, Pattern)>,
    /// `--ask VERB=OBJECT` and `--unless VERB=OBJECT,label=CATEGORY`.
    pub narrow: Vec<Narrowing>,
    /// `--budget METER=AMOUNT`; the last one of a meter counts.
    pub budget: Vec<(Meter, u64)>,
    /// The period of those meters of the budget that come back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub windows: BTreeMap<Meter, Period>,
    /// `--weight MEMBER=N`; the last one of a member counts.
    pub weights: Vec<(String, u16)>,
}

impl Offer {
    /// This offer with another over it: what both name is the other's, except that everything stays narrowed that either one
    /// narrows.
    #[must_use]
    pub fn over(mut self, other: Offer) -> Offer {
        self.mounts.extend(other.mounts);
        self.models.extend(other.models);
        self.allow = each(self.allow, other.allow, |old, new| old == new);
        self.narrow = each(self.narrow, other.narrow, |old, new| old == new);
        // What is said of a meter now says also whether it comes back.
        self.windows.retain(|meter, _| !other.budget.iter().any(|(named, _)| named == meter));
        self.windows.extend(other.windows);
        self.budget = each(self.budget, other.budget, |old, new| old.0 == new.0);
        self.weights = each(self.weights, other.weights, |old, new| old.0 == new.0);
        self
    }
}

/// The old ones that no new one takes the place of, and the new ones.
fn each<T>(mut old: Vec<T>, new: Vec<T>, same: impl Fn(&T, &T) -> bool) -> Vec<T> {
    old.retain(|old| !new.iter().any(|new| same(old, new)));
    old.extend(new);
    old
}

/// Whether every label and text is allowed.
pub fn check_places(
    mounts: &BTreeMap<String, Place>,
    models: &BTreeMap<String, ModelPlace>,
) -> Result<(), GrantError> {
    for (name, place) in mounts {
        check_name("mount", name)?;
        check_text("mount", name, "path", &place.path)?;
    }
    for (name, place) in models {
        check_name("model", name)?;
        check_text("model", name, "driver", &place.driver)?;
        check_text("model", name, "model", &place.model)?;
        check_text("model", name, "source", &place.source)?;
    }
    Ok(())
}

/// Whether a text is one line within the limit.
pub fn check_text(what: &'static str, name: &str, field: &'static str, text: &str) -> Result<(), GrantError> {
    match text.is_empty() || text.len() > TEXT_LIMIT || text.chars().any(char::is_control) {
        true => Err(GrantError::Text { what, name: name.chars().take(super::NAME_LIMIT).collect(), field }),
        false => Ok(()),
    }
}
