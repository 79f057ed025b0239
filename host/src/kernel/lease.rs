//! Leases: exclusive rights that expire, first come first served. A lease's token is the number of the entry that
//! granted it, so that it is larger than every earlier holder's (fencing: Kleppmann, "How to do distributed locking").

use std::collections::VecDeque;

use authority::Verb;

use super::answer::{Answer, Error};
use super::call::Pid;
use super::decide::{Decided, Moment, done, fail, valid_name};
use super::state::{Lease, Proc, Run};
use crate::limits::{LEASE_TTL_MS, LEASES, LINE_LENGTH};

pub(super) fn acquire(run: &Run, me: &Proc, name: &str, ttl: u64, until: Option<u64>, at: Moment) -> Decided {
    let Moment { now, seq: token } = at;
    if !me.may(Verb::Lease, name) {
        return fail(Error::Denied);
    }
    if let Err(error) = valid_name("name", name).and_then(|()| valid_ttl(ttl)) {
        return fail(error);
    }
    if me.leases.len() >= LEASES {
        return fail(Error::TooLarge(LEASES as u64));
    }
    let Some(lease) = run.leases.get(name) else { return done(Answer::Id(token)) };
    let held = lease.holder.filter(|(_, _, expires)| *expires > now);
    match held {
        None if lease.line.is_empty() => done(Answer::Id(token)),
        Some((holder, ..)) if holder == me.pid => fail(Error::Busy),
        _ if until.is_some_and(|until| until <= now) || lease.line.len() >= LINE_LENGTH => fail(Error::Busy),
        _ if me.stopping => fail(Error::Interrupted),
        _ => Decided::Wait(until),
    }
}

fn valid_ttl(ttl: u64) -> Result<(), Error> {
    if (1..=LEASE_TTL_MS).contains(&ttl) {
        return Ok(());
    }
    Err(Error::Invalid(format!("ttl-ms: {ttl} is not within 1 to {LEASE_TTL_MS}")))
}

/// Whether the process still holds the lease of this token.
pub(super) fn holds(run: &Run, me: &Proc, token: u64, now: u64) -> Result<(), Error> {
    let lease = me.leases.get(&token).and_then(|name| run.leases.get(name));
    match lease {
        Some(lease)
            if lease
                .holder
                .is_some_and(|(pid, held, expires)| pid == me.pid && held == token && expires > now) =>
        {
            Ok(())
        }
        Some(lease) => Err(Error::Stale(lease.newest)),
        None => Err(Error::Stale(newest(run, token))),
    }
}

/// The newest token of the lease that a token was once for: a lost lease is forgotten by its holder, so the nearest newer
/// one is the best that can be said; 0 when nobody has one.
fn newest(run: &Run, token: u64) -> u64 {
    run.leases.values().map(|lease| lease.newest).filter(|newest| *newest >= token).min().unwrap_or(0)
}

pub(super) fn renew(run: &Run, me: &Proc, token: u64, ttl: u64, now: u64) -> Decided {
    match valid_ttl(ttl).and_then(|()| holds(run, me, token, now)) {
        Ok(()) => done(Answer::Done),
        Err(error) => fail(error),
    }
}

pub(super) fn release(run: &Run, me: &Proc, token: u64, now: u64) -> Decided {
    match holds(run, me, token, now) {
        Ok(()) => done(Answer::Done),
        Err(error) => fail(error),
    }
}

/// Whether a process that waits for a lease is next, and it is free.
pub(super) fn free(run: &Run, me: &Proc, name: &str, token: u64) -> Option<Result<Answer, Error>> {
    let lease = run.leases.get(name)?;
    (lease.holder.is_none() && lease.line.front() == Some(&me.pid)).then_some(Ok(Answer::Id(token)))
}

pub(super) fn grant(run: &mut Run, pid: Pid, name: &str, token: u64, expires: u64) -> Option<()> {
    let lease = run.leases.entry(name.to_owned()).or_default();
    let before = lease.holder.replace((pid, token, expires));
    lease.newest = token;
    step_out(&mut lease.line, pid);
    if let Some((old, old_token, _)) = before {
        run.proc_mut(old)?.leases.remove(&old_token);
    }
    run.proc_mut(pid)?.leases.insert(token, name.to_owned());
    Some(())
}

pub(super) fn extend(run: &mut Run, pid: Pid, token: u64, expires: u64) -> Option<()> {
    let name = run.proc(pid)?.leases.get(&token)?.clone();
    run.leases.get_mut(&name)?.holder = Some((pid, token, expires));
    Some(())
}

/// Frees a lease; answers who is next.
pub(super) fn free_now(run: &mut Run, name: &str, token: u64) -> Option<Pid> {
    let lease: &mut Lease = run.leases.get_mut(name)?;
    let (pid, held, _) = lease.holder?;
    if held != token {
        return None;
    }
    lease.holder = None;
    let next = lease.line.front().copied();
    if next.is_none() {
        run.leases.remove(name);
    }
    run.proc_mut(pid)?.leases.remove(&token);
    next
}

/// Takes a process out of a line: mostly it is the first.
pub(super) fn step_out(line: &mut VecDeque<Pid>, pid: Pid) {
    if line.front() == Some(&pid) {
        line.pop_front();
    } else {
        line.retain(|waiting| *waiting != pid);
    }
}

/// Takes a process out of the line; answers who is next, if the lease is free.
pub(super) fn leave(run: &mut Run, pid: Pid, name: &str) -> Option<Pid> {
    let lease = run.leases.get_mut(name)?;
    step_out(&mut lease.line, pid);
    let next = lease.line.front().copied().filter(|_| lease.holder.is_none());
    if lease.holder.is_none() && lease.line.is_empty() {
        run.leases.remove(name);
    }
    next
}
