//! Processes and their children.

use authority::{Pattern, Rights, Verb};
use ledger::{Amounts, MAX, Meter, default_child};

use super::answer::{Answer, Error};
use super::call::{Pid, Restart, Signal, Spec};
use super::decide::{Decided, done, fail, valid_name};
use super::state::{Pending, Proc, Run};
use crate::limits::{BODY_BYTES, PROCESSES, SPAWN_TERMS};

/// What the spawn itself takes before anything can be moved.
#[derive(Clone, Copy)]
pub(super) struct Spent {
    /// Fuel that the caller has consumed in all.
    pub fuel: u64,
    /// Its input, in bytes.
    pub size: u64,
    /// Its place in `calls` and `children`: 1 until it is charged.
    pub place: u64,
}

pub(super) fn spawn(run: &Run, me: &Proc, spec: &Spec, spent: Spent) -> Result<Decided, Error> {
    if !me.may(Verb::Spawn, &spec.component) {
        return Err(Error::Denied);
    }
    // All that is not granted is denied before anything is told of who lives.
    rights(run, me, spec)?;
    if spec.restart != Restart::Never {
        return Err(Error::Unsupported);
    }
    if spent.size > BODY_BYTES {
        return Err(Error::TooLarge(BODY_BYTES));
    }
    if run.procs.len() >= PROCESSES {
        return Err(Error::Exhausted(Meter::Children));
    }
    let name = spec.name.as_ref().unwrap_or(&spec.component);
    valid_name("name", name)?;
    if name == "parent" || name == "kernel" {
        return Err(Error::Invalid(format!("name: `{name}` is the kernel's")));
    }
    // A name is reused by the same component only: who may send to it means that one.
    let held = run.names.get(name).and_then(|pid| run.proc(*pid));
    if held.is_some_and(|proc| proc.exit.is_none() || proc.member != spec.component) {
        return Err(Error::Conflict(None));
    }
    budget(run, me, spec, spent)?;
    Ok(done(Answer::Id(run.procs.len() as u64 + 1)))
}

/// What the child will hold: its needs, of what the parent may delegate, of what was asked.
pub(super) fn rights(run: &Run, me: &Proc, spec: &Spec) -> Result<Rights, Error> {
    let member = run.grant.children.get(&spec.component).ok_or(Error::NotFound)?;
    let asked = spec.capabilities.as_ref().map(|list| {
        if list.len() > SPAWN_TERMS {
            return Err(Error::TooLarge(SPAWN_TERMS as u64));
        }
        list.iter()
            .map(|(verb, object)| {
                let verb: Verb = verb.parse().map_err(|e| Error::Invalid(format!("capabilities: {e}")))?;
                let object: Pattern =
                    object.parse().map_err(|e| Error::Invalid(format!("capabilities: {e}")))?;
                Ok((verb, object))
            })
            .collect::<Result<Vec<_>, Error>>()
    });
    let asked = asked.transpose()?;
    Rights::attenuate(&member.rights, &me.rights, asked.as_deref()).map_err(|_| Error::Denied)
}

/// What the child will be granted, if the parent can move it. Meters that the spawn does not name take the manifest's
/// amount, at most what is left; else the default, at most half of it.
pub(super) fn budget(run: &Run, me: &Proc, spec: &Spec, spent: Spent) -> Result<Amounts, Error> {
    let member = run.grant.children.get(&spec.component).ok_or(Error::NotFound)?;
    if spec.budget.len() > SPAWN_TERMS {
        return Err(Error::TooLarge(SPAWN_TERMS as u64));
    }
    let defaults = default_child();
    let mut budget = Amounts::unlimited();
    for meter in Meter::ALL {
        let left = movable(me, spec, spent, meter);
        let declared = member.budget.get(meter);
        // A grant does not tell a publisher's amount from the default of the same size.
        let named = declared < MAX && declared != defaults.get(meter);
        let wanted = match (named, left < MAX) {
            (true, _) => declared.min(left),
            // What nobody named must not starve the parent.
            (false, true) => defaults.get(meter).min(left / 2),
            (false, false) => defaults.get(meter),
        };
        budget = budget.with(meter, wanted);
    }
    for (meter, amount) in &spec.budget {
        if *amount > movable(me, spec, spent, *meter) {
            return Err(Error::Exhausted(*meter));
        }
        budget = budget.with(*meter, *amount);
    }
    Ok(budget)
}

/// What can be moved of a meter now: not the memory that the caller itself holds, nor what the spawn costs.
fn movable(me: &Proc, spec: &Spec, spent: Spent, meter: Meter) -> u64 {
    let left = me.account.left(meter);
    match meter {
        Meter::Memory if left < MAX => left.saturating_sub(spec.holds),
        Meter::Children | Meter::Calls if left < MAX => left.saturating_sub(spent.place),
        Meter::BytesSent if left < MAX => left.saturating_sub(spent.size),
        Meter::Fuel if left < MAX => {
            left.saturating_sub(spent.fuel.saturating_sub(me.account.own(Meter::Fuel)))
        }
        Meter::Fuel
        | Meter::Memory
        | Meter::WallTime
        | Meter::TokensIn
        | Meter::TokensOut
        | Meter::MicroUsd
        | Meter::BytesStored
        | Meter::BytesSent
        | Meter::Calls
        | Meter::Children => left,
    }
}

/// The child of this number, if it is this process's.
fn child<'a>(run: &'a Run, me: &Proc, child: u64) -> Option<&'a Proc> {
    run.proc(Pid::try_from(child).ok()?).filter(|proc| proc.parent == Some(me.pid))
}

pub(super) fn wait(run: &Run, me: &Proc, pid: u64, until: Option<u64>, now: u64) -> Decided {
    let Some(child) = child(run, me, pid) else { return fail(Error::Closed) };
    if let Some(answer) = exited(child) {
        return done(answer);
    }
    if until.is_some_and(|until| until <= now) {
        return done(Answer::Nothing);
    }
    if me.stopping { fail(Error::Interrupted) } else { Decided::Wait(until) }
}

fn exited(child: &Proc) -> Option<Answer> {
    let ended = child.exit.as_ref()?;
    Some(Answer::Exit { pid: child.pid, exit: Box::new(ended.exit.clone()), from: ended.seq })
}

/// Whether the child that a process waits for has ended.
pub(super) fn ended(run: &Run, pending: &Pending) -> Option<Result<Answer, Error>> {
    exited(run.proc(pending.peer?)?).map(Ok)
}

pub(super) fn signal(run: &Run, me: &Proc, pid: u64, signal: Signal) -> Result<Decided, Error> {
    let child = child(run, me, pid).ok_or(Error::Closed)?;
    match signal {
        Signal::Pause | Signal::Resume => Err(Error::Unsupported),
        Signal::Stop | Signal::Kill if child.exit.is_some() => Err(Error::Closed),
        Signal::Stop | Signal::Kill => Ok(done(Answer::Done)),
    }
}
