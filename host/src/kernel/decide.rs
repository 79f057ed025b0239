//! What becomes of a call: pure, from the state, the call and the kernel's time.

use std::sync::Arc;

use audit::Digest;
use bytes::Bytes;
use ledger::{MAX, Meter};
use serde::Serialize;

use super::answer::{Answer, Error};
use super::call::{Call, Condition, Key};
use super::mount::Visit;
use super::overlay::change::Change;
use super::overlay::look::{Ask, Found};
use super::path::RelPath;
use super::ports::{Expect, Range, Traits};
use super::state::{Proc, Run, State};
use super::{artifact, children, cost, infer, ipc, lease, mount, need};
use crate::limits::{LOG_BYTES, NAME_BYTES};
use authority::Verb;

/// A call as it reaches the kernel.
pub(super) struct Asked<'a> {
    /// The call.
    pub call: &'a Call,
    /// Fuel that the process has consumed.
    pub fuel: u64,
    /// The size of the body that it carries.
    pub size: u64,
    /// The bare digest of that body, for files and artifacts.
    pub digest: Option<Digest>,
    /// What the asked model can do.
    pub traits: Option<Traits>,
    /// What was seen of an overlay's base for it.
    pub seen: Option<&'a Found>,
}

/// When a call is decided: kernel time, and the number that its entry will have.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub now: u64,
    pub seq: u64,
}

/// What becomes of a call.
#[derive(Debug)]
pub(super) enum Decided {
    /// It would be done, but the operator is to be asked first.
    Ask,
    /// It is answered; some answers carry bytes.
    Now(Result<Answer, Error>, Option<Bytes>),
    /// It waits for the kernel, until then.
    Wait(Option<u64>),
    /// It looks at something outside, which changes nothing there.
    Look(Effect),
    /// It changes an overlay.
    Cover(Change),
    /// It changes something outside.
    Act {
        /// What.
        effect: Effect,
        /// The worst case.
        reserve: Vec<(Meter, u64)>,
    },
    /// It takes the next chunk of a generation.
    Draw(u64),
}

/// Something outside, resolved and authorised.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    Read {
        mount: Arc<str>,
        path: RelPath,
        range: Option<Range>,
    },
    List {
        mount: Arc<str>,
        path: RelPath,
        after: Option<Box<str>>,
        limit: u32,
    },
    Stat {
        mount: Arc<str>,
        path: RelPath,
    },
    Models,
    /// A look at an overlay's base, which the kernel needs to decide.
    Base {
        mount: Arc<str>,
        ask: Ask,
    },
    Write {
        mount: Arc<str>,
        path: RelPath,
        expect: Expect,
        digest: Digest,
    },
    Remove {
        mount: Arc<str>,
        path: RelPath,
        expect: Expect,
    },
    Rename {
        mount: Arc<str>,
        source: RelPath,
        target: RelPath,
        expect: Expect,
    },
    Generate {
        model: String,
    },
    Stream {
        model: String,
    },
}

pub(super) fn done(answer: Answer) -> Decided {
    Decided::Now(Ok(answer), None)
}

pub(super) fn fail(error: Error) -> Decided {
    Decided::Now(Err(error), None)
}

impl Decided {
    pub(super) fn act(effect: Effect) -> Decided {
        Decided::Act { effect, reserve: Vec::new() }
    }

    /// A list as the JSON body of its entry.
    pub(super) fn listing<T: Serialize>(list: &[T]) -> Decided {
        match serde_json::to_vec(list) {
            Ok(json) => Decided::Now(Ok(Answer::Listing), Some(json.into())),
            Err(error) => fail(Error::Invalid(error.to_string())),
        }
    }
}

/// Checks a name that a guest made up.
pub(super) fn valid_name(what: &str, name: &str) -> Result<(), Error> {
    let fault = if name.is_empty() {
        "is empty"
    } else if name.len() > NAME_BYTES {
        "is longer than 128 bytes"
    } else if name.starts_with('$') {
        "begins with `$`, which is the kernel's"
    } else if name.chars().any(char::is_control) {
        "holds a control character"
    } else {
        return Ok(());
    };
    Err(Error::Invalid(format!("{what} {fault}")))
}

/// Decides a call at kernel time `now`; its entry will have number `seq`.
pub(super) fn decide(state: &State, key: Key, asked: &Asked<'_>, now: u64, seq: u64) -> Decided {
    let Some((run, me)) = state.runs.get(&key.run).and_then(|run| Some((run, run.proc(key.pid)?))) else {
        return fail(Error::Closed);
    };
    if me.exit.is_some() {
        return fail(Error::Closed);
    }
    if let Err(short) = me.account.can(&cost::of(asked.call, asked.size)) {
        return fail(Error::Exhausted(short.meter));
    }
    if let Some(error) = out_of_range(asked.call) {
        return fail(error);
    }
    let decided = verb(run, me, asked, now, seq).unwrap_or_else(fail);
    match (&decided, me.ruling) {
        // What fails anyway is not asked for.
        (Decided::Now(Err(_), _), _) => decided,
        (_, Some(ruling)) if ruling.allow => decided,
        (_, Some(_)) => fail(Error::Denied),
        (_, None) if need::asks(run, me, asked.call) => Decided::Ask,
        (_, None) => decided,
    }
}

fn until(wait: &Option<u64>, now: u64) -> Option<u64> {
    wait.map(|ms| now.saturating_add(ms))
}

fn verb(run: &Run, me: &Proc, asked: &Asked<'_>, now: u64, seq: u64) -> Result<Decided, Error> {
    let (size, digest) = (asked.size, asked.digest);
    let on = |mount| Visit { run, me, mount, seen: asked.seen, now };
    Ok(match asked.call {
        Call::Send { to, wait, .. } => ipc::send(run, me, to, size, until(wait, now), Moment { now, seq }),
        Call::Receive { wait } => ipc::receive(run, me, until(wait, now), now),
        Call::Publish { topic } => ipc::publish(run, me, topic, size),
        Call::Subscribe { pattern } => ipc::subscribe(me, pattern, seq),
        Call::Close { .. } | Call::Cancel { .. } => done(Answer::Done),
        Call::Acquire { name, ttl, wait } => {
            lease::acquire(run, me, name, *ttl, until(wait, now), Moment { now, seq })
        }
        Call::Token { lease } => done(Answer::Id(*lease)),
        Call::Renew { lease, ttl } => lease::renew(run, me, *lease, *ttl, now),
        Call::Release { lease } => lease::release(run, me, *lease, now),
        Call::Read { mount, path, range } => on(mount).read(path, *range)?,
        Call::Write { mount, path, condition } => {
            on(mount).write(path, condition, mount::Data { size, digest })?
        }
        Call::List { mount, path, after, limit } => on(mount).list(path, after.as_deref(), *limit)?,
        Call::Stat { mount, path } => on(mount).stat(path)?,
        Call::Remove { mount, path, condition } => on(mount).remove(path, condition)?,
        Call::Rename { mount, source, target, condition } => on(mount).rename(source, target, condition)?,
        Call::Put(put) => artifact::put(run, me, put, size, digest)?,
        Call::Get { digest } => artifact::get(run, me, digest)?,
        Call::Artifacts(filter) => artifact::list(run, me, filter)?,
        Call::Models => Decided::Look(Effect::Models),
        Call::Generate(question) => infer::question(run, me, question, size, asked.traits, false)?,
        Call::Stream(question) => infer::question(run, me, question, size, asked.traits, true)?,
        Call::Next { generation } => match me.generations.get(generation) {
            None => return Err(Error::Closed),
            Some(open) if !me.may(Verb::Infer, &open.model) => return Err(Error::Denied),
            Some(open) if open.ended => done(Answer::Nothing),
            Some(_) if me.stopping => return Err(Error::Interrupted),
            Some(_) => Decided::Draw(*generation),
        },
        Call::Whoami => done(Answer::Info { pid: me.pid, parent: me.parent, name: me.name.clone() }),
        Call::Spawn(spec) => {
            children::spawn(run, me, spec, children::Spent { fuel: asked.fuel, size, place: 1 })?
        }
        Call::ContinueAsNew | Call::Tools => return Err(Error::Unsupported),
        Call::Restored => done(Answer::Nothing),
        Call::Held => done(Answer::Done),
        Call::Budget => done(Answer::Allowances(allowances(me))),
        Call::Pid { child } => done(Answer::Id(*child)),
        Call::Wait { child, wait } => children::wait(run, me, *child, until(wait, now), now),
        Call::Signal { child, signal } => children::signal(run, me, *child, *signal)?,
        Call::Tool { name } => {
            let allowed = me.may(Verb::Tool, name);
            return Err(if allowed { Error::Unsupported } else { Error::Denied });
        }
        Call::Log { level } if !me.may(Verb::Log, level.as_str()) => return Err(Error::Denied),
        Call::Log { .. } if size > LOG_BYTES => return Err(Error::TooLarge(LOG_BYTES)),
        Call::Log { .. } => done(Answer::Done),
        Call::Labels => Decided::listing(&me.labels.iter().collect::<Vec<_>>()),
        Call::Declassify { label } if !me.may(Verb::Declassify, label) => return Err(Error::Denied),
        Call::Declassify { .. } => done(Answer::Done),
        Call::Sleep { until } if *until <= now || me.stopping => done(Answer::Done),
        Call::Sleep { until } => Decided::Wait(Some(*until)),
        Call::Oversized { limit, .. } => return Err(Error::TooLarge(*limit)),
    })
}

fn allowances(me: &Proc) -> Vec<(Meter, u64, u64)> {
    Meter::ALL
        .into_iter()
        .filter(|meter| me.account.granted(*meter) < MAX)
        .map(|meter| (meter, me.account.left(meter), me.account.granted(meter)))
        .collect()
}

/// The interface's u64s stop at 2^53 - 1.
fn out_of_range(call: &Call) -> Option<Error> {
    let numbers: [Option<u64>; 2] = match call {
        Call::Send { in_reply_to, wait, .. } => [*in_reply_to, *wait],
        Call::Receive { wait } | Call::Wait { wait, .. } => [*wait, None],
        Call::Acquire { ttl, wait, .. } => [Some(*ttl), *wait],
        Call::Renew { ttl, .. } => [Some(*ttl), None],
        Call::Read { range, .. } => [range.map(|r| r.offset), range.map(|r| r.length)],
        Call::Spawn(spec) => [spec.budget.iter().map(|(_, n)| *n).max(), None],
        Call::Write { condition: Condition::Fence(token), .. }
        | Call::Remove { condition: Condition::Fence(token), .. }
        | Call::Rename { condition: Condition::Fence(token), .. } => [Some(*token), None],
        _ => return None,
    };
    let over = numbers.into_iter().flatten().any(|n| n > MAX);
    over.then(|| Error::Invalid("a number is over 2^53 - 1".into()))
}
