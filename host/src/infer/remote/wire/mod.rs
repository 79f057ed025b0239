//! The forms in which providers are asked and answer. Each has a file: [`openai`], [`anthropic`], [`gemini`].
//!
//! They are written out here, three small files on plain JSON, because the answer of a server is hostile input: what is
//! read is bounded as it comes, and nothing in it chooses how much memory is taken.

mod anthropic;
mod gemini;
mod openai;
mod reading;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::secret::Secret;
use crate::kernel::ports::{Fault, Request};

pub(super) use reading::{Odd, Reading};

/// A provider's form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wire {
    /// Chat completions, as OpenAI, vLLM, Ollama, llama.cpp and gateways have them.
    #[default]
    Openai,
    /// Messages, as Anthropic has them.
    Anthropic,
    /// Generate content, as Google's Gemini has it.
    Gemini,
}

impl Wire {
    /// Its name in `models.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Wire::Openai => "openai",
            Wire::Anthropic => "anthropic",
            Wire::Gemini => "gemini",
        }
    }

    /// The form of this name.
    pub fn named(name: &str) -> Option<Wire> {
        [Wire::Openai, Wire::Anthropic, Wire::Gemini].into_iter().find(|wire| wire.name() == name)
    }

    /// Checks a base address; the provider's own, when none is given.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn address(self, text: Option<&str>) -> Result<Url, String> {
        let own = match self {
            Wire::Openai => "https://api.openai.com/v1",
            Wire::Anthropic => "https://api.anthropic.com/v1",
            Wire::Gemini => "https://generativelanguage.googleapis.com/v1beta",
        };
        let form = "write http://HOST:PORT/v1 or https://HOST/v1";
        let url = Url::parse(text.unwrap_or(own))
            .map_err(|error| format!("this is no address: {error}; {form}"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(format!("an address of a model begins with http:// or https://; {form}"));
        }
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err("an address is in the log, so it holds no user, password or query; name a key with \
                        `key-env` or `key-file`"
                .to_owned());
        }
        Ok(url)
    }

    /// Where a question goes.
    pub(super) fn endpoint(self, base: &Url, model: &str, streams: bool) -> Url {
        let mut url = base.clone();
        // An http address always has segments.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            match (self, streams) {
                (Wire::Openai, _) => path.extend(["chat", "completions"]),
                (Wire::Anthropic, _) => path.push("messages"),
                (Wire::Gemini, false) => path.extend(["models", &format!("{model}:generateContent")]),
                (Wire::Gemini, true) => path.extend(["models", &format!("{model}:streamGenerateContent")]),
            };
        }
        if self == Wire::Gemini && streams {
            url.set_query(Some("alt=sse"));
        }
        url
    }

    /// The headers that say who asks.
    pub(super) fn headers(self, key: Option<&Secret>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let (name, before) = match self {
            Wire::Openai => ("authorization", "Bearer "),
            Wire::Anthropic => ("x-api-key", ""),
            Wire::Gemini => ("x-goog-api-key", ""),
        };
        if let Some(value) = key.and_then(|key| key.header(before)) {
            headers.insert(HeaderName::from_static(name), value);
        }
        if self == Wire::Anthropic {
            headers
                .insert(HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));
        }
        headers
    }

    /// A question in this form.
    pub(super) fn question(self, model: &str, request: &Request, streams: bool) -> Result<Value, Fault> {
        match self {
            Wire::Openai => openai::question(model, request, streams),
            Wire::Anthropic => anthropic::question(model, request, streams),
            Wire::Gemini => gemini::question(request),
        }
    }

    /// Takes a whole answer, or an event of a streamed one, and gives its text.
    pub(super) fn take(self, reading: &mut Reading, json: &[u8]) -> Result<String, Odd> {
        match self {
            Wire::Openai => openai::take(reading, json),
            Wire::Anthropic => anthropic::take(reading, json),
            Wire::Gemini => gemini::take(reading, json),
        }
    }
}

/// Why a question cannot be put in a form.
fn unfit(detail: impl Into<String>) -> Fault {
    Fault { detail: detail.into(), ..Fault::default() }
}

/// JSON that was checked when the agent asked.
fn parsed(json: &str) -> Result<Value, Fault> {
    serde_json::from_str(json).map_err(|error| unfit(error.to_string()))
}

/// Puts the agent's parameters where the form has them. What is not listed is refused: it could ask for several answers,
/// for a dearer service, or for another model.
fn parameters(request: &Request, known: &[(&str, &str)], into: &mut Map<String, Value>) -> Result<(), Fault> {
    for (name, json) in &request.parameters {
        let Some((_, theirs)) = known.iter().find(|(ours, _)| ours == name) else {
            let names: Vec<&str> = known.iter().map(|(ours, _)| *ours).collect();
            let name: String = name.chars().take(40).collect();
            return Err(unfit(format!(
                "the model takes no parameter {name:?}; it takes {}",
                names.join(", ")
            )));
        };
        let value = match parsed(json)? {
            // One stop word is a list of one, where the form wants a list.
            Value::String(word) if theirs.to_lowercase().starts_with("stop") => Value::from(vec![word]),
            value => value,
        };
        into.insert((*theirs).to_owned(), value);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
