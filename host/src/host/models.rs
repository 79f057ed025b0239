//! What a grant's model labels mean on this machine: the only place that turns one into a driver. Everything follows from
//! the grant's place and the host's own configuration, so that a run that is resumed finds its models again:
//!
//! | driver | source | model |
//! |---|---|---|
//! | `scripted` | a script's path | `scripted` |
//! | `remote` | `http://…`, `https://…` | its name there; it speaks OpenAI's form and needs no key |
//! | `remote` | `PATH#NAME` | as table `[model.NAME]` of that file had it when it was granted |
//! | `remote` | `AOS_LLM` | as the variables had it when it was granted |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use authority::{Grant, Member, ModelPlace, Verb};
use ledger::{MAX, Meter};
use serde::{Deserialize, Serialize};

use super::dirs::Dirs;
use super::error::HostError;
use crate::infer::config::{KeyPlace, Patience, Table, Tables};
use crate::infer::price::Prices;
use crate::infer::remote::{Backend, Remote, Unusable, Wire};
use crate::infer::scripted::Scripted;
use crate::infer::slots::{Differs, Lines};
use crate::kernel::Model;
use crate::kernel::ports::Driver;

/// Where tables of models are, in the configuration directory.
const MODELS: &str = "models.toml";
/// Where prices are, beside the tables.
const PRICES: &str = "prices.toml";
/// The source of a model that the environment names.
const VARIABLES: &str = "AOS_LLM";

/// A model and its label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFlag {
    /// What guests call it.
    pub label: String,
    /// Where it is.
    pub source: ModelSource,
}

/// Where an operator says that a model is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelSource {
    /// In a script.
    Script(PathBuf),
    /// At an address, in OpenAI's form.
    Address {
        /// Its name there.
        model: String,
        /// Up to and with `/v1`.
        url: String,
    },
    /// In a table of `models.toml`.
    Table(String),
    /// In the variables `AOS_LLM_…`.
    Variables,
}

/// Why a model that a grant names has no price, and what would give it one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The model's name at its backend.
    pub model: String,
    /// What would close it.
    pub help: String,
}

/// The host's own configuration of models.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// `models.toml`.
    path: PathBuf,
}

/// A driver with what is known of it.
pub struct Opened {
    /// For the kernel.
    pub model: Model,
    /// Its chain, when it is remote.
    pub remote: Option<Remote>,
    /// Models of it whose price is not known.
    pub gaps: Vec<Gap>,
}

impl Catalogue {
    /// The configuration directory's, or another file.
    ///
    /// # Errors
    /// When the file's path cannot be made absolute.
    pub fn new(dirs: &Dirs, file: Option<&Path>) -> Result<Catalogue, HostError> {
        let path = file.map_or_else(|| Ok(dirs.config.join(MODELS)), absolute)?;
        Ok(Catalogue { path })
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its tables, none when the file is not there.
    ///
    /// # Errors
    /// When the file is wrong.
    pub fn tables(&self) -> Result<BTreeMap<String, Table>, HostError> {
        if self.path.exists() { Ok(Tables::load(&self.path)?.tables) } else { Ok(BTreeMap::new()) }
    }

    /// What is recorded in a grant of where a model is.
    ///
    /// # Errors
    /// When it names nothing that is there.
    pub fn place(&self, source: &ModelSource) -> Result<ModelPlace, HostError> {
        let remote = |model: String, source: String| ModelPlace { driver: "remote".into(), model, source };
        Ok(match source {
            ModelSource::Script(path) => {
                let source = text(&absolute(path)?)?;
                ModelPlace { driver: "scripted".into(), model: "scripted".into(), source }
            }
            ModelSource::Address { model, url } => remote(model.clone(), url.clone()),
            ModelSource::Table(name) => {
                let table = self.table(name)?;
                remote(table.model, format!("{}#{name}", text(&self.path)?))
            }
            ModelSource::Variables => remote(variables()?.model, VARIABLES.into()),
        })
    }

    fn table(&self, name: &str) -> Result<Table, HostError> {
        let tables = self.tables()?;
        let known = || tables.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        tables.get(name).cloned().ok_or_else(|| HostError::Usage {
            message: format!("there is no model {name:?} in {}", self.path.display()),
            help: Some(match tables.is_empty() {
                true => format!(
                    "write a table [model.{name}] there, or name an address: LABEL=MODEL@http://HOST:PORT/v1"
                ),
                false => format!("it has {}", known()),
            }),
        })
    }

    /// The model behind a place. Those who ask a backend wait in its own line.
    ///
    /// # Errors
    /// When it is not there any more, is another one now, or cannot be used.
    pub fn open(label: &str, place: &ModelPlace, dirs: &Dirs, lines: &Lines) -> Result<Opened, HostError> {
        let own = |name: &str| (dirs.config.join(PRICES), name.to_owned());
        let chain = match (place.driver.as_str(), place.source.as_str()) {
            ("scripted", path) => {
                let script = Scripted::load(Path::new(path))?;
                let share = script.share();
                let model = model(lines.driver(path, share, Arc::new(script))?, place);
                let help = format!("give `price-in` and `price-out` in [model] of {path}");
                let gap = model.traits.price.is_none().then(|| Gap { model: place.model.clone(), help });
                return Ok(Opened { model, remote: None, gaps: gap.into_iter().collect() });
            }
            ("remote", VARIABLES) => (own("AOS_LLM_MODEL"), vec![("AOS_LLM_MODEL".to_owned(), variables()?)]),
            ("remote", url) if url.starts_with("http://") || url.starts_with("https://") => (
                own(label),
                vec![(label.to_owned(), plain(Wire::Openai, &place.model, Some(url.to_owned())))],
            ),
            ("remote", source) => {
                let (path, name) = source.rsplit_once('#').unwrap_or((source, ""));
                let catalogue = Catalogue { path: path.into() };
                let first = catalogue.table(name)?;
                let others = first.fallback.clone();
                let rest = others.into_iter().map(|name| Ok((name.clone(), catalogue.table(&name)?)));
                let mut chain = vec![(name.to_owned(), first)];
                chain.extend(rest.collect::<Result<Vec<_>, HostError>>()?);
                ((catalogue.path.with_file_name(PRICES), name.to_owned()), chain)
            }
            (other, _) => {
                let message = format!("model {label}: there is no driver {other:?}");
                return Err(HostError::Usage {
                    message,
                    help: Some("this host has scripted and remote".into()),
                });
            }
        };
        remote(place, chain, lines)
    }
}

/// Opens a chain; its prices are in the file beside its tables.
fn remote(
    place: &ModelPlace,
    ((prices, name), chain): ((PathBuf, String), Vec<(String, Table)>),
    lines: &Lines,
) -> Result<Opened, HostError> {
    let prices = Prices::load(&prices)?;
    let mut gaps = Vec::new();
    let mut backends = Vec::new();
    for (name, table) in &chain {
        let price = prices.of(&table.model);
        if price.is_none() {
            gaps.push(Gap { model: table.model.clone(), help: prices.missing(&table.model) });
        }
        // Whatever chain a table is asked in, its backend is the same.
        let file = place.source.rsplit_once('#').map_or(place.source.as_str(), |(file, _)| file);
        let line = lines.line(&format!("{file}#{name}"), table.share)?;
        backends.push(Backend::new(name, table, price, line)?);
    }
    let now = backends.first().map(Backend::model).unwrap_or_default();
    if now != place.model {
        let message = format!("model {name} is {now:?} now; the run was granted {:?}", place.model);
        return Err(HostError::Usage { message, help: Some("name the granted model there again".into()) });
    }
    let remote = Remote::new(backends);
    Ok(Opened { model: model(Arc::new(remote.clone()), place), remote: Some(remote), gaps })
}

fn model(driver: Arc<dyn Driver>, place: &ModelPlace) -> Model {
    let traits = driver.traits(&place.model);
    Model { driver, name: place.model.clone(), traits }
}

/// Opens all models of a grant. Those who ask one backend wait in one line, in all runs of a host.
///
/// # Errors
/// When one cannot be used, or has no price and a budget of money is to pay for it.
pub(crate) fn open(dirs: &Dirs, lines: &Lines, grant: &Grant) -> Result<BTreeMap<String, Model>, HostError> {
    let mut models = BTreeMap::new();
    for (label, place) in &grant.models {
        let Opened { model, gaps, .. } = Catalogue::open(label, place, dirs, lines)?;
        if let Some(gap) = gaps.into_iter().find(|_| paid(grant, label)) {
            let message = format!(
                "model {label}: the price of {:?} is not known, and a budget of money is to pay for it",
                gap.model
            );
            let help = format!("{}, or lift the budget: --budget micro-usd=unlimited", gap.help);
            return Err(HostError::Usage { message, help: Some(help) });
        }
        models.insert(label.clone(), model);
    }
    Ok(models)
}

/// Whether a member that may ask a model pays for it out of a limited budget of money.
fn paid(grant: &Grant, label: &str) -> bool {
    let limited = |member: &Member| member.budget.get(Meter::MicroUsd) < MAX;
    let asks = |member: &Member| {
        member.rights.iter().any(|right| right.verb == Verb::Infer && right.object.covers(label))
    };
    let whole = limited(&grant.root);
    grant.children.values().chain([&grant.root]).any(|member| asks(member) && (whole || limited(member)))
}

/// The model that the variables name.
///
/// # Errors
/// When they are incomplete or wrong.
fn variables() -> Result<Table, HostError> {
    let wrong = |message: String, help: &str| HostError::Usage { message, help: Some(help.to_owned()) };
    let model = variable("AOS_LLM_MODEL").ok_or_else(|| {
        wrong("AOS_LLM_MODEL is not set".into(), "set it to the model's name at its server")
    })?;
    let backend = variable("AOS_LLM_BACKEND");
    let wire = backend.as_deref().map_or(Some(Wire::Openai), Wire::named).ok_or_else(|| {
        wrong(
            "AOS_LLM_BACKEND names no provider".into(),
            "set it to openai, anthropic or gemini, or unset it",
        )
    })?;
    let url = variable("AOS_LLM_BASE_URL");
    wire.address(url.as_deref())
        .map_err(|message| wrong(format!("AOS_LLM_BASE_URL: {message}"), "mend it"))?;
    let key = variable("AOS_LLM_API_KEY").map(|_| KeyPlace::Env("AOS_LLM_API_KEY".into()));
    Ok(Table { key, ..plain(wire, &model, url) })
}

/// Whether the environment names a model.
pub fn named_by_variables() -> bool {
    ["AOS_LLM_BACKEND", "AOS_LLM_BASE_URL", "AOS_LLM_MODEL", "AOS_LLM_API_KEY"]
        .iter()
        .any(|name| variable(name).is_some())
}

/// An empty variable is one that is not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A model of which nothing more is known.
fn plain(provider: Wire, model: &str, url: Option<String>) -> Table {
    Table {
        provider,
        url,
        model: model.to_owned(),
        key: None,
        context: 0,
        tools: true,
        streaming: true,
        json: true,
        patience: Patience::default(),
        fallback: Vec::new(),
        share: None,
    }
}

fn absolute(path: &Path) -> Result<PathBuf, HostError> {
    std::path::absolute(path).map_err(|source| HostError::Io { path: path.to_owned(), source })
}

/// A path as a grant has it.
fn text(path: &Path) -> Result<String, HostError> {
    path.to_str().map(str::to_owned).ok_or_else(|| HostError::Usage {
        message: format!("{}: the path of a model's file must be UTF-8", path.display()),
        help: None,
    })
}

impl From<Differs> for HostError {
    fn from(error: Differs) -> HostError {
        let help = "set them up as they were, or wait until that run has ended";
        HostError::Usage { message: error.to_string(), help: Some(help.into()) }
    }
}

impl From<Unusable> for HostError {
    fn from(error: Unusable) -> HostError {
        HostError::Usage { message: error.message, help: Some(error.help) }
    }
}
