//! Effects outside. A [`Permit`] is what the gate hands to an effect: the resolved, authorised thing, which nobody else
//! can make and which is used up by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use audit::Digest;
use bytes::Bytes;
use serde::Serialize;

use super::answer::{Answer, Error, Spent};
use super::call::clip;
use super::decide::Effect;
use super::draw::Chunks;
use super::infer;
use super::mount;
use super::overlay::look::Found;
use super::overlay::{self, Base};
use super::ports::{
    Ask, By, Caller, Completion, Driver, Expect, Mount, MountError, Request, Traits, Usage, Waited,
};
use super::state::Run;

pub(super) mod doubt;

/// What the kernel reaches outside for one run, by label.
#[derive(Clone, Default)]
pub struct Outside {
    /// The operator's directories.
    pub mounts: BTreeMap<String, Arc<dyn Mount>>,
    /// Models.
    pub models: BTreeMap<String, Model>,
}

/// A driver and the model it is to ask.
#[derive(Clone)]
pub struct Model {
    /// Who answers.
    pub driver: Arc<dyn Driver>,
    /// The model's name there.
    pub name: String,
    /// What it can do.
    pub traits: Traits,
}

/// A model as `infer.models` lists it.
#[derive(Serialize)]
struct Offered<'a> {
    name: &'a str,
    context: u32,
    tools: bool,
    streaming: bool,
    json: bool,
}

/// Leave to make one effect happen.
pub(super) struct Permit {
    effect: Effect,
    port: Port,
}

enum Port {
    Mount(Arc<dyn Mount>),
    Model(Model),
    Models(Bytes),
}

/// What an effect gave.
pub(super) struct Performed {
    pub out: Result<Answer, Error>,
    pub body: Option<Bytes>,
    /// Whether the body is committed to with a bare digest, and which.
    pub digest: Option<Digest>,
    /// Chunks that are to come.
    pub chunks: Option<Chunks>,
    /// What an overlay's base has at the paths that were covered for the first time.
    pub base: BTreeMap<String, Base>,
}

/// Who asks a driver.
#[derive(Default)]
pub(super) struct Asker {
    /// Its name in the run.
    pub name: String,
    /// Inference calls that it had made before.
    pub turn: u64,
    pub caller: Caller,
}

/// What a look gave.
pub(super) enum Seen {
    /// The answer.
    Answer(Box<Performed>),
    /// What the kernel needs to decide.
    Base(Found),
}

impl Performed {
    /// What was not done after all.
    pub(super) fn refused(error: Error) -> Performed {
        Performed::of(Err(error))
    }

    pub(super) fn of(out: Result<Answer, Error>) -> Performed {
        Performed { out, body: None, digest: None, chunks: None, base: BTreeMap::new() }
    }

    fn json<T: Serialize>(answer: Answer, value: &T) -> Performed {
        match serde_json::to_vec(value) {
            Ok(json) => Performed { body: Some(json.into()), ..Performed::of(Ok(answer)) },
            Err(error) => Performed::of(Err(Error::Invalid(error.to_string()))),
        }
    }
}

/// Resolves an authorised effect to what it acts on.
pub(super) fn permit(effect: Effect, outside: &Outside, run: &Run, me: u32) -> Result<Permit, Error> {
    let port = match &effect {
        Effect::Read { mount, .. }
        | Effect::List { mount, .. }
        | Effect::Stat { mount, .. }
        | Effect::Base { mount, .. }
        | Effect::Write { mount, .. }
        | Effect::Remove { mount, .. }
        | Effect::Rename { mount, .. } => {
            Port::Mount(outside.mounts.get(&**mount).cloned().ok_or(Error::Denied)?)
        }
        Effect::Generate { model } | Effect::Stream { model } => {
            Port::Model(outside.models.get(model).cloned().ok_or(Error::Denied)?)
        }
        Effect::Models => Port::Models(offered(outside, run, me)?),
    };
    Ok(Permit { effect, port })
}

/// The JSON of the models that a process may ask.
fn offered(outside: &Outside, run: &Run, me: u32) -> Result<Bytes, Error> {
    let me = run.proc(me).ok_or(Error::Closed)?;
    let list: Vec<Offered<'_>> = infer::offered(run, me)
        .filter_map(|name| {
            let Traits { context, tools, streaming, json, .. } = outside.models.get(name)?.traits;
            Some(Offered { name, context, tools, streaming, json })
        })
        .collect();
    serde_json::to_vec(&list).map(Bytes::from).map_err(|error| Error::Invalid(error.to_string()))
}

impl Permit {
    /// The digest of the file that the effect would replace, and whether its condition holds now. Only for mounts.
    pub(super) async fn previous(&self) -> Result<Option<Digest>, Error> {
        let (path, expect) = match &self.effect {
            Effect::Write { path, expect, .. } | Effect::Remove { path, expect, .. } => (path, expect),
            Effect::Rename { target, expect, .. } => (target, expect),
            Effect::Read { .. }
            | Effect::List { .. }
            | Effect::Stat { .. }
            | Effect::Base { .. }
            | Effect::Models
            | Effect::Generate { .. }
            | Effect::Stream { .. } => return Ok(None),
        };
        let Port::Mount(port) = &self.port else { return Ok(None) };
        let (port, at, removes) = (port.clone(), path.clone(), matches!(self.effect, Effect::Remove { .. }));
        let there = match blocking(move || port.stat(at.as_str())).await {
            Ok(listed) => listed.digest,
            Err(MountError::NotFound) if removes => return Err(Error::NotFound),
            Err(MountError::NotFound) => None,
            Err(error) => return Err(mount::error(error)),
        };
        match expect {
            Expect::Absent if there.is_some() => Err(Error::Conflict(there)),
            Expect::Digest(wanted) if there != Some(*wanted) => Err(Error::Conflict(there)),
            Expect::Any | Expect::Absent | Expect::Digest(_) => Ok(there),
        }
    }

    /// Looks, for a call that changes nothing outside.
    pub(super) async fn look(self) -> Seen {
        match (self.port, self.effect) {
            (Port::Mount(port), Effect::Base { ask, .. }) => {
                match blocking(move || Ok(overlay::look::look(&*port, &ask))).await {
                    Ok(found) => Seen::Base(found),
                    Err(error) => Seen::Answer(Box::new(Performed::refused(mount::error(error)))),
                }
            }
            (port, effect) => {
                Seen::Answer(Box::new(Permit { effect, port }.perform(None, Asker::default()).await))
            }
        }
    }

    /// Makes it happen. `body` is what the call carries; `asker` is for a driver.
    pub(super) async fn perform(self, body: Option<Bytes>, asker: Asker) -> Performed {
        match self.port {
            Port::Mount(port) => on_mount(port, self.effect, body).await,
            Port::Model(model) => on_model(model, &self.effect, body, asker).await,
            Port::Models(json) => Performed { body: Some(json), ..Performed::of(Ok(Answer::Listing)) },
        }
    }
}

/// Runs a call of a mount's where it may block.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, MountError> + Send + 'static,
) -> Result<T, MountError> {
    match tokio::task::spawn_blocking(call).await {
        Ok(result) => result,
        Err(error) => Err(MountError::Unavailable(error.to_string())),
    }
}

async fn on_mount(port: Arc<dyn Mount>, effect: Effect, body: Option<Bytes>) -> Performed {
    let data = body.unwrap_or_default();
    let performed = blocking(move || {
        Ok(match effect {
            Effect::Read { path, range, .. } => {
                let content = port.read(path.as_str(), range)?;
                let out = Ok(Answer::Content { digest: content.digest, size: content.size, from: None });
                let digest = Some(Digest::of(&content.data));
                Performed { body: Some(content.data.into()), digest, ..Performed::of(out) }
            }
            Effect::List { path, after, limit, .. } => {
                let list = port.list(path.as_str(), after.as_deref(), limit as usize)?;
                Performed::json(Answer::Listing, &list)
            }
            Effect::Stat { path, .. } => Performed::of(Ok(Answer::Stat(port.stat(path.as_str())?))),
            Effect::Write { path, expect, digest, .. } => {
                port.write(path.as_str(), &data, &expect)?;
                Performed::of(Ok(Answer::Digest(digest)))
            }
            Effect::Remove { path, expect, .. } => {
                port.remove(path.as_str(), &expect)?;
                Performed::of(Ok(Answer::Done))
            }
            Effect::Rename { source, target, expect, .. } => {
                port.rename(source.as_str(), target.as_str(), &expect)?;
                Performed::of(Ok(Answer::Done))
            }
            Effect::Base { .. } | Effect::Models | Effect::Generate { .. } | Effect::Stream { .. } => {
                return Err(MountError::Unavailable("not an effect of a mount".into()));
            }
        })
    });
    performed.await.unwrap_or_else(|error| Performed::of(Err(mount::error(error))))
}

async fn on_model(model: Model, effect: &Effect, body: Option<Bytes>, asker: Asker) -> Performed {
    let request: Request = match serde_json::from_slice(&body.unwrap_or_default()) {
        Ok(request) => request,
        Err(error) => return Performed::of(Err(Error::Invalid(error.to_string()))),
    };
    let (request, waited) = (Arc::new(request), Waited::default());
    let Asker { name, turn, caller } = asker;
    let ask = Ask { model: model.name, process: name, turn, request, caller, waited: waited.clone() };
    if matches!(effect, Effect::Stream { .. }) {
        return match model.driver.stream(ask).await {
            // The generation's number is its intent's, which the gate knows.
            Ok(rest) => Performed {
                chunks: Some(Chunks { rest, held: None, waited }),
                ..Performed::of(Ok(Answer::Done))
            },
            Err(fault) => Performed::of(Err(Error::Unavailable(fault))),
        };
    }
    match model.driver.generate(ask).await {
        Ok(completion) => {
            let spent = spent(model.traits, completion.usage, completion.by.as_ref());
            let spent = Spent { waited: waited.ms(), ..spent };
            Performed::json::<Completion>(Answer::Completion(spent), &completion)
        }
        Err(fault) => Performed::of(Err(Error::Unavailable(fault))),
    }
}

/// What an answer took, at the price of the model that gave it.
pub(super) fn spent(traits: Traits, usage: Option<Usage>, by: Option<&By>) -> Spent {
    let price = by.map_or(traits.price, |by| by.price).unwrap_or_default();
    let micro_usd = usage.map_or(0, |usage| infer::cost(price, usage));
    Spent { usage, micro_usd, model: by.map(|by| clip(by.model.clone())), waited: 0 }
}
