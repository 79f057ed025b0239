//! Budgets that grow while a run goes on, as the fold sees it.

use ledger::Meter;

use super::{Change, Step};
use crate::kernel::call::Pid;
use crate::kernel::state::Run;

impl Change<'_> {
    /// Grants a process more. What comes back after a window is the root's: what it moved to children stays theirs.
    pub(super) fn fund(&mut self, run: &mut Run, pid: Pid, add: &[(Meter, u64)], window: bool) -> Step {
        for (meter, more) in add {
            let back = run.comes_back(*meter, self.entry.t);
            let me = run.proc_mut(pid).ok_or("there is no such process")?;
            me.account.fund(*meter, *more).map_err(|_| "nobody can be granted so much")?;
            let used = me.account.used(*meter);
            if pid == 1 {
                run.warned.remove(meter);
            }
            if window {
                let over = run.windows.get_mut(meter).filter(|_| pid == 1 && back == *more);
                let over = over.ok_or("no window of that is over")?;
                (over.since, over.used) = (self.entry.t, used);
            }
        }
        Ok(())
    }
}
