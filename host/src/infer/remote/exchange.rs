//! One question over HTTP: sent, and its answer taken in pieces that are bounded in size and time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use ledger::{Meter, show};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::trouble::{Kind, Trouble, quoted};
use crate::infer::slots::Line;
use crate::infer::slots::line::Turn;
use crate::infer::slots::queue::Full;
use crate::kernel::ports::{Ask, Usage};

/// Questions at a time, of all agents of this program; the others wait in the order in which they came.
pub const QUESTIONS: usize = 256;
/// Connections to one server that are kept for the next question.
const IDLE_CONNECTIONS: usize = 64;
/// How long they are kept.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// How long a server may take to accept a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// A whole answer as it comes, in bytes: twice what it may hold, for JSON's escapes.
const BODY_LIMIT: usize = 8 << 20;
/// A streamed answer as it comes, in bytes: an event for every few characters is mostly wrapping.
const STREAM_LIMIT: usize = 256 << 20;
/// What is read of a refusal, in bytes.
const REFUSAL_LIMIT: usize = 64 << 10;

/// The places of those who ask.
static PLACES: Semaphore = Semaphore::const_new(QUESTIONS);

/// What an attempt holds while it is under way: its turn at the backend, if those who ask it wait in line, and a place among
/// those of this program. Both are given back when it is dropped.
pub(super) struct Seat {
    turn: Option<Turn>,
    _place: Option<SemaphorePermit<'static>>,
}

impl Seat {
    /// Waits for a turn, then for a place: whoever waits for a slow backend keeps no place from others.
    pub(super) async fn take(line: Option<&Arc<Line>>, ask: &Ask) -> Result<Seat, Trouble> {
        let turn = match line {
            None => None,
            Some(line) => {
                let full = |full: Full| Trouble::new(Kind::Busy, full.to_string(), "");
                Some(line.admit(ask).await.map_err(full)?)
            }
        };
        // It is never closed.
        Ok(Seat { turn, _place: PLACES.acquire().await.ok() })
    }

    /// The answer has ended, and took so much.
    pub(super) fn used(&mut self, usage: Option<Usage>) {
        self.turn.iter_mut().for_each(|turn| turn.used(usage));
    }

    /// The attempt failed. It counts in full, unless it is known that nothing was made of it.
    pub(super) fn failed(&mut self, trouble: &Trouble) {
        if trouble.kind != Kind::Doubt {
            self.turn.iter_mut().for_each(Turn::spared);
        }
    }
}

/// The one client of this program. It follows no redirect, since a key would travel with it, and uses no proxy that the
/// environment names; answers are not compressed, so that none is larger than what was sent.
fn client() -> Result<&'static Client, Trouble> {
    static CLIENT: OnceLock<Result<Client, String>> = OnceLock::new();
    let made = CLIENT.get_or_init(|| {
        // Another one that was installed before is as good.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            Client::builder()
                .redirect(Policy::none())
                .no_proxy()
                .no_gzip()
                .connect_timeout(CONNECT_TIME)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .pool_idle_timeout(IDLE_TIME)
                .user_agent(concat!("aos-host/", env!("CARGO_PKG_VERSION")))
        };
        // A machine without root certificates still reaches its own servers.
        builder().build().or_else(|_| builder().tls_certs_only([]).build()).map_err(|error| root(&error))
    });
    made.as_ref().map_err(|error| Trouble::new(Kind::Refused, "the host has no HTTP client", error.clone()))
}

/// A question that is ready to be sent.
pub(super) struct Question {
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Value,
    /// How long the first byte may take,
    pub first: Duration,
    /// the next ones,
    pub between: Duration,
    /// and all of it.
    pub whole: Duration,
}

/// An answer that has begun.
#[derive(Debug)]
pub(super) struct Incoming {
    response: Response,
    between: Duration,
    /// When the next piece must be there.
    due: Instant,
    /// When all must be there.
    end: Instant,
    taken: usize,
    limit: usize,
}

impl Question {
    /// Sends it and waits for the answer to begin.
    pub(super) async fn send(self, streams: bool) -> Result<Incoming, Trouble> {
        let Question { url, mut headers, body, first, between, whole } = self;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let sent = client()?.post(url).headers(headers).body(body.to_string()).send();
        let begun = Instant::now();
        let response = match timeout_at(begun + first.min(whole), sent).await {
            Err(_) => return Err(late(first.min(whole), "first-byte` or `timeout")),
            Ok(Err(error)) if error.is_connect() => {
                let fix = "check that it runs, that `url` is right, and, for https, its certificate";
                return Err(Trouble::new(
                    Kind::Busy,
                    "the model's server cannot be reached",
                    format!("{}; {fix}", root(&error)),
                ));
            }
            Ok(Err(error)) => {
                return Err(Trouble::broken(
                    "the connection to the model broke before it answered",
                    root(&error),
                ));
            }
            Ok(Ok(response)) => response,
        };
        let limit = if streams { STREAM_LIMIT } else { BODY_LIMIT };
        let (due, end) = (Instant::now() + between, begun + whole);
        let incoming = Incoming { response, between, due, end, taken: 0, limit };
        match incoming.response.status() {
            StatusCode::OK => Ok(incoming),
            status => Err(refusal(status, incoming).await),
        }
    }
}

impl Incoming {
    /// Its media type.
    pub(super) fn is_json(&self) -> bool {
        let kind = self.response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.starts_with("application/json"))
    }

    /// The next piece; none at the end. Nothing is lost when it is no longer waited for.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        let piece = match timeout_at(self.due.min(self.end), self.response.chunk()).await {
            Err(_) if self.end <= self.due => {
                return Err(Trouble::broken(
                    "the model took too long",
                    "`timeout` in models.toml says how long",
                ));
            }
            Err(_) => return Err(late(self.between, "between")),
            Ok(Err(error)) => return Err(Trouble::broken("the model's answer broke off", root(&error))),
            Ok(Ok(piece)) => piece,
        };
        self.due = Instant::now() + self.between;
        self.taken = self.taken.saturating_add(piece.as_ref().map_or(0, Bytes::len));
        match self.taken > self.limit {
            true => Err(Trouble::broken(
                "the model's answer is too long",
                format!("more than {} bytes", self.limit),
            )),
            false => Ok(piece),
        }
    }

    /// All of it.
    pub(super) async fn whole(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut all = Vec::new();
        while let Some(piece) = self.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }
}

fn late(time: Duration, key: &str) -> Trouble {
    let time = show(Meter::WallTime, u64::try_from(time.as_millis()).unwrap_or(ledger::MAX));
    Trouble::broken(
        format!("the model said nothing for {time}"),
        format!("`{key}` in models.toml says how long it is waited for"),
    )
}

/// What a status other than 200 means.
async fn refusal(status: StatusCode, mut incoming: Incoming) -> Trouble {
    let code = status.as_u16();
    let after = after(incoming.response.headers());
    incoming.limit = REFUSAL_LIMIT;
    // What it says beside the status is a courtesy.
    let words = incoming.whole().await.map(|body| words(&body)).unwrap_or_default();
    let said = if words.is_empty() { String::new() } else { format!("; it says: {words}") };
    let told = |kind, detail: String, fix: &str| Trouble::new(kind, detail, format!("{fix}{said}"));
    let trouble = match code {
        300..=399 => told(
            Kind::Refused,
            format!("the model's server sends elsewhere (HTTP {code})"),
            "redirects are not followed, since the key would travel along: set `url` to where it leads",
        ),
        401 | 403 => told(
            Kind::Refused,
            format!("the model's server does not accept the host's key (HTTP {code})"),
            "name a valid key with `key-env` or `key-file` in its table of models.toml, or with AOS_LLM_API_KEY",
        ),
        404 | 405 => told(
            Kind::Refused,
            format!("the model's server does not have this model (HTTP {code})"),
            "check `model`, and that `url` ends as the server wants it (most often in /v1)",
        ),
        408 | 429 | 500 | 502 | 503 | 504 | 529 => told(
            Kind::Busy,
            format!("the model's server is busy or failing (HTTP {code})"),
            "try again later",
        ),
        400 | 413 | 422 => {
            let detail = format!("the model's server does not take the question (HTTP {code}){said}");
            Trouble::new(Kind::Wrong, detail, "")
        }
        _ => told(
            Kind::Refused,
            format!("the model's server answers HTTP {code}"),
            "check `url` and `provider`",
        ),
    };
    Trouble { after, ..trouble }
}

/// When a server wants to be asked again: whole seconds (RFC 9110, 10.2.3), or milliseconds as some have them.
fn after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let ms = number("retry-after-ms").or_else(|| number("retry-after").map(|s| s.saturating_mul(1_000)))?;
    Some(Duration::from_millis(ms.min(ledger::MAX)))
}

/// A server's own words about a refusal, in the forms that they have.
fn words(body: &[u8]) -> String {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let message = parsed.as_ref().and_then(|value| {
        let value = value.get(0).unwrap_or(value);
        let places = ["/error/message", "/message", "/detail", "/error"];
        places.iter().find_map(|place| value.pointer(place)?.as_str())
    });
    match (message, parsed.is_some()) {
        (Some(message), _) => quoted(message),
        // HTML pages of proxies say nothing.
        (None, false) if !body.trim_ascii_start().starts_with(b"<") => quoted(&String::from_utf8_lossy(body)),
        (None, _) => String::new(),
    }
}

/// The innermost cause, which says what happened; no address, which may be long.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    quoted(&cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_found_in_every_form() {
        for (body, found) in [
            (r#"{"error":{"message":"no\nmore"}}"#, "no more"),
            (r#"[{"error":{"message":"a"}}]"#, "a"),
            (r#"{"error":"b"}"#, "b"),
            (r#"{"detail":"c"}"#, "c"),
            (r#"{"x":1}"#, ""),
            ("d e", "d e"),
            ("<html>f</html>", ""),
        ] {
            assert_eq!(words(body.as_bytes()), found, "{body}");
        }
    }

    #[test]
    fn a_pause_is_read_in_seconds_or_milliseconds() {
        let headers = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
        };
        assert_eq!(after(&headers("retry-after", "7")), Some(Duration::from_secs(7)));
        assert_eq!(after(&headers("retry-after-ms", "20")), Some(Duration::from_millis(20)));
        assert_eq!(after(&headers("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT")), None);
        assert_eq!(after(&HeaderMap::new()), None);
    }

    #[test]
    fn the_client_can_be_made() {
        client().unwrap();
    }
}
