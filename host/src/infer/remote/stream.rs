//! A streamed answer on its way to the agent. It is taken from the server as fast as it comes, so that an agent that does
//! not read keeps no connection; what waits for the agent is bounded by the answer's size.

use std::collections::VecDeque;

use super::exchange::{Incoming, Seat};
use super::secret::Blanking;
use super::sse::Events;
use super::trouble::{Trouble, fault, quoted};
use super::wire::{Odd, Reading, Wire};
use crate::kernel::ports::{By, Chunk, Fault};

/// A chunk, in bytes.
const CHUNK_LIMIT: usize = 64 << 10;
/// Chunks on their way to the agent.
const WAITING: usize = 16;

/// The ends of the channel that chunks go through.
pub(super) mod chunks {
    use super::{Chunk, Fault};
    use tokio::sync::mpsc;

    pub(in super::super) type Receiver = mpsc::Receiver<Result<Chunk, Fault>>;
    pub(super) type Sender = mpsc::Sender<Result<Chunk, Fault>>;
}

/// See the module.
pub(super) struct Pump {
    incoming: Incoming,
    events: Events,
    wire: Wire,
    reading: Reading,
    blanking: Blanking,
    by: By,
    /// Who it is, for the operator.
    place: String,
    /// What waits for the agent.
    queue: VecDeque<Result<Chunk, Fault>>,
}

impl Pump {
    pub(super) fn new(incoming: Incoming, wire: Wire, blanking: Blanking, by: By, place: String) -> Pump {
        let (events, reading, queue) = (Events::default(), Reading::default(), VecDeque::new());
        Pump { incoming, events, wire, reading, blanking, by, place, queue }
    }

    /// Lets it run until the answer is over or nobody reads it.
    pub(super) fn start(self, seat: Seat) -> chunks::Receiver {
        let (sender, receiver) = tokio::sync::mpsc::channel(WAITING);
        tokio::spawn(self.run(sender, seat));
        receiver
    }

    async fn run(mut self, sender: chunks::Sender, mut seat: Seat) {
        let ended = loop {
            tokio::select! {
                biased;
                free = sender.reserve(), if !self.queue.is_empty() => match (free, self.queue.pop_front()) {
                    (Ok(free), Some(chunk)) => free.send(chunk),
                    // Nobody reads any more.
                    _ => return,
                },
                () = sender.closed() => return,
                piece = self.incoming.next() => match self.step(piece) {
                    Ok(false) => {}
                    Ok(true) => break self.end(),
                    Err(trouble) => break Err(trouble),
                },
            }
        };
        seat.used(self.reading.usage().filter(|_| ended.is_ok()));
        if let Err(mut trouble) = ended {
            trouble.remedy = self.blanking.error(trouble.remedy);
            self.queue.push_back(Err(fault(&[(self.place.clone(), trouble)])));
        }
        // The server is done with.
        drop((self.incoming, seat));
        for chunk in self.queue {
            if sender.send(chunk).await.is_err() {
                return;
            }
        }
    }

    /// Takes a piece; answers whether the answer is over.
    fn step(&mut self, piece: Result<Option<bytes::Bytes>, Trouble>) -> Result<bool, Trouble> {
        let known = self.reading.finish.is_some();
        let events = match piece {
            Ok(Some(ref bytes)) => self.events.push(bytes),
            Ok(None) => self.events.rest().map(|event| event.into_iter().collect()),
            // All was said; only the last formality is missing.
            Err(_) if known => return Ok(true),
            Err(trouble) => return Err(trouble),
        };
        let ends = matches!(piece, Ok(None));
        let events = events.map_err(|_| {
            Trouble::broken("the model's answer cannot be understood", "an event is too long")
        })?;
        for event in events {
            let text = self.wire.take(&mut self.reading, &event).map_err(odd)?;
            let text = self.blanking.pass(text);
            self.say(text);
            if self.reading.over {
                return Ok(true);
            }
        }
        match ends && self.reading.finish.is_none() {
            true => {
                Err(Trouble::broken("the model's answer broke off", "the server ended it without its end"))
            }
            false => Ok(ends),
        }
    }

    /// The last chunks.
    fn end(&mut self) -> Result<(), Trouble> {
        let rest = self.blanking.rest();
        self.say(rest);
        let (finish, usage) = (self.reading.ending(), self.reading.usage());
        for call in self.reading.take_calls().map_err(odd)? {
            if call.input.len() > CHUNK_LIMIT {
                return Err(Trouble::broken(
                    "the model asks for a tool with too much",
                    "more than 65536 bytes",
                ));
            }
            let clean = |text| self.blanking.whole(text);
            let (id, name, input) = (clean(call.id), clean(call.name), clean(call.input));
            self.queue.push_back(Ok(Chunk::ToolCall { id, name, input }));
        }
        self.queue.push_back(Ok(Chunk::End { finish, usage, by: Some(self.by.clone()) }));
        Ok(())
    }

    /// Text for the agent, in chunks of a bounded size; what still waits is made longer first.
    fn say(&mut self, mut text: String) {
        if let Some(Ok(Chunk::Text(last))) = self.queue.back_mut()
            && last.len() + text.len() <= CHUNK_LIMIT
        {
            last.push_str(&text);
            return;
        }
        while !text.is_empty() {
            let rest = text.split_off(text.floor_char_boundary(CHUNK_LIMIT));
            self.queue.push_back(Ok(Chunk::Text(text)));
            text = rest;
        }
    }
}

fn odd(odd: Odd) -> Trouble {
    Trouble::broken(odd.detail, quoted(&odd.words))
}
