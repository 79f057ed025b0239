//! From a manifest and the operator's offer to a grant.

use std::collections::BTreeMap;

use audit::Digest;
use ledger::{Amounts, MAX, Meter};

use super::narrow::{self, Narrowing};
use super::needed::{self, Met, Missing};
use super::{Grant, GrantError, Member, Mode, Offer, Signer, offer, weight};
use crate::{Manifest, Pattern, Right, Rights, RightsError, Verb};

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The component file's name without its ending; a manifest's own name goes before it.
    pub name: String,
    /// Of the root's component.
    pub component: Digest,
    /// The manifest and the digest of its bytes, if there is one.
    pub manifest: Option<(Manifest, Digest)>,
    /// Of each child's component, by label.
    pub children: BTreeMap<String, Digest>,
    /// Who signed the package, after that was checked.
    pub signer: Option<Signer>,
}

/// A grant, and how the offer and the needs failed to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Needs ∩ offer. It holds nothing that is missing.
    pub grant: Grant,
    /// What is needed and not offered, sorted; a run should not start before somebody decided about it.
    pub missing: Vec<Missing>,
    /// What `allow` named and no need asks for. A manifest is a ceiling, so it was not granted.
    pub unused: Vec<(Verb, Pattern)>,
    /// What was to be narrowed and is held by nobody.
    pub idle: Vec<Narrowing>,
}

impl Grant {
    /// The grant that a manifest's needs and an offer make together; without a manifest, `log` and
    /// exactly what is offered.
    ///
    /// Budgets: the operator's over the manifest's over the default; the operator's is the root's, of which
    /// the children get their part.
    ///
    /// # Errors
    /// The offer is not acceptable, a child's component is not there, or a limit is exceeded.
    pub fn effective(subject: &Subject, offer: Offer) -> Result<Effective, GrantError> {
        offer::check_places(&offer.mounts, &offer.models)?;
        let (mut root, mut children, missing) = match &subject.manifest {
            Some((manifest, digest)) => team(subject, manifest, *digest, &offer)?,
            None => (alone(subject, &offer)?, BTreeMap::new(), Vec::new()),
        };
        let unused = unused(subject, &offer);
        let mut found = vec![false; offer.narrow.len()];
        narrow::apply("the root agent", &mut root, &offer.narrow, &mut found)?;
        for (label, child) in &mut children {
            narrow::apply(label, child, &offer.narrow, &mut found)?;
        }
        let idle = offer.narrow.iter().zip(&found).filter(|(_, found)| !**found);
        let idle = idle.map(|(narrowing, _)| narrowing.clone()).collect();
        let (package, version) = match &subject.manifest {
            Some((manifest, _)) => (manifest.package.name.clone(), Some(manifest.package.version.clone())),
            None => (subject.name.clone(), None),
        };
        let (signed, signer) = (subject.signer.is_some(), subject.signer.clone());
        let (mounts, models) = (offer.mounts, offer.models);
        let weights = offer.weights.iter().map(|(named, weight)| (weight::label(named), *weight)).collect();
        let grant = Grant {
            v: 1,
            package,
            version,
            signed,
            root,
            children,
            mounts,
            models,
            weights,
            windows: offer.windows,
            signer,
            standing: None,
        };
        grant.check()?;
        Ok(Effective { grant, missing, unused, idle })
    }
}

type Team = (Member, BTreeMap<String, Member>, Vec<Missing>);

/// The members that a manifest declares.
fn team(subject: &Subject, manifest: &Manifest, digest: Digest, offer: &Offer) -> Result<Team, GrantError> {
    let met = |name: &str, needs: &Rights| needed::meet(needs, offer).map_err(|error| of(name, error));
    let Met { rights, mut missing } = met("the root agent", &manifest.needs)?;
    let budget = overlay(overlay(ledger::default_root(), &manifest.budget), &offer.budget);
    let root = Member { component: subject.component, manifest: Some(digest), rights, budget };
    let mut children = BTreeMap::new();
    for (label, child) in &manifest.children {
        let component = subject.children.get(label).ok_or_else(|| GrantError::NoComponent(label.clone()))?;
        let Met { rights, missing: more } = met(label, &child.needs)?;
        missing.extend(more);
        let budget = overlay(ledger::default_child(), &child.budget);
        let member = Member { component: *component, manifest: Some(digest), rights, budget };
        children.insert(label.clone(), member);
    }
    missing.sort();
    missing.dedup();
    Ok((root, children, missing))
}

/// A component without a manifest: `log`, the mounts, the models and what is allowed.
fn alone(subject: &Subject, offer: &Offer) -> Result<Member, GrantError> {
    let mut rights = vec![Right::allow(Verb::Log, Pattern::all())];
    let mut grant =
        |verb, name: &str| rights.extend(name.parse().ok().map(|object| Right::allow(verb, object)));
    for (name, place) in &offer.mounts {
        grant(Verb::Read, name);
        if place.mode != Mode::Ro {
            grant(Verb::Write, name);
        }
    }
    for name in offer.models.keys() {
        grant(Verb::Infer, name);
    }
    for (verb, object) in &offer.allow {
        if let Some(flag) = needed::placeless(*verb, object, offer) {
            return Err(GrantError::NoPlace { verb: *verb, object: object.clone(), flag });
        }
        rights.push(Right::allow(*verb, object.clone()));
    }
    let rights = Rights::new(rights).map_err(|error| of("the root agent", error))?;
    let budget = overlay(ledger::default_root(), &offer.budget);
    Ok(Member { component: subject.component, manifest: None, rights, budget })
}

/// What was allowed beyond the needs of every member.
fn unused(subject: &Subject, offer: &Offer) -> Vec<(Verb, Pattern)> {
    let Some((manifest, _)) = &subject.manifest else {
        return Vec::new();
    };
    let needed = |verb: Verb, object: &Pattern| {
        let children = manifest.children.values().map(|child| &child.needs);
        let mut needs = children.chain([&manifest.needs]).flatten();
        verb == Verb::Log || needs.any(|need| need.verb == verb && need.object.meet(object).is_some())
    };
    offer.allow.iter().filter(|(verb, object)| !needed(*verb, object)).cloned().collect()
}

fn overlay(budget: Amounts, set: &[(Meter, u64)]) -> Amounts {
    set.iter().fold(budget, |budget, (meter, amount)| budget.with(*meter, (*amount).min(MAX)))
}

fn of(member: &str, error: RightsError) -> GrantError {
    GrantError::Rights { member: member.to_owned(), error }
}
