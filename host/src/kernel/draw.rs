//! The next chunk of a generation: at once when it is there, else after a wait.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::answer::{Answer, Error, Spent};
use super::decide::Decided;
use super::effect::{Performed, spent};
use super::entry::Event;
use super::gate::Passing;
use super::live::{Carried, Live, Reply};
use super::ports::{Chunk, Fault, Waited};
use super::{Halt, Kernel};

type Arrival = Option<Result<Chunk, Fault>>;

/// What is still to come of a generation.
pub(super) struct Chunks {
    pub rest: mpsc::Receiver<Result<Chunk, Fault>>,
    /// A chunk that came when its process was no longer waiting for it.
    pub held: Option<Arrival>,
    /// How long it waited for its turn.
    pub waited: Waited,
}

impl Chunks {
    fn at_hand(&mut self) -> Option<Arrival> {
        self.held.take().or_else(|| match self.rest.try_recv() {
            Ok(chunk) => Some(Some(chunk)),
            Err(mpsc::error::TryRecvError::Disconnected) => Some(None),
            Err(mpsc::error::TryRecvError::Empty) => None,
        })
    }
}

/// What a generation answers whose host was killed while it arrived: nobody can say what was still to come.
pub(super) fn cut_off() -> Fault {
    let detail = "the host ended while the answer arrived".into();
    Fault { detail, retryable: true, ..Fault::default() }
}

pub(super) async fn draw(kernel: &Arc<Kernel>, passing: Passing, generation: u64) -> Result<Reply, Halt> {
    let (of, mut chunks, mut stopped) = {
        let mut live = kernel.lock();
        let now = live.now();
        live.lapse(passing.key, now)?;
        // The right may have gone since the call was decided.
        if let Decided::Now(Err(error), _) = live.decide(&passing, now) {
            return Ok(live.complete(passing, now, Performed::refused(error))?);
        }
        let Some(mut chunks) = live.chunks.remove(&(passing.key, generation)) else {
            // Its host was killed while it arrived.
            return Ok(live.arrive(passing, generation, Some(Err(cut_off())), None, None)?);
        };
        if let Some(chunk) = chunks.at_hand() {
            return Ok(live.arrive(passing, generation, chunk, Some(chunks), None)?);
        }
        let event = Event::Wait { call: passing.call.clone(), until: None };
        let of = live.append(now, passing.key, passing.fuel, event, None)?;
        let (tell, stopped) = oneshot::channel();
        live.waits.insert(passing.key, tell);
        (of, chunks, stopped)
    };
    tokio::select! {
        chunk = chunks.rest.recv() => {
            let mut live = kernel.lock();
            let now = live.now();
            live.lapse(passing.key, now)?;
            if live.waits_in(passing.key, of) {
                live.waits.remove(&passing.key);
                return Ok(live.arrive(passing, generation, chunk, Some(chunks), Some(of))?);
            }
            // A stop came first: the chunk is for the next call.
            live.chunks.insert((passing.key, generation), Chunks { held: Some(chunk), ..chunks });
            stopped.try_recv().map_err(|_| Halt::Ended)
        }
        reply = &mut stopped => {
            kernel.lock().chunks.insert((passing.key, generation), chunks);
            reply.map_err(|_| Halt::Ended)
        }
    }
}

impl Live {
    /// Records a chunk: `of` is the entry of the wait that it ends.
    fn arrive(
        &mut self,
        passing: Passing,
        generation: u64,
        chunk: Arrival,
        rest: Option<Chunks>,
        of: Option<u64>,
    ) -> Result<Reply, super::state::Inconsistent> {
        let (now, key) = (self.now(), passing.key);
        let waited = rest.as_ref().map_or(0, |rest| rest.waited.ms());
        let performed = self.chunk(&passing, generation, chunk, waited);
        if let (Ok(Answer::Chunk { spent: None }), Some(rest)) = (&performed.out, rest) {
            self.chunks.insert((key, generation), rest);
        }
        let size = performed.body.as_ref().map_or(0, |b| b.len() as u64);
        let of = match of {
            Some(of) => of,
            // What has arrived cannot be refused any more, nor can a broken answer be left unsettled: a wait's outcome
            // takes what is there of the budget, and settles.
            None if performed.out.is_err() || self.unpaid(key, size).is_some() => {
                let event = Event::Wait { call: passing.call.clone(), until: None };
                self.append(now, key, passing.fuel, event, None)?
            }
            None => return self.complete(passing, now, performed),
        };
        self.outcome(passing, of, now, performed)
    }

    fn outcome(
        &mut self,
        passing: Passing,
        of: u64,
        now: u64,
        done: Performed,
    ) -> Result<Reply, super::state::Inconsistent> {
        let body = done.body.clone().map(Carried::Salted);
        self.append(now, passing.key, passing.fuel, Event::Outcome { of, out: done.out.clone() }, body)?;
        let reply = self.reply(passing.key, done.out, done.body);
        self.settle(now)?;
        Ok(reply)
    }

    fn chunk(&self, passing: &Passing, generation: u64, chunk: Arrival, waited: u64) -> Performed {
        let broken = || Fault { detail: "the answer broke off".into(), retryable: true, ..Fault::default() };
        let failed = |fault| Performed::refused(Error::Unavailable(fault));
        let chunk = match chunk {
            Some(Ok(chunk)) => chunk,
            Some(Err(fault)) => return failed(fault),
            None => return failed(broken()),
        };
        let took = match &chunk {
            Chunk::End { usage, by, .. } => {
                let open = self.state.proc(passing.key).and_then(|me| me.generations.get(&generation));
                let model = open.and_then(|open| self.outside.get(&passing.key.run)?.models.get(&open.model));
                let traits = model.map(|m| m.traits).unwrap_or_default();
                Some(Spent { waited, ..spent(traits, *usage, by.as_ref()) })
            }
            Chunk::Text(_) | Chunk::ToolCall { .. } => None,
        };
        match serde_json::to_vec(&chunk) {
            Ok(json) => {
                Performed { body: Some(json.into()), ..Performed::of(Ok(Answer::Chunk { spent: took })) }
            }
            Err(error) => failed(Fault { detail: error.to_string(), ..Fault::default() }),
        }
    }
}
