//! Models behind HTTP.
//!
//! - [`Remote`]: the driver, a chain of models of which the first that can answers.
//! - [`backend`]: one model and its attempts; [`exchange`]: one question over HTTP; [`stream`]: a streamed answer.
//! - [`wire`]: the providers' forms; [`sse`]: server-sent events.
//! - [`secret`]: keys; [`trouble`]: failures.
//!
//! What holds:
//! - A key is in a header of a question to the address of its own table, and nowhere else: no entry, log line, error,
//!   `Debug` text or answer has it, also when a server sends it back.
//! - What a server sends is bounded in bytes and in time, and chooses no size, number or place in memory.
//! - A question is asked again, or of another model, only when the one before was certainly not answered: could not be
//!   sent, or was refused with a status. Else what was reserved for it stays spent, and asking again is the agent's
//!   decision, with a new reservation.

mod backend;
mod exchange;
mod secret;
mod sse;
mod stream;
mod trouble;
mod wire;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::Receiver;

use crate::kernel::ports::{Ask, Chunk, Completion, Driver, Fault, Price, Traits};

use trouble::Trouble;

pub use backend::{Answered, Backend, Unusable};
pub use wire::Wire;

/// The driver that asks models over HTTP.
#[derive(Clone, Debug)]
pub struct Remote(Arc<[Backend]>);

impl Remote {
    /// A chain: the model, and those that stand in for it, in this order.
    pub fn new(chain: Vec<Backend>) -> Remote {
        Remote(chain.into())
    }

    /// Its models.
    pub fn chain(&self) -> &[Backend] {
        &self.0
    }

    /// The order in which they are asked: those that lately left their asker waiting come last.
    fn order(&self) -> impl Iterator<Item = &Backend> {
        let (last, first): (Vec<_>, Vec<_>) = self.0.iter().partition(|backend| backend.rests());
        first.into_iter().chain(last)
    }

    /// Asks one after the other, until one answers or nobody else may be asked.
    async fn first<'a, T, F>(&'a self, ask: impl Fn(&'a Backend) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let mut troubles = Vec::new();
        for backend in self.order() {
            match ask(backend).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => {
                    let passes = trouble.passes();
                    troubles.push((backend.place(), trouble));
                    if !passes {
                        break;
                    }
                }
            }
        }
        Err(trouble::fault(&troubles))
    }
}

impl Driver for Remote {
    fn name(&self) -> &str {
        "remote"
    }

    /// What all of the chain can do, at the worst price.
    fn traits(&self, _model: &str) -> Traits {
        let all = self.0.iter().map(Backend::traits);
        all.reduce(|a, b| Traits {
            context: if a.context == 0 || b.context == 0 { 0 } else { a.context.min(b.context) },
            tools: a.tools && b.tools,
            streaming: a.streaming && b.streaming,
            json: a.json && b.json,
            price: a.price.zip(b.price).map(|(a, b)| Price {
                input: a.input.max(b.input),
                output: a.output.max(b.output),
                cached: a.cached.max(b.cached),
            }),
        })
        .unwrap_or_default()
    }

    fn generate(&self, ask: Ask) -> BoxFuture<'static, Result<Completion, Fault>> {
        let chain = self.clone();
        Box::pin(async move { chain.first(|backend| backend.generate(&ask)).await })
    }

    fn stream(&self, ask: Ask) -> BoxFuture<'static, Result<Receiver<Result<Chunk, Fault>>, Fault>> {
        let chain = self.clone();
        Box::pin(async move { chain.first(|backend| backend.stream(&ask)).await })
    }

    fn waiting(&self) -> Vec<Vec<(u32, u32)>> {
        self.0.iter().filter_map(Backend::order).collect()
    }
}
