//! Whether the operator has consented to what a package asks for: by a standing grant, by flags, or by an answer to what was
//! shown for this one run.

use std::collections::BTreeMap;

use audit::Digest;
use authority::{
    Asked, Grant, Manifest, Missing, Mode, More, Offer, Pattern, Signer, Subject, Target, Verb, asked,
    package_digest,
};
use ledger::{MAX, Meter};
use serde::{Deserialize, Serialize};

use super::dirs::Dirs;
use super::error::{HostError, Kind};
use super::offer::offer;
use super::prepare::{Request, latest};
use super::standing::{self, Standing};

/// What a package asks for, as it is shown to the operator, and what of it nobody has consented to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Its name, or the component file's.
    pub package: String,
    /// Its version.
    pub version: Option<String>,
    /// Who signed it.
    pub signer: Option<Signer>,
    /// What its publisher says of it.
    pub description: String,
    /// Whether it has children.
    pub team: bool,
    /// What reaches outside the run.
    pub wants: Vec<Want>,
    /// What its publisher sets of the meters that cost something outside.
    pub budget: Vec<(Meter, u64)>,
    /// What nothing offers.
    pub missing: Vec<Missing>,
    /// The standing grant that does not cover what it asks for now, and how.
    pub short: Option<Short>,
    /// Names all that was shown: [`Request::consent`] repeats it.
    pub asked: Digest,
}

/// A standing grant, and what it lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Short {
    /// Its name.
    pub grant: String,
    /// What is asked for beyond it.
    pub more: Vec<More>,
}

/// Something that reaches outside the run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Want {
    /// What is to be done.
    pub verb: Verb,
    /// To what.
    pub object: Pattern,
    /// What its label means on this machine; absent where nothing offers it.
    pub place: Option<Where>,
}

/// What a label means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Where {
    /// A directory.
    Directory {
        /// Its path.
        path: String,
        /// How it is mounted.
        mode: Mode,
    },
    /// A model.
    Model {
        /// Its name there.
        model: String,
        /// A file, an address or a table.
        source: String,
    },
}

/// A request with what stands for it.
pub(super) struct Considered {
    pub offer: Offer,
    pub standing: Option<Standing>,
    pub asked: BTreeMap<String, Asked>,
    more: Vec<More>,
}

impl Considered {
    /// Finds the standing grant of a package, and lays the request's flags over it.
    ///
    /// # Errors
    /// When the grant cannot be trusted, has ended, is revoked, or is for exactly another package; when the offer names what is
    /// not there.
    pub fn new(
        dirs: &Dirs,
        request: &Request,
        subject: &Subject,
        target: &Target,
    ) -> Result<Considered, HostError> {
        let manifest = subject.manifest.as_ref().map(|(manifest, _)| manifest);
        let asked = asked(manifest);
        let exact = exact(subject);
        let standing = standing::find(dirs, target)?;
        if let Some(standing) = &standing {
            standing.holds(exact, latest(dirs))?;
        }
        let more = standing.as_ref().map(|standing| standing.grant.more(&asked)).unwrap_or_default();
        let stands = standing.as_ref().map(|standing| standing.grant.offer.clone()).unwrap_or_default();
        let offer = offer(dirs, request, manifest, stands)?;
        Ok(Considered { offer, standing, asked, more })
    }

    /// A request over an offer, of which the operator says that it stands for all that is asked for.
    ///
    /// # Errors
    /// When the offer names what is not there.
    pub fn over(
        dirs: &Dirs,
        request: &Request,
        subject: &Subject,
        stands: Offer,
    ) -> Result<Considered, HostError> {
        let manifest = subject.manifest.as_ref().map(|(manifest, _)| manifest);
        let offer = offer(dirs, request, manifest, stands)?;
        Ok(Considered { offer, standing: None, asked: asked(manifest), more: Vec::new() })
    }

    /// Whether it asks for more than its standing grant covers, and nobody has consented to that for this run.
    ///
    /// # Errors
    /// When somebody has consented to something else than this.
    pub fn wanting(&self, request: &Request, subject: &Subject) -> Result<bool, HostError> {
        match request.consent {
            None => Ok(!self.more.is_empty()),
            Some(consent) if consent == shown(subject) => Ok(false),
            Some(_) => Err(HostError::Told {
                kind: Kind::NotAuthorised,
                message: "the package was changed after it was shown".into(),
                help: Some("look at it again".into()),
            }),
        }
    }

    /// What is to be consented to.
    pub fn consent(&self, subject: &Subject, grant: Grant, missing: Vec<Missing>) -> Consent {
        let manifest = subject.manifest.as_ref().map(|(manifest, _)| manifest);
        let short = self.standing.as_ref().filter(|_| !self.more.is_empty());
        Consent {
            package: grant.package,
            version: grant.version,
            signer: grant.signer,
            description: manifest.map(|manifest| manifest.package.description.clone()).unwrap_or_default(),
            team: !grant.children.is_empty(),
            wants: manifest.map(|manifest| wants(manifest, &self.offer)).unwrap_or_default(),
            budget: costs(&self.offer, manifest),
            missing,
            short: short
                .map(|standing| Short { grant: standing.grant.name.clone(), more: self.more.clone() }),
            asked: shown(subject),
        }
    }
}

/// What names exactly this package.
pub(super) fn exact(subject: &Subject) -> Digest {
    let manifest = subject.manifest.as_ref().map(|(_, digest)| *digest);
    package_digest(manifest, subject.component, &subject.children)
}

/// Names what was shown: exactly this package, and who signed it.
fn shown(subject: &Subject) -> Digest {
    let signer = subject.signer.as_ref().map(|signer| signer.statement.to_string()).unwrap_or_default();
    Digest::of(format!("{} {signer}", exact(subject)).as_bytes())
}

/// All that reaches outside, of the whole team, each once.
fn wants(manifest: &Manifest, offer: &Offer) -> Vec<Want> {
    let children = manifest.children.values().map(|child| &child.needs);
    let needs = children.chain([&manifest.needs]).flatten().filter(|need| !need.verb.inside());
    let mut wants: Vec<Want> = needs
        .map(|need| Want {
            verb: need.verb,
            object: need.object.clone(),
            place: place(need.verb, &need.object, offer),
        })
        .collect();
    wants.sort();
    wants.dedup();
    wants
}

fn place(verb: Verb, object: &Pattern, offer: &Offer) -> Option<Where> {
    match verb {
        Verb::Read | Verb::Write => offer
            .mounts
            .get(object.as_str())
            .map(|place| Where::Directory { path: place.path.clone(), mode: place.mode }),
        Verb::Infer => offer
            .models
            .get(object.as_str())
            .map(|place| Where::Model { model: place.model.clone(), source: place.source.clone() }),
        Verb::Send | Verb::Publish | Verb::Subscribe | Verb::Lease | Verb::Put | Verb::Get => None,
        Verb::Spawn | Verb::Tool | Verb::Log | Verb::Declassify => None,
    }
}

/// Tokens and money of the root's budget, of which the children get their part.
fn costs(offer: &Offer, manifest: Option<&Manifest>) -> Vec<(Meter, u64)> {
    let set = |list: &[(Meter, u64)], meter| list.iter().rev().find(|(of, _)| *of == meter).map(|(_, n)| *n);
    let of = |meter: Meter| {
        set(&offer.budget, meter)
            .or_else(|| set(manifest.map_or(&[][..], |manifest| &manifest.budget), meter))
            .unwrap_or_else(|| ledger::default_root().get(meter))
    };
    let meters = [Meter::TokensIn, Meter::TokensOut, Meter::MicroUsd];
    meters.into_iter().map(|meter| (meter, of(meter))).filter(|(_, n)| *n < MAX && *n > 0).collect()
}
