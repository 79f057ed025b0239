//! The two baselines: a plain bounded queue, and clients that know nothing of each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aos_host::kernel::ports::{Ask, Chunk, Completion, Driver, Fault, Traits};
use futures_util::future::BoxFuture;
use rand::Rng;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Receiver;

use super::SPEED;
use super::backend::{Backend, fault};

/// Places of the bounded queue.
const PLACES: usize = 256;
/// How long a client waits before it comes back for the first time, at most; twice as long each further time: seconds.
const BACKOFF: f64 = 0.25;
/// The longest of these: seconds.
const BACKOFF_LIMIT: f64 = 16.0;

/// Waits before the attempt after so many: exponential backoff with full jitter, as clients of such services do it
/// ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
async fn back_off(attempts: u32) {
    let longest = (BACKOFF * 2_f64.powi(attempts.min(16) as i32)).min(BACKOFF_LIMIT);
    let wait = rand::rng().random_range(0.0..longest);
    tokio::time::sleep(Duration::from_secs_f64(wait / SPEED)).await;
}

/// First come, first served, up to so many who wait; then come back later.
pub(crate) struct Bounded {
    backend: Arc<Backend>,
    slots: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Bounded {
    pub(crate) fn new(backend: Arc<Backend>, slots: usize) -> Bounded {
        Bounded { backend, slots: Arc::new(Semaphore::new(slots)), waiting: Arc::default() }
    }
}

impl Driver for Bounded {
    fn name(&self) -> &str {
        "bounded"
    }

    fn traits(&self, _model: &str) -> Traits {
        Traits::default()
    }

    fn generate(&self, ask: Ask) -> BoxFuture<'static, Result<Completion, Fault>> {
        let (backend, slots, waiting) = (self.backend.clone(), self.slots.clone(), self.waiting.clone());
        Box::pin(async move {
            let take = |n| (n < PLACES).then_some(n + 1);
            let mut attempts = 0;
            while waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_err() {
                back_off(attempts).await;
                attempts += 1;
            }
            let slot = slots.acquire().await;
            waiting.fetch_sub(1, Ordering::AcqRel);
            let _slot = slot.map_err(|_| fault("the queue is closed"))?;
            backend.answer(&ask).await.ok_or_else(|| fault("429"))
        })
    }

    fn stream(&self, _ask: Ask) -> BoxFuture<'static, Result<Receiver<Result<Chunk, Fault>>, Fault>> {
        Box::pin(async { Err(fault("it does not stream")) })
    }
}

/// Asks until it is not refused.
pub(crate) struct Retrying(pub(crate) Arc<Backend>);

impl Driver for Retrying {
    fn name(&self) -> &str {
        "retrying"
    }

    fn traits(&self, _model: &str) -> Traits {
        Traits::default()
    }

    fn generate(&self, ask: Ask) -> BoxFuture<'static, Result<Completion, Fault>> {
        let backend = self.0.clone();
        Box::pin(async move {
            let mut attempts = 0;
            loop {
                if let Some(completion) = backend.answer(&ask).await {
                    return Ok(completion);
                }
                back_off(attempts).await;
                attempts += 1;
            }
        })
    }

    fn stream(&self, _ask: Ask) -> BoxFuture<'static, Result<Receiver<Result<Chunk, Fault>>, Fault>> {
        Box::pin(async { Err(fault("it does not stream")) })
    }
}
