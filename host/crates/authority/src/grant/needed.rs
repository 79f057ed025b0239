//! Which needs an offer meets.

use serde::{Deserialize, Serialize};

use super::{Mode, Offer};
use crate::{Pattern, Right, Rights, RightsError, Use, Verb};

/// Something that a manifest needs and that nothing offers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Missing {
    /// What is to be done.
    pub verb: Verb,
    /// To what.
    pub object: Pattern,
    /// The flag of `run` that would offer it. Several may name the same one.
    pub flag: String,
}

/// What the operator's offer leaves of a member's needs.
pub struct Met {
    /// What is offered, and `log`.
    pub rights: Rights,
    /// What is not.
    pub missing: Vec<Missing>,
}

/// Filters needs by the offer: what reaches nothing outside the run is granted as asked; a mount grants
/// `read` and, if it is writable, `write` of its label; a model grants `infer` of its label; `allow`
/// grants tools and `declassify`.
pub fn meet(needs: &Rights, offer: &Offer) -> Result<Met, RightsError> {
    let mut rights = vec![Right::allow(Verb::Log, Pattern::all())];
    let mut missing = Vec::new();
    for need in needs {
        if need.verb.inside() {
            rights.push(need.clone());
            continue;
        }
        let objects = offered(need, offer);
        if objects.is_empty() {
            missing.push(Missing {
                verb: need.verb,
                object: need.object.clone(),
                flag: flag(need, needs, offer),
            });
        }
        rights.extend(objects.into_iter().map(|object| Right { object, ..need.clone() }));
    }
    Ok(Met { rights: Rights::new(rights)?, missing })
}

/// The parts of a need's object that the offer covers.
fn offered(need: &Right, offer: &Offer) -> Vec<Pattern> {
    let covered = |name: &&String| need.object.covers(name);
    let names: Vec<&String> = match need.verb {
        Verb::Read => offer.mounts.keys().filter(covered).collect(),
        Verb::Write => {
            let writable = offer.mounts.iter().filter(|(_, place)| place.mode != Mode::Ro);
            writable.map(|(name, _)| name).filter(covered).collect()
        }
        Verb::Infer => offer.models.keys().filter(covered).collect(),
        Verb::Tool | Verb::Declassify => {
            let allowed = offer.allow.iter().filter(|(verb, _)| *verb == need.verb);
            return allowed.filter_map(|(_, object)| need.object.meet(object).cloned()).collect();
        }
        Verb::Send | Verb::Publish | Verb::Subscribe | Verb::Lease => Vec::new(),
        Verb::Put | Verb::Get | Verb::Spawn | Verb::Log => Vec::new(),
    };
    // Labels of an offer were checked to be names, so none is lost here.
    names.into_iter().filter_map(|name| name.parse().ok()).collect()
}

/// The flag that would offer it. A mount that is both read and written is one flag, and a mount that is
/// only not writable keeps its directory.
fn flag(need: &Right, needs: &Rights, offer: &Offer) -> String {
    let name = need.object.as_str();
    let label = if need.object.is_name() { name } else { "NAME" };
    match need.verb {
        Verb::Read | Verb::Write => {
            let writes = |right: &Right| right.verb == Verb::Write && right.object == need.object;
            let mode = if needs.iter().any(writes) { ":rw" } else { "" };
            let path = offer.mounts.get(name).map_or("DIR", |place| place.path.as_str());
            format!("--mount {}", shell_word(format!("{label}={path}{mode}")))
        }
        Verb::Infer => format!("--model {}=…", shell_word(label.to_owned())),
        verb => format!("--allow {}", shell_word(format!("{verb}={name}"))),
    }
}

/// A word as a shell takes it literally: flags are copied to a terminal, and the names in them are a
/// publisher's.
fn shell_word(word: String) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:=@%+,".contains(&byte);
    if word.bytes().all(plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// The flag that would give a right a place on this machine, if it needs one and the offer has none.
pub fn placeless(verb: Verb, object: &Pattern, offer: &Offer) -> Option<String> {
    let needs = Right { using: Use::Allow, ..Right::allow(verb, object.clone()) };
    if verb.inside() || matches!(verb, Verb::Tool | Verb::Declassify) || !offered(&needs, offer).is_empty() {
        return None;
    }
    let own = Rights::new([needs.clone()]).unwrap_or_default();
    Some(flag(&needs, &own, offer))
}
