//! Waits as the fold sees them: how a call begins to wait, how it leaves the line, what its outcome settles.

use authority::Labels;
use ledger::Meter;

use super::{Begun, Change, Step, calls, charge, consumed};
use crate::kernel::answer::{Answer, Error};
use crate::kernel::call::{Call, Pid, Priority};
use crate::kernel::state::{Pending, Run, Stage};
use crate::kernel::{infer, ipc, lease};

impl Change<'_> {
    /// A call that waits for the operator: nothing is charged and nobody waits in line for it yet.
    pub(super) fn ask(&mut self, run: &mut Run, call: &Call) -> Step {
        let me = run.proc_mut(self.entry.pid).ok_or("its process is not there")?;
        consumed(me, self.entry.fuel)?;
        let pending = Pending {
            seq: self.entry.seq,
            call: call.clone(),
            until: None,
            reserve: Vec::new(),
            previous: None,
            stage: Stage::Asks,
            revoked: false,
            peer: None,
            size: self.size(),
            body: self.payload(),
        };
        match me.pending.replace(Box::new(pending)) {
            Some(_) => Err("its process was waiting already"),
            None => Ok(()),
        }
    }

    pub(super) fn begin(
        &mut self,
        run: &mut Run,
        call: &Call,
        until: Option<u64>,
        reserve: &[(Meter, u64)],
        stage: Stage,
    ) -> Step {
        let (pid, size, body) = (self.entry.pid, self.size(), self.payload());
        let peer = {
            let me = run.proc(pid).ok_or("its process is not there")?;
            match call {
                Call::Send { to, .. } => ipc::peer(run, me, to),
                Call::Wait { child, .. } => Pid::try_from(*child).ok(),
                _ => None,
            }
        };
        let me = run.proc_mut(pid).ok_or("its process is not there")?;
        me.ruling = None;
        consumed(me, self.entry.fuel)?;
        charge(me, call, size)?;
        me.account.reserve(reserve).map_err(|_| "its reservation was not paid for")?;
        let reserve = reserve.to_vec();
        let pending = Pending {
            seq: self.entry.seq,
            call: call.clone(),
            until,
            reserve,
            previous: None,
            stage,
            revoked: false,
            peer,
            size,
            body,
        };
        if me.pending.replace(Box::new(pending)).is_some() {
            return Err("its process was waiting already");
        }
        if stage == Stage::Acts {
            // Before the effect, so that nobody reads what it leaves without the categories.
            self.stain(run, call)?;
        }
        match call {
            Call::Send { .. } => {
                let peer = peer.and_then(|peer| run.proc_mut(peer)).ok_or("its peer is not there")?;
                peer.mailbox.line.push_back(pid);
            }
            Call::Acquire { name, .. } => run.leases.entry(name.clone()).or_default().line.push_back(pid),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn outcome(&mut self, run: &mut Run, of: u64, out: &Result<Answer, Error>) -> Step {
        let pid = self.entry.pid;
        let me = run.proc_mut(pid).ok_or("its process is not there")?;
        let pending = me.pending.take().filter(|p| p.seq == of).ok_or("nothing waits for it")?;
        self.leave(run, pid, &pending);
        let me = run.proc_mut(pid).ok_or("its process is not there")?;
        let kept = matches!((&pending.call, out), (Call::Stream(_), Ok(_)));
        if pending.stage == Stage::Asks {
            // It was not made; it still takes its place in `calls`, as long as there is one.
            let _uncovered = me.account.settle(&[], &[(Meter::Calls, calls(&pending.call))]);
            return Ok(());
        }
        if pending.stage == Stage::Acts && !kept {
            let used = match out {
                Ok(Answer::Completion(spent)) => infer::spent(&pending.reserve, spent),
                Err(Error::UnknownOutcome) => pending.reserve.clone(),
                // Its answer came, and what it took, after the right was gone: nobody is told.
                Err(Error::Denied) if pending.revoked => pending.reserve.clone(),
                // The far side may have done it and will bill it.
                Err(Error::Unavailable(fault)) if fault.spent => pending.reserve.clone(),
                Ok(_) | Err(_) => Vec::new(),
            };
            let _uncovered = me.account.settle(&pending.reserve, &used);
        }
        if out.as_ref().is_ok_and(|answer| answer.body_at(self.entry.seq) == Some(self.entry.seq)) {
            let size = self.size();
            let _uncovered = me.account.settle(&[], &[(Meter::BytesStored, size)]);
        }
        self.learn(run, &pending.call, out)?;
        let me = run.proc_mut(pid).ok_or("its process is not there")?;
        match out {
            Ok(answer) => {
                let Pending { seq, call, size, body, reserve, .. } = *pending;
                self.effect(run, &call, answer, Begun { id: seq, size, body, reserve })
            }
            Err(Error::Unavailable(_)) => {
                if let Call::Next { generation } = &pending.call {
                    infer::end(me, *generation, None);
                }
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }

    /// Takes a process out of the line that its wait put it into.
    pub(super) fn leave(&mut self, run: &mut Run, pid: Pid, pending: &Pending) {
        if pending.stage == Stage::Asks {
            return;
        }
        match &pending.call {
            Call::Send { .. } => {
                let Some(peer) = pending.peer.and_then(|peer| run.proc_mut(peer)) else { return };
                lease::step_out(&mut peer.mailbox.line, pid);
                let next = peer.mailbox.line.front().copied();
                self.wake(next);
            }
            Call::Acquire { name, .. } => {
                let next = lease::leave(run, pid, name);
                self.wake(next);
            }
            _ => {}
        }
    }

    /// Asks a process to stop: by a notice that carries what the one who asks carries, and by ending its waits.
    pub(super) fn stop(&mut self, run: &mut Run, pid: Pid, labels: Labels) -> Step {
        let seq = self.entry.seq;
        let target = run.proc_mut(pid).ok_or("there is no such process")?;
        if !target.stopping {
            target.stopping = true;
            ipc::notify(target, seq, "$stop", (Priority::High, labels), "{}".to_owned());
        }
        self.wake(Some(pid));
        Ok(())
    }
}
