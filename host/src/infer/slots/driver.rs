//! A driver that asks another one when its turn has come.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::line::{Line, Turn};
use super::queue::Full;
use crate::kernel::ports::{Ask, Chunk, Completion, Driver, Fault, Traits};

/// Chunks of an answer that wait for their reader.
const WAITING: usize = 64;
/// How long an answer that nobody takes keeps its slot. Then it breaks off: an agent cannot keep others from a backend by
/// not reading.
const STALL: Duration = Duration::from_secs(30);

/// See the module.
pub struct Slots {
    inner: Arc<dyn Driver>,
    line: Arc<Line>,
}

impl Slots {
    /// A driver whose questions wait in this line.
    pub fn new(inner: Arc<dyn Driver>, line: Arc<Line>) -> Slots {
        Slots { inner, line }
    }
}

impl Driver for Slots {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn traits(&self, model: &str) -> Traits {
        self.inner.traits(model)
    }

    fn generate(&self, ask: Ask) -> BoxFuture<'static, Result<Completion, Fault>> {
        let (inner, line) = (self.inner.clone(), self.line.clone());
        Box::pin(async move {
            let mut turn = line.admit(&ask).await.map_err(busy)?;
            let answered = inner.generate(ask).await;
            match &answered {
                Ok(completion) => turn.used(completion.usage),
                Err(fault) => failed(&mut turn, fault),
            }
            answered
        })
    }

    fn stream(&self, ask: Ask) -> BoxFuture<'static, Result<Receiver<Result<Chunk, Fault>>, Fault>> {
        let (inner, line) = (self.inner.clone(), self.line.clone());
        Box::pin(async move {
            let mut turn = line.admit(&ask).await.map_err(busy)?;
            let chunks = inner.stream(ask).await.inspect_err(|fault| failed(&mut turn, fault))?;
            let (sender, receiver) = mpsc::channel(WAITING);
            tokio::spawn(forward(turn, chunks, sender));
            Ok(receiver)
        })
    }

    fn waiting(&self) -> Vec<Vec<(u32, u32)>> {
        vec![self.line.order()]
    }
}

fn busy(full: Full) -> Fault {
    Fault { detail: full.to_string(), retryable: true, ..Fault::default() }
}

/// A question that failed counts in full, unless it is known that nothing was made of it.
fn failed(turn: &mut Turn, fault: &Fault) {
    if !fault.spent {
        turn.spared();
    }
}

/// Passes an answer on. The slot is free when the backend is done, when the reader is gone, or when it does not read.
async fn forward(mut turn: Turn, mut from: Receiver<Result<Chunk, Fault>>, to: Sender<Result<Chunk, Fault>>) {
    loop {
        let chunk = tokio::select! {
            () = to.closed() => return,
            chunk = from.recv() => chunk,
        };
        let Some(chunk) = chunk else { return };
        if let Ok(Chunk::End { usage, .. }) = &chunk {
            turn.used(*usage);
            drop(turn);
            // The last of it may wait for its reader: it keeps nothing.
            let _unread = to.send(chunk).await;
            return;
        }
        if !matches!(tokio::time::timeout(STALL, to.send(chunk)).await, Ok(Ok(()))) {
            return;
        }
    }
}
