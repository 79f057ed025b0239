//! Rights that are taken back, as the fold sees it: from a process and from all that it spawned, with what stands on them.
//!
//! | what a process is at | what becomes of it |
//! |---|---|
//! | its next call | decided by what is left |
//! | a send or an acquire that waits in line | it leaves the line: `denied` |
//! | a call that waits for the operator | `denied`, without an answer |
//! | a look at a directory | decided again before anything is handed over: `denied` |
//! | an effect whose intent is not on disk yet | it does not happen: `denied` |
//! | a model that is answering | its answer is not handed over: `denied`, and what was reserved is spent |
//! | a change that has begun | it is told truthfully: it may have happened |
//! | subscriptions, leases, open generations | closed, released, ended |

use authority::{Decision, Labels, Rights, Verb};

use super::{Change, Step};
use crate::kernel::call::{Call, Key, Pid};
use crate::kernel::entry::Taken;
use crate::kernel::need::need;
use crate::kernel::state::{Pending, Proc, Run};
use crate::kernel::{infer, ipc, lease};

impl Change<'_> {
    pub(super) fn revoke(&mut self, run: &mut Run, pid: Pid, what: &Taken) -> Step {
        run.proc(pid).ok_or("there is no such process")?;
        let all: Vec<Pid> = run.descent(pid).map(|me| me.pid).collect();
        for pid in all {
            let Some(me) = run.proc_mut(pid) else { continue };
            let left = what.left(&me.rights, self.entry.t);
            if left == *me.rights {
                continue;
            }
            (me.asks, me.ends, me.generation) = (left.asks(), left.ends(), self.entry.seq);
            me.rights = left.into();
            self.let_go(run, pid);
        }
        Ok(())
    }

    /// Takes from a process what its rights do not cover any more.
    fn let_go(&mut self, run: &mut Run, pid: Pid) {
        let key = Key { run: self.entry.run, pid };
        let Some(me) = run.proc_mut(pid) else { return };
        let rights = me.rights.clone();
        let lost = |verb: Verb, object: &str| !holds(&rights, verb, object);
        let generations: Vec<u64> = me
            .generations
            .iter()
            .filter(|(_, open)| !open.ended && lost(Verb::Infer, &open.model))
            .map(|(id, _)| *id)
            .collect();
        generations.into_iter().for_each(|id| {
            infer::end(me, id, None);
        });
        if let Some(pending) = &me.pending
            && !covered(me, pending)
            && let Some(pending) = &mut me.pending
        {
            pending.revoked = true;
            self.wakes.push(key);
        }
        let subscribed: Vec<u64> = me
            .subscriptions
            .iter()
            .filter(|(_, pattern)| !pattern.parse().is_ok_and(|pattern| subscribes(&rights, &pattern)))
            .map(|(id, _)| *id)
            .collect();
        let leases: Vec<(u64, String)> = me
            .leases
            .iter()
            .filter(|(_, name)| lost(Verb::Lease, name))
            .map(|(t, n)| (*t, n.clone()))
            .collect();
        for id in subscribed {
            ipc::close(run, pid, id);
        }
        for (token, name) in leases {
            let next = lease::free_now(run, &name, token);
            self.wake(next);
        }
    }
}

/// Whether a right is held at all: what a process carries may hold it back, but takes nothing away.
fn holds(rights: &Rights, verb: Verb, object: &str) -> bool {
    rights.decide(verb, object, &Labels::default()) != Decision::Deny
}

fn subscribes(rights: &Rights, pattern: &authority::Pattern) -> bool {
    rights.decide_pattern(Verb::Subscribe, pattern, &Labels::default()) != Decision::Deny
}

/// Whether the right that a call was made by is still held.
fn covered(me: &Proc, pending: &Pending) -> bool {
    match &pending.call {
        Call::Next { generation } => {
            me.generations.get(generation).is_none_or(|open| holds(&me.rights, Verb::Infer, &open.model))
        }
        Call::Subscribe { pattern } => pattern.parse().is_ok_and(|pattern| subscribes(&me.rights, &pattern)),
        // An artifact's kind is looked up when the call is decided again.
        Call::Get { .. } | Call::Artifacts(_) => me.rights.any(Verb::Get),
        call => need(call).is_none_or(|(verb, object)| {
            object == crate::kernel::mount::SCRATCH || holds(&me.rights, verb, object)
        }),
    }
}
