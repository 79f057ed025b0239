//! The queue with a clock, and places in it that are given back when whoever holds them is gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::policy::{Process, Ticket};
use super::queue::{Full, Next, Queue};
use super::share::Share;
use crate::kernel::ports::{Ask, Caller, Usage};

/// One backend's line. All who ask that backend wait in the same one.
pub struct Line {
    since: Instant,
    state: Mutex<State>,
}

struct State {
    queue: Queue,
    waiters: HashMap<Ticket, oneshot::Sender<()>>,
    /// When the line is looked at again, because of its rates; in milliseconds.
    alarm: Option<u64>,
}

/// A place in a line: first among those who wait, then a slot. It is given back when it is dropped, whenever that is.
pub struct Turn {
    line: Arc<Line>,
    ticket: Ticket,
    used: Option<u64>,
}

impl Line {
    /// A line in which nobody waits.
    pub fn new(share: &Share) -> Line {
        let state = State { queue: Queue::new(share), waiters: HashMap::new(), alarm: None };
        Line { since: Instant::now(), state: Mutex::new(state) }
    }

    /// Waits for a slot. Whoever stops waiting gives up the place.
    ///
    /// # Errors
    /// When too many wait.
    pub async fn turn(self: &Arc<Line>, caller: &Caller) -> Result<Turn, Full> {
        let (turn, called) = {
            let mut state = self.lock();
            let ticket = state.queue.join((caller.run, caller.pid), caller.weight, caller.bound)?;
            let (tell, called) = oneshot::channel();
            state.waiters.insert(ticket, tell);
            (Turn { line: self.clone(), ticket, used: None }, called)
        };
        self.advance();
        // The line keeps the other end until it calls, and this turn keeps the line.
        let _called = called.await;
        Ok(turn)
    }

    /// Waits for a slot for a question, and tells it how long that took.
    ///
    /// # Errors
    /// When too many wait.
    pub async fn admit(self: &Arc<Line>, ask: &Ask) -> Result<Turn, Full> {
        let since = Instant::now();
        let turn = self.turn(&ask.caller).await?;
        ask.waited.add(since.elapsed());
        Ok(turn)
    }

    /// The processes that wait, whoever is next first.
    pub fn order(&self) -> Vec<Process> {
        self.lock().queue.order()
    }

    /// How many wait, and how many are served.
    pub fn sizes(&self) -> (usize, usize) {
        self.lock().queue.sizes()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives slots to whoever can have one now.
    fn advance(self: &Arc<Line>) {
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut state = self.lock();
        loop {
            match state.queue.next(now) {
                Next::Serve(ticket) => {
                    // One who is not there any more is about to give the slot back: its turn is being dropped.
                    let _gone = state.waiters.remove(&ticket).map(|waiter| waiter.send(()));
                }
                Next::Later(ms) => {
                    let at = now.saturating_add(ms);
                    if state.alarm.is_none_or(|alarm| at < alarm) {
                        state.alarm = Some(at);
                        self.wake(at, ms);
                    }
                    return;
                }
                Next::Nothing => return,
            }
        }
    }

    /// Looks at the line again in so many milliseconds, if it is still there.
    fn wake(self: &Arc<Line>, at: u64, ms: u64) {
        // Without a runtime the host is closing: then nobody waits any more.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let line = Arc::downgrade(self);
        runtime.spawn(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            if let Some(line) = line.upgrade() {
                line.lock().alarm.take_if(|alarm| *alarm == at);
                line.advance();
            }
        });
    }
}

impl Turn {
    /// Says what the answer took. Without a report, its worst case counts.
    pub fn used(&mut self, usage: Option<Usage>) {
        self.used = usage.map(|usage| usage.tokens_in.saturating_add(usage.tokens_out));
    }

    /// Says that nothing was made of the question.
    pub fn spared(&mut self) {
        self.used = Some(0);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        {
            let mut state = self.line.lock();
            state.waiters.remove(&self.ticket);
            state.queue.leave(self.ticket, self.used);
        }
        self.line.advance();
    }
}
