//! A simulated backend: so many slots, so many tokens a second in each. It refuses who comes when all are taken, as servers
//! do with 429.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aos_host::kernel::ports::{Ask, Chunk, Completion, Driver, Fault, Finish, Part, Traits, Usage};
use futures_util::future::BoxFuture;
use tokio::sync::mpsc::Receiver;

use super::workload::answered;
use super::{SLOTS, SPEED};

/// Tokens of a prompt that are read in a second.
const PREFILL: f64 = 8_000.0;
/// Tokens of an answer that a slot makes in a second.
const DECODE: f64 = 40.0;

/// What the service of a question takes, in seconds of the backend.
pub(crate) fn seconds(tokens_in: u64, tokens_out: u64) -> f64 {
    tokens_in as f64 / PREFILL + tokens_out as f64 / DECODE
}

/// A question that was answered; times in the backend's seconds since it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Served {
    pub(crate) pid: u32,
    pub(crate) turn: u64,
    pub(crate) began: f64,
    pub(crate) ended: f64,
    pub(crate) tokens: u64,
}

/// See the module.
pub(crate) struct Backend {
    since: Instant,
    busy: AtomicUsize,
    refused: AtomicUsize,
    served: Mutex<Vec<Served>>,
}

impl Backend {
    pub(crate) fn new() -> Arc<Backend> {
        Arc::new(Backend {
            since: Instant::now(),
            busy: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            served: Mutex::new(Vec::new()),
        })
    }

    /// The backend's time.
    pub(crate) fn now(&self) -> f64 {
        self.since.elapsed().as_secs_f64() * SPEED
    }

    pub(crate) fn served(&self) -> Vec<Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Answers a question, or nothing when no slot is free.
    pub(crate) async fn answer(&self, ask: &Ask) -> Option<Completion> {
        let take = |busy| (busy < SLOTS).then_some(busy + 1);
        if self.busy.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let (pid, turn) = (ask.caller.pid, ask.turn);
        let tokens_in = ask.request.turns.iter().flat_map(|turn| &turn.parts).map(size).sum();
        let tokens_out = answered(pid, turn, ask.request.max_tokens);
        let began = self.now();
        tokio::time::sleep(Duration::from_secs_f64(seconds(tokens_in, tokens_out) / SPEED)).await;
        let tokens = tokens_in + tokens_out;
        let served = Served { pid, turn, began, ended: self.now(), tokens };
        self.served.lock().unwrap_or_else(PoisonError::into_inner).push(served);
        self.busy.fetch_sub(1, Ordering::AcqRel);
        let usage = Some(Usage { tokens_in, tokens_out, ..Usage::default() });
        Some(Completion { parts: vec![Part::Text("answered".into())], finish: Finish::Stop, usage, by: None })
    }
}

/// A token for each byte.
fn size(part: &Part) -> u64 {
    match part {
        Part::Text(text) => text.len() as u64,
        _ => 0,
    }
}

/// What a driver of this bench answers when it cannot.
pub(crate) fn fault(detail: &str) -> Fault {
    Fault { detail: detail.into(), retryable: true, ..Fault::default() }
}

/// The backend as a driver: it refuses who finds no slot.
pub(crate) struct Direct(pub(crate) Arc<Backend>);

impl Driver for Direct {
    fn name(&self) -> &str {
        "simulated"
    }

    fn traits(&self, _model: &str) -> Traits {
        Traits::default()
    }

    fn generate(&self, ask: Ask) -> BoxFuture<'static, Result<Completion, Fault>> {
        let backend = self.0.clone();
        Box::pin(async move { backend.answer(&ask).await.ok_or_else(|| fault("429")) })
    }

    fn stream(&self, _ask: Ask) -> BoxFuture<'static, Result<Receiver<Result<Chunk, Fault>>, Fault>> {
        Box::pin(async { Err(fault("it does not stream")) })
    }
}
