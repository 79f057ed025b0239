//! The driver and its line: slots are shared, and come back whatever becomes of those who ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::{self, Receiver};
use tokio::sync::{Notify, Semaphore};

use super::*;
use crate::kernel::ports::{
    Ask, Caller, Chunk, Completion, Driver, Fault, Finish, Format, Request, Traits, Usage,
};

/// A backend that answers when it is let, and counts how many it serves at a time.
#[derive(Default)]
struct Gated {
    serving: Arc<AtomicUsize>,
    begun: Arc<Notify>,
    gate: Option<Arc<Semaphore>>,
}

/// Counts one that is being served, until it is dropped.
struct Served(Arc<AtomicUsize>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Gated {
    fn new() -> (Arc<Gated>, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        (Arc::new(Gated { gate: Some(gate.clone()), ..Gated::default() }), gate)
    }
}

fn usage() -> Option<Usage> {
    Some(Usage { tokens_in: 1, tokens_out: 1, ..Usage::default() })
}

impl Driver for Gated {
    fn name(&self) -> &str {
        "gated"
    }

    fn traits(&self, _model: &str) -> Traits {
        Traits { context: 7, ..Traits::default() }
    }

    fn generate(&self, _ask: Ask) -> BoxFuture<'static, Result<Completion, Fault>> {
        let (serving, begun, gate) = (self.serving.clone(), self.begun.clone(), self.gate.clone());
        Box::pin(async move {
            serving.fetch_add(1, Ordering::SeqCst);
            let _served = Served(serving);
            begun.notify_one();
            gate.unwrap().acquire().await.unwrap().forget();
            Ok(Completion { parts: Vec::new(), finish: Finish::Stop, usage: usage(), by: None })
        })
    }

    /// Says one word, and then nothing more.
    fn stream(&self, _ask: Ask) -> BoxFuture<'static, Result<Receiver<Result<Chunk, Fault>>, Fault>> {
        Box::pin(async move {
            let (sender, receiver) = mpsc::channel(1);
            tokio::spawn(async move {
                let _heard = sender.send(Ok(Chunk::Text("word".into()))).await;
                sender.closed().await;
            });
            Ok(receiver)
        })
    }
}

fn ask(pid: u32) -> Ask {
    let request = Request {
        turns: Vec::new(),
        tools: Vec::new(),
        format: Format::Text,
        max_tokens: 9,
        parameters: Vec::new(),
    };
    Ask {
        model: "m".into(),
        process: "p".into(),
        turn: 0,
        request: Arc::new(request),
        caller: Caller { run: 1, pid, weight: 100, bound: 100 },
        waited: Default::default(),
    }
}

fn one() -> Option<Share> {
    Share::new(Some(1), None, None, None).unwrap()
}

/// Until so many wait.
async fn until_waiting(driver: &Arc<dyn Driver>, many: usize) {
    for _ in 0..5_000 {
        if driver.waiting()[0].len() == many {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{:?} wait, not {many}", driver.waiting());
}

#[tokio::test]
async fn runs_share_the_slots_of_a_backend() {
    let lines = Lines::default();
    let (backend, gate) = Gated::new();
    let first = lines.driver("b", one(), backend.clone()).unwrap();
    let second = lines.clone().driver("b", one(), backend.clone()).unwrap();
    let other = Share::new(Some(2), None, None, None).unwrap();
    assert!(
        lines.driver("b", other, backend.clone()).is_err_and(|e| e.to_string().contains("still uses them"))
    );
    assert_eq!((first.name(), first.traits("m").context), ("gated", 7));
    let served = tokio::spawn(first.generate(ask(1)));
    backend.begun.notified().await;
    let waits = ask(2);
    let waited = waits.waited.clone();
    let waiting = tokio::spawn(second.generate(waits));
    until_waiting(&first, 1).await;
    assert_eq!(second.waiting(), [[(1, 2)]]);
    assert_eq!(backend.serving.load(Ordering::SeqCst), 1);
    tokio::time::sleep(Duration::from_millis(5)).await;
    gate.add_permits(2);
    served.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
    assert!(waited.ms() >= 5, "it says how long it waited");
    drop((first, second));
    assert!(lines.driver("b", other, backend).is_ok(), "nobody uses the line any more");
}

#[tokio::test]
async fn whoever_is_gone_gives_back_place_and_slot() {
    let (backend, gate) = Gated::new();
    let driver = Lines::default().driver("b", one(), backend.clone()).unwrap();
    let served = tokio::spawn(driver.generate(ask(1)));
    backend.begun.notified().await;
    let gone = tokio::spawn(driver.generate(ask(2)));
    until_waiting(&driver, 1).await;
    let last = tokio::spawn(driver.generate(ask(3)));
    until_waiting(&driver, 2).await;
    gone.abort();
    until_waiting(&driver, 1).await;
    served.abort();
    backend.begun.notified().await;
    assert_eq!((driver.waiting()[0].len(), backend.serving.load(Ordering::SeqCst)), (0, 1));
    gate.add_permits(1);
    last.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_keeps_its_slot_until_it_ends_or_nobody_reads() {
    let (backend, gate) = Gated::new();
    let driver = Lines::default().driver("b", one(), backend.clone()).unwrap();
    let mut stream = driver.stream(ask(1)).await.unwrap();
    assert_eq!(stream.recv().await, Some(Ok(Chunk::Text("word".into()))));
    let waiting = tokio::spawn(driver.generate(ask(2)));
    until_waiting(&driver, 1).await;
    drop(stream);
    gate.add_permits(1);
    waiting.await.unwrap().unwrap();
}
