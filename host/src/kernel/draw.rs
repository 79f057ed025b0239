//! The next chunk of a generation: at once when it is there, else after a wait.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::answer::{Answer, Error};
use super::effect::{Performed, spent};
use super::entry::Event;
use super::gate::Passing;
use super::live::{Carried, Live, Reply};
use super::ports::{Chunk, Fault};
use super::{Halt, Kernel};

type Arrival = Option<Result<Chunk, Fault>>;

pub(super) async fn draw(kernel: &Arc<Kernel>, passing: Passing, generation: u64) -> Result<Reply, Halt> {
    let (of, mut chunks, stopped) = {
        let mut live = kernel.lock();
        let now = live.now();
        let Some(mut chunks) = live.chunks.remove(&(passing.key, generation)) else {
            return Ok(live.complete(passing, now, Performed::refused(Error::Closed))?);
        };
        match chunks.try_recv() {
            Err(mpsc::error::TryRecvError::Empty) => {}
            Ok(chunk) => return Ok(live.arrive(passing, generation, Some(chunk), chunks, None)?),
            Err(mpsc::error::TryRecvError::Disconnected) => {
                return Ok(live.arrive(passing, generation, None, chunks, None)?);
            }
        }
        let event = Event::Wait { call: passing.call.clone(), until: None };
        let of = live.append(now, passing.key, passing.fuel, event, None)?;
        let (tell, stopped) = oneshot::channel();
        live.waits.insert(passing.key, tell);
        (of, chunks, stopped)
    };
    tokio::select! {
        chunk = chunks.recv() => {
            let mut live = kernel.lock();
            live.waits.remove(&passing.key);
            Ok(live.arrive(passing, generation, chunk, chunks, Some(of))?)
        }
        reply = stopped => {
            kernel.lock().chunks.insert((passing.key, generation), chunks);
            reply.map_err(|_| Halt::Ended)
        }
    }
}

impl Live {
    fn arrive(
        &mut self,
        passing: Passing,
        generation: u64,
        chunk: Arrival,
        rest: mpsc::Receiver<Result<Chunk, Fault>>,
        of: Option<u64>,
    ) -> Result<Reply, super::state::Inconsistent> {
        let (now, key) = (self.now(), passing.key);
        let performed = self.chunk(&passing, generation, chunk);
        if matches!(performed.out, Ok(Answer::Chunk { spent: None })) {
            self.chunks.insert((key, generation), rest);
        }
        let Some(of) = of else {
            // A broken answer must settle its reservation, which only a wait's outcome does: make it one.
            if performed.out.is_err() {
                let event = Event::Wait { call: passing.call.clone(), until: None };
                let of = self.append(now, key, passing.fuel, event, None)?;
                return self.outcome(passing, of, now, performed);
            }
            return self.complete(passing, now, performed);
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
        let still =
            self.state.proc(passing.key).and_then(|me| me.pending.as_ref()).is_some_and(|p| p.seq == of);
        if !still {
            return Ok(self.reply(passing.key, Err(Error::Interrupted), None));
        }
        let body = done.body.clone().map(|bytes| Carried { bytes, bare: None });
        self.append(now, passing.key, passing.fuel, Event::Outcome { of, out: done.out.clone() }, body)?;
        let reply = self.reply(passing.key, done.out, done.body);
        self.settle(now)?;
        Ok(reply)
    }

    fn chunk(&self, passing: &Passing, generation: u64, chunk: Arrival) -> Performed {
        let broken =
            || Fault { detail: "the answer broke off".into(), retryable: true, retry_after_ms: None };
        let failed = |fault| Performed::refused(Error::Unavailable(fault));
        let chunk = match chunk {
            Some(Ok(chunk)) => chunk,
            Some(Err(fault)) => return failed(fault),
            None => return failed(broken()),
        };
        let took = match &chunk {
            Chunk::End { usage, .. } => {
                let open = self.state.proc(passing.key).and_then(|me| me.generations.get(&generation));
                let model = open.and_then(|open| self.outside.get(&passing.key.run)?.models.get(&open.model));
                Some(spent(model.map(|m| m.traits).unwrap_or_default(), *usage))
            }
            Chunk::Text(_) | Chunk::ToolCall { .. } => None,
        };
        match serde_json::to_vec(&chunk) {
            Ok(json) => Performed {
                out: Ok(Answer::Chunk { spent: took }),
                body: Some(json.into()),
                digest: None,
                chunks: None,
            },
            Err(error) => failed(Fault { detail: error.to_string(), retryable: false, retry_after_ms: None }),
        }
    }
}
