//! Spawns: the call and the child's birth are recorded together.

use super::{Begun, Passing};
use crate::kernel::answer::{Answer, Error};
use crate::kernel::call::{Call, Key, Pid, Spec};
use crate::kernel::children;
use crate::kernel::effect::Performed;
use crate::kernel::entry::Birth;
use crate::kernel::live::Live;
use crate::kernel::state::Inconsistent;

impl Live {
    /// Records a spawn that was decided, and the child's birth.
    pub(super) fn spawn(&mut self, passing: Passing, now: u64) -> Result<Begun, Inconsistent> {
        let key = passing.key;
        let size = passing.size.unwrap_or(0);
        let plan = match &passing.call {
            Call::Spawn(spec) => self.plan(key, spec, children::Spent { fuel: passing.fuel, size, place: 1 }),
            _ => None,
        };
        let Some((mut birth, pid)) = plan else {
            return Ok(Begun::Done(self.complete(passing, now, Performed::refused(Error::Denied))?));
        };
        birth.input = self.state.seq + 1;
        let input = passing.body.clone().unwrap_or_default();
        self.complete(passing, now, Performed::of(Ok(Answer::Id(u64::from(pid)))))?;
        let launch = self.launch(now, Key { run: key.run, pid }, birth, input, None)?;
        let reply = self.reply(key, Ok(Answer::Id(u64::from(pid))), None);
        Ok(Begun::Spawned(reply, Box::new(launch)))
    }

    /// The birth of a child that was decided; its input's entry is not known yet.
    pub(in crate::kernel) fn plan(
        &self,
        key: Key,
        spec: &Spec,
        spent: children::Spent,
    ) -> Option<(Birth, Pid)> {
        let run = self.state.runs.get(&key.run)?;
        let me = run.proc(key.pid)?;
        let birth = Birth {
            name: spec.name.clone().unwrap_or_else(|| spec.component.clone()),
            member: spec.component.clone(),
            parent: Some(key.pid),
            component: run.grant.children.get(&spec.component)?.component,
            rights: children::rights(run, me, spec).ok()?,
            budget: children::budget(run, me, spec, spent).ok()?,
            seed: crate::kernel::seed(),
            input: 0,
        };
        Some((birth, run.procs.len() as Pid + 1))
    }
}
