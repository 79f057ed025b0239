//! Beginnings and ends of processes, as the fold sees them.

use authority::Labels;
use ledger::{Account, MAX, Meter};
use serde::Serialize;

use super::{Change, Step};
use crate::kernel::answer::Exit;
use crate::kernel::call::{Key, Pid, Priority};
use crate::kernel::entry::Birth;
use crate::kernel::state::{Ended, Payload, Proc, Run, Window};
use crate::kernel::{ipc, lease};

/// What a parent is told of a child's end. A struct, because its fields' order is part of what replay compares.
#[derive(Serialize)]
struct Notice<'a> {
    exit: &'static str,
    name: &'a str,
    pid: Pid,
}

impl Change<'_> {
    pub(super) fn exit(&mut self, run: &mut Run, exit: &Exit) -> Step {
        let (pid, seq) = (self.entry.pid, self.entry.seq);
        let me = run.proc_mut(pid).ok_or("its process is not there")?;
        if me.exit.is_some() || !me.children.is_empty() {
            return Err("it has ended before, or its children live");
        }
        let _uncovered = me.account.set_used(Meter::Fuel, self.entry.fuel.max(me.account.own(Meter::Fuel)));
        let _uncovered =
            me.account.settle(&[], &[(Meter::BytesStored, self.entry.body.map_or(0, |blob| blob.size))]);
        me.exit = Some(Box::new(Ended { seq, exit: exit.clone(), output: Payload(self.body.cloned()) }));
        let pending = me.pending.take();
        let mailbox = std::mem::take(&mut me.mailbox);
        let subscriptions: Vec<u64> = me.subscriptions.keys().copied().collect();
        let leases: Vec<(u64, String)> =
            me.leases.iter().map(|(token, name)| (*token, name.clone())).collect();
        me.scratch.clear();
        me.generations.clear();
        let (parent, name, account) = (me.parent, me.name.clone(), me.account.clone());
        let labels = me.labels.clone();
        if let Some(pending) = pending {
            self.leave(run, pid, &pending);
        }
        self.wakes.extend(mailbox.line.iter().map(|waiting| Key { run: self.entry.run, pid: *waiting }));
        for id in subscriptions {
            ipc::close(run, pid, id);
        }
        for (token, lease) in leases {
            let next = lease::free_now(run, &lease, token);
            self.wake(next);
        }
        let Some(parent) = parent.and_then(|parent| run.proc_mut(parent)) else { return Ok(()) };
        parent.account.close_child(&account);
        parent.children.remove(&pid);
        let notice = Notice { exit: exit.word(), name: &name, pid };
        let text = serde_json::to_string(&notice).map_err(|_| "its notice cannot be written")?;
        ipc::notify(parent, seq, "$exit", (Priority::Normal, labels), text);
        let woken = parent.pid;
        self.wake(Some(woken));
        Ok(())
    }
}

pub(super) fn start(run: &mut Run, pid: Pid, birth: &Birth, now: u64) -> Step {
    if pid as usize != run.procs.len() + 1 {
        return Err("its process's number is not the next");
    }
    let (account, deadline, labels) = match birth.parent {
        None => (Account::new(birth.budget), None, Labels::default()),
        Some(parent) => {
            let parent = run.proc_mut(parent).ok_or("its parent is not there")?;
            parent.children.insert(pid);
            let account =
                parent.account.open_child(&birth.budget).map_err(|_| "its parent cannot pay for it")?;
            (account, parent.deadline, parent.labels.clone())
        }
    };
    let granted = account.granted(Meter::WallTime);
    let own = (granted < MAX).then(|| now.saturating_add(granted));
    let deadline = own.into_iter().chain(deadline).min();
    if birth.parent.is_none() {
        let windows = run.grant.windows.iter();
        run.windows = windows
            .map(|(meter, period)| (*meter, Window { period: *period, since: now, used: 0 }))
            .collect();
    }
    run.names.insert(birth.name.clone(), pid);
    run.procs.push(Proc { labels, ..Proc::new(pid, birth, account, now, deadline) });
    Ok(())
}

/// Notes that a process was killed. Its exit says what came of it.
pub(super) fn kill(run: &mut Run, pid: Pid) -> Step {
    run.proc_mut(pid).ok_or("there is no such process")?.killed = true;
    Ok(())
}

/// Takes up a run that was cut off: nobody's wall time went on meanwhile. What else is due at a time stays due then.
pub(super) fn take_up(run: &mut Run, now: u64) {
    let gap = now.saturating_sub(run.time);
    for me in run.procs.iter_mut().filter(|me| me.exit.is_none()) {
        me.deadline = me.deadline.map(|at| at.saturating_add(gap).min(MAX));
    }
}
