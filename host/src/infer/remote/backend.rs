//! One model: where it is, how it is spoken to, and one question to it with its attempts.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::Rng;
use reqwest::Url;
use zeroize::Zeroizing;

use super::exchange::{Incoming, Question, Seat};
use super::secret::{Blanking, KEY_LIMIT, Secret};
use super::stream::{Pump, chunks};
use super::trouble::{self, Kind, Trouble, WAIT_LIMIT, quoted};
use super::wire::{Odd, Reading, Wire};
use crate::infer::config::{KeyPlace, Patience, Table};
use crate::infer::file::{PrivateError, read_private};
use crate::infer::slots::Line;
use crate::kernel::ports::{
    Ask, By, Caller, Completion, Fault, Format, Part, Price, Request, Role, Traits, Turn, Usage, Waited,
};

/// The longest pause between two attempts that no server asked for.
const BACKOFF_LIMIT: Duration = Duration::from_secs(30);
/// How long a model that did not answer in time is asked last.
const REST: Duration = Duration::from_secs(30);
/// Tokens of the answer when a model is tried; some think before they speak.
const PROBE_TOKENS: u32 = 64;

/// A model that can be asked.
pub struct Backend {
    name: String,
    wire: Wire,
    base: Url,
    model: String,
    key: Option<Secret>,
    patience: Patience,
    traits: Traits,
    /// Where those wait who ask it; absent: everybody may at once.
    line: Option<Arc<Line>>,
    /// Until when it is asked last.
    rests: Mutex<Option<Instant>>,
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

/// Why a model cannot be asked, as it stands in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unusable {
    /// What is wrong.
    pub message: String,
    /// What would mend it.
    pub help: String,
}

/// What a model answered when it was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The beginning of it.
    pub text: String,
    /// What it reported.
    pub usage: Option<Usage>,
    /// Whether it was asked for a stream too.
    pub streamed: bool,
}

impl Backend {
    /// A model as a table has it, with its key read. `name` is what people call it; who asks it waits in `line`, if there is
    /// one.
    ///
    /// # Errors
    /// When its key is not there, or would travel in the clear.
    pub fn new(
        name: &str,
        table: &Table,
        price: Option<Price>,
        line: Option<Arc<Line>>,
    ) -> Result<Backend, Unusable> {
        let unusable = |message: String, help: &str| Unusable {
            message: format!("model {name}: {message}"),
            help: help.to_owned(),
        };
        let base = table
            .provider
            .address(table.url.as_deref())
            .map_err(|message| unusable(message, "mend its `url`"))?;
        let key = table.key.as_ref().map(secret).transpose();
        let key = key.map_err(|(message, help)| unusable(message, &help))?;
        if key.is_some() && base.scheme() == "http" && !is_here(&base) {
            return Err(unusable(
                format!("its key would travel unencrypted to {base}"),
                "use https, a tunnel to this machine, or no key",
            ));
        }
        let Table { context, tools, streaming, json, .. } = *table;
        Ok(Backend {
            name: name.to_owned(),
            wire: table.provider,
            base,
            model: table.model.clone(),
            key,
            patience: table.patience,
            traits: Traits { context, tools, streaming, json, price },
            line,
            rests: Mutex::new(None),
        })
    }

    /// Its name at its server.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What it can do, and what it costs.
    pub fn traits(&self) -> Traits {
        self.traits
    }

    /// For the operator: what it is called, and where it is.
    pub fn place(&self) -> String {
        format!("{} ({} at {})", self.name, self.model, self.base)
    }

    /// The processes that wait for it, whoever is next first; none when nobody has to.
    pub(super) fn order(&self) -> Option<Vec<(u32, u32)>> {
        self.line.as_ref().map(|line| line.order())
    }

    /// Whether it did not answer in time a short while ago.
    pub(super) fn rests(&self) -> bool {
        self.rests.lock().is_ok_and(|until| until.is_some_and(|until| Instant::now() < until))
    }

    /// The whole answer.
    pub(super) async fn generate(&self, ask: &Ask) -> Result<Completion, Trouble> {
        let (mut seat, mut incoming) = self.begin(ask, false).await?;
        let body = incoming.whole().await.map_err(|trouble| self.tired(trouble))?;
        let mut reading = Reading::default();
        let text = self.wire.take(&mut reading, &body).map_err(|odd| self.odd(odd))?;
        let finish = reading.ending();
        if reading.finish.is_none() && text.is_empty() && reading.calls() == 0 {
            return Err(Trouble::broken("the model's answer is empty", "is `provider` the right one?"));
        }
        let blanking = Blanking::new(self.key.as_ref());
        let clean = |text: String| blanking.whole(text);
        let calls = reading.take_calls().map_err(|odd| self.odd(odd))?.into_iter().map(|call| {
            Part::ToolCall { id: clean(call.id), name: clean(call.name), input: clean(call.input) }
        });
        let text = (!text.is_empty()).then(|| Part::Text(clean(text)));
        let parts = text.into_iter().chain(calls).collect();
        let usage = reading.usage();
        seat.used(usage);
        Ok(Completion { parts, finish, usage, by: Some(self.by()) })
    }

    /// Asks for one word, whole and, where it claims to stream, streamed.
    ///
    /// # Errors
    /// What is in the way, and what would mend it.
    pub async fn probe(&self) -> Result<Answered, Fault> {
        let told = |trouble| trouble::fault(&[(self.name.clone(), trouble)]);
        let request = Request {
            turns: vec![Turn {
                role: Role::User,
                parts: vec![Part::Text("Answer with the word: ready".into())],
            }],
            tools: Vec::new(),
            format: Format::Text,
            max_tokens: PROBE_TOKENS,
            parameters: Vec::new(),
        };
        let ask = Ask {
            model: self.model.clone(),
            process: String::new(),
            turn: 0,
            request: Arc::new(request),
            caller: Caller::default(),
            waited: Waited::default(),
        };
        let whole = self.generate(&ask).await.map_err(told)?;
        if self.traits.streaming {
            let mut chunks = self.stream(&ask).await.map_err(told)?;
            while let Some(chunk) = chunks.recv().await {
                chunk?;
            }
        }
        let text = whole.parts.iter().find_map(|part| match part {
            Part::Text(text) => Some(quoted(text)),
            Part::Blob { .. } | Part::ToolCall { .. } | Part::ToolOutput { .. } => None,
        });
        Ok(Answered { text: text.unwrap_or_default(), usage: whole.usage, streamed: self.traits.streaming })
    }

    /// An answer whose pieces are still to come.
    pub(super) async fn stream(&self, ask: &Ask) -> Result<chunks::Receiver, Trouble> {
        let (seat, incoming) = self.begin(ask, true).await?;
        if incoming.is_json() {
            let fix = "set `streaming = false` in its table of models.toml";
            return Err(Trouble::broken("the model does not stream", fix));
        }
        let blanking = Blanking::new(self.key.as_ref());
        let pump = Pump::new(incoming, self.wire, blanking, self.by(), self.place());
        Ok(pump.start(seat))
    }

    /// Asks, as often as it may be asked, until an answer begins. Between two attempts it holds nothing that others wait for.
    async fn begin(&self, ask: &Ask, streams: bool) -> Result<(Seat, Incoming), Trouble> {
        let body = self.wire.question(&self.model, &ask.request, streams);
        let body = body.map_err(|fault| Trouble::new(Kind::Wrong, fault.detail, ""))?;
        let mut pause = self.patience.backoff;
        for attempt in 1.. {
            let mut seat = Seat::take(self.line.as_ref(), ask).await?;
            let Patience { first, between, whole, .. } = self.patience;
            let question = Question {
                url: self.wire.endpoint(&self.base, &self.model, streams),
                headers: self.wire.headers(self.key.as_ref()),
                body: body.clone(),
                // A whole answer begins when it is there.
                first: if streams { first } else { whole },
                between,
                whole,
            };
            let trouble = match question.send(streams).await {
                Ok(incoming) => return Ok((seat, incoming)),
                Err(trouble) => self.tired(trouble),
            };
            seat.failed(&trouble);
            drop(seat);
            let wait = trouble.after.unwrap_or_else(|| jittered(pause));
            if trouble.kind != Kind::Busy || attempt >= self.patience.attempts || wait > WAIT_LIMIT {
                return Err(trouble);
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(BACKOFF_LIMIT);
        }
        Err(Trouble::new(Kind::Busy, "the model was not asked", ""))
    }

    /// A failure, without the key. A model that began and did not end well is asked last for a while.
    fn tired(&self, trouble: Trouble) -> Trouble {
        if let (Kind::Doubt, Ok(mut rests)) = (trouble.kind, self.rests.lock()) {
            *rests = Some(Instant::now() + REST);
        }
        let blanking = Blanking::new(self.key.as_ref());
        let (detail, remedy) = (blanking.error(trouble.detail), blanking.error(trouble.remedy));
        Trouble { detail, remedy, ..trouble }
    }

    fn odd(&self, odd: Odd) -> Trouble {
        self.tired(Trouble::broken(odd.detail, quoted(&odd.words)))
    }

    fn by(&self) -> By {
        By { model: self.model.clone(), price: self.traits.price }
    }
}

/// Half of a pause and a random part of the other half, so that those who were refused together do not come together.
fn jittered(pause: Duration) -> Duration {
    pause / 2 + rand::rng().random_range(Duration::ZERO..=pause / 2)
}

/// Whether an address is on this machine.
fn is_here(url: &Url) -> bool {
    match url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']')) {
        Some("localhost") => true,
        Some(host) => host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// Reads a key, or says what is wrong and what would mend it.
fn secret(place: &KeyPlace) -> Result<Secret, (String, String)> {
    let (text, from) = match place {
        KeyPlace::Env(name) => {
            let text = std::env::var(name).map_err(|_| {
                (
                    format!("its key is not there: {name} is not set"),
                    format!("export {name}=… before the host is started"),
                )
            })?;
            (Zeroizing::new(text), name.clone())
        }
        KeyPlace::File(path) => (read(path)?, path.display().to_string()),
    };
    let wrong = |what: &str| {
        (format!("its key in {from} cannot be used: {what}"), "put the key there, alone".to_owned())
    };
    Secret::new(text).map_err(wrong)
}

fn read(path: &Path) -> Result<Zeroizing<String>, (String, String)> {
    let shown = path.display();
    let failed = |error: std::io::Error| {
        (
            format!("its key cannot be read: {shown}: {error}"),
            "check `key-file`: it is relative to models.toml".to_owned(),
        )
    };
    read_private(path, KEY_LIMIT as u64 + 2).map_err(|error| match error {
        PrivateError::Read(error) => failed(error),
        PrivateError::Others => (
            format!("others can read its key: {shown}"),
            format!("chown it to yourself and chmod 600 {shown}"),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_this_machine() {
        let here = |text: &str| is_here(&Url::parse(text).unwrap());
        for local in ["http://localhost:1/v1", "http://127.8.0.1/v1", "http://[::1]:8080/v1"] {
            assert!(here(local), "{local}");
        }
        for other in ["http://localhost.example/", "http://10.0.0.1/", "http://[::2]/", "http://128.0.0.1/"] {
            assert!(!here(other), "{other}");
        }
    }

    #[test]
    fn a_pause_is_at_most_itself_and_at_least_half() {
        let pause = Duration::from_millis(100);
        assert!((0..100).map(|_| jittered(pause)).all(|time| time >= pause / 2 && time <= pause));
    }
}
