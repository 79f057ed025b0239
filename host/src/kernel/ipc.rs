//! Mailboxes and topics: what is decided of `ipc`, and what an entry of it does.

use std::sync::Arc;

use authority::{Labels, Pattern, Verb};

use super::answer::{Answer, Error, Head};
use super::call::{Pid, Priority};
use super::decide::{Decided, Moment, done, fail};
use super::state::{Mailbox, Message, Payload, Pending, Proc, Run};
use crate::limits::{BODY_BYTES, LINE_LENGTH, MAILBOX_BYTES, MAILBOX_MESSAGES, SUBSCRIPTIONS};

/// The peer of a name as `me` sees it.
pub(super) fn peer(run: &Run, me: &Proc, to: &str) -> Option<Pid> {
    if to == "parent" { me.parent } else { run.names.get(to).copied() }
}

pub(super) fn send(run: &Run, me: &Proc, to: &str, size: u64, until: Option<u64>, at: Moment) -> Decided {
    if !me.may(Verb::Send, to) {
        return fail(Error::Denied);
    }
    if size > BODY_BYTES {
        return fail(Error::TooLarge(BODY_BYTES));
    }
    let Some(peer) = peer(run, me, to).and_then(|pid| run.proc(pid)) else {
        return fail(Error::NotFound);
    };
    if peer.exit.is_some() {
        return fail(Error::Closed);
    }
    if peer.mailbox.line.is_empty() && peer.mailbox.has_room(size) {
        return done(Answer::Id(at.seq));
    }
    if until.is_some_and(|until| until <= at.now) || peer.mailbox.line.len() >= LINE_LENGTH {
        return fail(Error::TimedOut);
    }
    if me.stopping { fail(Error::Interrupted) } else { Decided::Wait(until) }
}

/// The first message, if there is one.
pub(super) fn next(run: &Run, me: &Proc) -> Option<Result<Answer, Error>> {
    me.mailbox.first().map(|message| Ok(Answer::Message(Box::new(head(run, message)))))
}

pub(super) fn receive(run: &Run, me: &Proc, until: Option<u64>, now: u64) -> Decided {
    match next(run, me) {
        Some(out) => Decided::Now(out, None),
        None if until.is_some_and(|until| until <= now) => done(Answer::Nothing),
        None => Decided::Wait(until),
    }
}

fn head(run: &Run, message: &Message) -> Head {
    Head {
        id: message.id,
        sender: message.sender,
        name: run.name(message.sender).to_owned(),
        topic: message.topic.as_deref().map(str::to_owned),
        in_reply_to: message.in_reply_to,
        priority: message.priority,
        labels: message.labels.clone(),
        size: message.size,
    }
}

pub(super) fn publish(run: &Run, me: &Proc, topic: &str, size: u64) -> Decided {
    match topic.parse::<Pattern>() {
        Ok(pattern) if pattern.is_name() => {}
        Ok(_) => return fail(Error::Invalid("topic: `*` is for subscriptions".into())),
        Err(error) => return fail(Error::Invalid(format!("topic: {error}"))),
    }
    if !me.may(Verb::Publish, topic) {
        return fail(Error::Denied);
    }
    if size > BODY_BYTES {
        return fail(Error::TooLarge(BODY_BYTES));
    }
    done(Answer::Count(subscribers(run, topic).len() as u32))
}

pub(super) fn subscribe(me: &Proc, pattern: &str, id: u64) -> Decided {
    let parsed = match pattern.parse::<Pattern>() {
        Ok(parsed) => parsed,
        Err(error) => return fail(Error::Invalid(format!("pattern: {error}"))),
    };
    if !me.may_all(Verb::Subscribe, &parsed) {
        return fail(Error::Denied);
    }
    if me.subscriptions.len() >= SUBSCRIPTIONS {
        return fail(Error::TooLarge(SUBSCRIPTIONS as u64));
    }
    done(Answer::Id(id))
}

/// The living processes that get a topic's events, each once, in the order of their numbers.
fn subscribers(run: &Run, topic: &str) -> Vec<Pid> {
    let prefixes = topic.match_indices('.').map(|(at, _)| format!("{}.*", &topic[..at]));
    let mut pids: Vec<Pid> = std::iter::once(topic.to_owned())
        .chain(prefixes)
        .chain(["*".to_owned()])
        .filter_map(|pattern| run.topics.get(&pattern))
        .flat_map(|set| set.iter().map(|(pid, _)| *pid))
        .collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

/// What a message carries: the entry that has its body, its size, its bytes where they are at hand.
pub(super) struct Parcel {
    pub id: u64,
    pub size: u64,
    pub body: Payload,
}

/// Delivers the message of a `send`.
pub(super) fn deliver(
    run: &mut Run,
    from: Pid,
    to: Pid,
    (priority, in_reply_to): (Priority, Option<u64>),
    parcel: Parcel,
) -> Option<Pid> {
    let labels = run.proc(from)?.labels.clone();
    let Parcel { id, size, body } = parcel;
    let message = Message { id, sender: from, topic: None, in_reply_to, priority, labels, size, body };
    run.proc_mut(to)?.mailbox.push(message);
    Some(to)
}

/// Delivers an event and answers who got it.
pub(super) fn broadcast(run: &mut Run, from: Pid, topic: &str, parcel: &Parcel) -> Vec<Pid> {
    let pids = subscribers(run, topic);
    let labels = run.proc(from).map(|p| p.labels.clone()).unwrap_or_default();
    let topic: Arc<str> = topic.into();
    for pid in &pids {
        let Some(proc) = run.proc_mut(*pid) else { continue };
        proc.mailbox.push_event(Message {
            id: parcel.id,
            sender: from,
            topic: Some(topic.clone()),
            in_reply_to: None,
            priority: Priority::Normal,
            labels: labels.clone(),
            size: parcel.size,
            body: parcel.body.clone(),
        });
    }
    pids
}

/// Puts a notice of the kernel's into a mailbox, with the categories of whom it tells about. Notices are few and small, so
/// they need no room.
pub(super) fn notify(
    proc: &mut Proc,
    id: u64,
    topic: &str,
    (priority, labels): (Priority, Labels),
    text: String,
) {
    let size = text.len() as u64;
    let body = Payload(Some(text.into()));
    proc.mailbox.push(Message {
        id,
        sender: 0,
        topic: Some(topic.into()),
        in_reply_to: None,
        priority,
        labels,
        size,
        body,
    });
}

/// Takes a message out; answers the process that has waited longest for room.
pub(super) fn take(run: &mut Run, pid: Pid, id: u64) -> Result<Option<Pid>, &'static str> {
    let proc = run.proc_mut(pid).ok_or("no such process")?;
    let message =
        proc.mailbox.pop().filter(|m| m.id == id).ok_or("received what was not first in the mailbox")?;
    proc.labels = proc.labels.union(&message.labels);
    Ok(proc.mailbox.line.front().copied())
}

pub(super) fn open(run: &mut Run, pid: Pid, id: u64, pattern: &str) -> Option<()> {
    run.topics.entry(pattern.to_owned()).or_default().insert((pid, id));
    run.proc_mut(pid)?.subscriptions.insert(id, pattern.to_owned());
    Some(())
}

pub(super) fn close(run: &mut Run, pid: Pid, id: u64) -> Option<()> {
    let Some(pattern) = run.proc_mut(pid)?.subscriptions.remove(&id) else { return Some(()) };
    if let Some(set) = run.topics.get_mut(&pattern) {
        set.remove(&(pid, id));
        if set.is_empty() {
            run.topics.remove(&pattern);
        }
    }
    Some(())
}

/// Whether a sender that waits can go on: its answer, if so.
pub(super) fn room(run: &Run, me: &Proc, pending: &Pending) -> Option<Result<Answer, Error>> {
    let peer = run.proc(pending.peer?)?;
    if peer.exit.is_some() {
        return Some(Err(Error::Closed));
    }
    let first = peer.mailbox.line.front() == Some(&me.pid);
    (first && peer.mailbox.has_room(pending.size)).then_some(Ok(Answer::Id(pending.seq)))
}

impl Mailbox {
    fn has_room(&self, size: u64) -> bool {
        self.count < MAILBOX_MESSAGES && self.bytes + size <= MAILBOX_BYTES
    }

    /// The next to be received.
    pub fn first(&self) -> Option<&Message> {
        self.queues.iter().rev().find_map(|queue| queue.front())
    }

    fn push(&mut self, message: Message) {
        if message.sender != 0 {
            self.count += 1;
            self.bytes += message.size;
        }
        self.queues[message.priority as usize].push_back(message);
    }

    fn pop(&mut self) -> Option<Message> {
        let message = self.queues.iter_mut().rev().find_map(|queue| queue.pop_front())?;
        self.forget(&message);
        Some(message)
    }

    fn forget(&mut self, message: &Message) {
        if message.sender != 0 {
            self.count -= 1;
            self.bytes -= message.size;
        }
    }

    /// An event never waits: it drops the oldest events until it has room, or itself when only messages are there.
    fn push_event(&mut self, message: Message) {
        // What lies there beside events is not dropped: without room beside it, nothing need be.
        let kept: u64 = self.queues.iter().flatten().filter(|m| m.topic.is_none()).map(|m| m.size).sum();
        if !self.has_room(message.size) && kept + message.size > MAILBOX_BYTES {
            self.dropped += 1;
            return;
        }
        while !self.has_room(message.size) {
            let queue = &mut self.queues[Priority::Normal as usize];
            let oldest = queue.iter().position(|m| m.sender != 0 && m.topic.is_some());
            self.dropped += 1;
            match oldest.and_then(|at| queue.remove(at)) {
                Some(event) => self.forget(&event),
                None => return,
            }
        }
        self.push(message);
    }
}
