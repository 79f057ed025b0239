//! What the operator offers to a run: a standing grant, and flags over it.

use std::collections::BTreeMap;
use std::path::Path;

use authority::{Manifest, Offer, Place, Verb};

use super::dirs::Dirs;
use super::error::HostError;
use super::models::{self, Catalogue, ModelSource};
use super::prepare::Request;

/// The model that guests ask when they name none.
const DEFAULT: &str = "default";

/// What flags offer over what stands already. The environment's model is the last resort.
///
/// # Errors
/// When a directory or a model that is named is not there, or a label is given twice.
pub(super) fn offer(
    dirs: &Dirs,
    request: &Request,
    manifest: Option<&Manifest>,
    standing: Offer,
) -> Result<Offer, HostError> {
    let mut offer = standing.over(flags(dirs, request)?);
    if !offer.models.contains_key(DEFAULT) && models::named_by_variables() && asks_default(request, manifest)
    {
        let catalogue = Catalogue::new(dirs, request.models_file.as_deref())?;
        offer.models.insert(DEFAULT.to_owned(), catalogue.place(&ModelSource::Variables)?);
    }
    Ok(offer)
}

fn flags(dirs: &Dirs, request: &Request) -> Result<Offer, HostError> {
    let twice = |what: &str, label: &str| HostError::Usage {
        message: format!("{what} {label:?} is given twice"),
        help: None,
    };
    let mut mounts = BTreeMap::new();
    for flag in &request.mounts {
        let path = std::fs::canonicalize(&flag.path)
            .map_err(|source| open_error(&flag.path, source))?
            .to_string_lossy()
            .into_owned();
        let place = Place { path, mode: flag.mode, labels: flag.labels.clone() };
        if mounts.insert(flag.label.clone(), place).is_some() {
            return Err(twice("--mount", &flag.label));
        }
    }
    let catalogue = Catalogue::new(dirs, request.models_file.as_deref())?;
    let mut models = BTreeMap::new();
    for flag in &request.models {
        if models.insert(flag.label.clone(), catalogue.place(&flag.source)?).is_some() {
            return Err(twice("--model", &flag.label));
        }
    }
    Ok(Offer {
        mounts,
        models,
        allow: request.allow.clone(),
        narrow: request.narrow.clone(),
        budget: request.budget.clone(),
        windows: request.windows.clone(),
        weights: request.weights.clone(),
    })
}

/// Whether somebody asks for the model `default`: a member of the team, or without a manifest the operator.
fn asks_default(request: &Request, manifest: Option<&Manifest>) -> bool {
    let asks = |needs: &authority::Rights| {
        needs.iter().any(|need| need.verb == Verb::Infer && need.object.covers(DEFAULT))
    };
    match manifest {
        Some(team) => asks(&team.needs) || team.children.values().any(|child| asks(&child.needs)),
        None => request.allow.iter().any(|(verb, object)| *verb == Verb::Infer && object.covers(DEFAULT)),
    }
}

fn open_error(path: &Path, source: std::io::Error) -> HostError {
    use crate::mounts::OpenError;
    HostError::Mount(match source.kind() {
        std::io::ErrorKind::NotFound => OpenError::Missing(path.to_owned()),
        _ => OpenError::Failed { path: path.to_owned(), source },
    })
}
