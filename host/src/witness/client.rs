//! A log that asks a witness over HTTP.

use std::time::Duration;

use audit::checkpoint::decimal;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use super::{PATH, SIZE_TYPE};

/// How long a witness may take for its answer.
const TIME: Duration = Duration::from_secs(30);
/// An answer: bytes.
const ANSWER_BYTES: usize = 64 << 10;
/// What is told of a refusal's reason: characters.
const REASON: usize = 300;

/// What a witness answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// Lines with signatures.
    Cosigned(String),
    /// It has seen another size last, this one.
    Saw(u64),
    /// It refuses.
    Refused {
        /// HTTP's.
        status: u16,
        /// What it says.
        why: String,
    },
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The address is none.
    #[error("{0} is no address of a witness: write https://HOST or https://HOST/PREFIX")]
    Address(String),
    /// It cannot be reached, or breaks off.
    #[error("the witness cannot be asked: {0}")]
    Http(String),
    /// It answers what no witness does.
    #[error("this is no witness: {0}")]
    Form(&'static str),
}

/// Asks the witness at `prefix` about a submission.
///
/// # Errors
/// When there is no answer of a witness.
pub async fn ask(prefix: &str, submission: String) -> Result<Answered, AskError> {
    let url = Url::parse(&format!("{}{PATH}", prefix.trim_end_matches('/')));
    let url = url.map_err(|_| AskError::Address(prefix.to_owned()))?;
    // Another one that was installed before is as good.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let builder = || Client::builder().redirect(Policy::none()).no_proxy().timeout(TIME);
    // A machine without root certificates still reaches its own witnesses.
    let client = builder().build().or_else(|_| builder().tls_certs_only([]).build()).map_err(http)?;
    let sent = client.post(url).header(CONTENT_TYPE, "text/plain; charset=utf-8").body(submission).send();
    read(sent.await.map_err(http)?).await
}

async fn read(mut response: Response) -> Result<Answered, AskError> {
    let status = response.status();
    let sized = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == SIZE_TYPE);
    let mut answer = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(http)? {
        if answer.len() + piece.len() > ANSWER_BYTES {
            return Err(AskError::Form("its answer is too long"));
        }
        answer.extend(piece);
    }
    let text = String::from_utf8(answer).map_err(|_| AskError::Form("its answer is no text"))?;
    match status {
        StatusCode::OK => Ok(Answered::Cosigned(text)),
        StatusCode::CONFLICT if sized => text
            .strip_suffix('\n')
            .and_then(decimal)
            .map(Answered::Saw)
            .ok_or(AskError::Form("the size that it has seen is no number")),
        _ => {
            Ok(Answered::Refused { status: status.as_u16(), why: text.trim().chars().take(REASON).collect() })
        }
    }
}

/// The innermost reason.
fn http(error: reqwest::Error) -> AskError {
    let mut error: &dyn std::error::Error = &error;
    while let Some(source) = error.source() {
        error = source;
    }
    AskError::Http(error.to_string())
}
