//! A witness over HTTP/1.1. Whoever asks is a stranger: connections, time and sizes are bounded.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use audit::submission::SUBMISSION_BYTES;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{PATH, Reply, Witness};

/// Connections at a time; further ones wait to be accepted.
const CONNECTIONS: usize = 64;
/// How long a request's head may take, and the pause between two requests.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a request's body may take.
const BODY_TIME: Duration = Duration::from_secs(10);
/// How long a connection lives.
const CONNECTION_TIME: Duration = Duration::from_secs(60);
/// A request's head: bytes.
const HEAD_BYTES: usize = 16 << 10;
/// A pause after the system refused a connection, for want of descriptors.
const REST: Duration = Duration::from_millis(100);

/// Answers until it is dropped; `told` is handed what happens, a line each.
pub async fn serve(
    listener: TcpListener,
    witness: Arc<Witness>,
    told: impl Fn(&str) + Clone + Send + Sync + 'static,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // It is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(REST).await;
            continue;
        };
        let (witness, told) = (witness.clone(), told.clone());
        tokio::spawn(async move {
            // A client that breaks off, or is too slow, harms itself alone.
            let _ended = timeout(CONNECTION_TIME, connection(stream, witness, told)).await;
            drop(place);
        });
    }
}

async fn connection(
    stream: TcpStream,
    witness: Arc<Witness>,
    told: impl Fn(&str) + Clone + Send + Sync + 'static,
) -> hyper::Result<()> {
    let service = service_fn(move |request| {
        let (witness, told) = (witness.clone(), told.clone());
        async move {
            let reply = answer(request, witness).await;
            told(&reply.event);
            Ok::<_, Infallible>(response(reply))
        }
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

async fn answer(request: Request<Incoming>, witness: Arc<Witness>) -> Reply {
    if request.uri().path() != PATH {
        return Reply::refusal(404, "there is nothing but /add-checkpoint");
    }
    if request.method() != Method::POST {
        return Reply::refusal(405, "checkpoints are posted");
    }
    let body = Limited::new(request.into_body(), SUBMISSION_BYTES).collect();
    let submission = match timeout(BODY_TIME, body).await {
        Err(_) => return Reply::refusal(408, "the request took too long"),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Reply::refusal(413, format!("a submission has at most {SUBMISSION_BYTES} bytes"));
        }
        Ok(Err(_)) => return Reply::refusal(400, "the request broke off"),
        Ok(Ok(body)) => body.to_bytes(),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // It waits for the disk.
    let judged = tokio::task::spawn_blocking(move || witness.add(&submission, now)).await;
    judged.unwrap_or_else(|_| Reply::refusal(500, "the witness failed"))
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(reply.kind));
    if reply.status == 405 {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}
