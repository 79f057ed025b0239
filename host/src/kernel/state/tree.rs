//! Processes and what they spawned.

use super::{Proc, Run};
use crate::kernel::call::Pid;

impl Run {
    /// A process and all that it spawned, as far as they live.
    pub fn descent(&self, pid: Pid) -> impl Iterator<Item = &Proc> {
        let mut all: Vec<&Proc> = self.proc(pid).into_iter().collect();
        let mut next = 0;
        while let Some(me) = all.get(next) {
            let children: Vec<&Proc> = me.children.iter().filter_map(|child| self.proc(*child)).collect();
            all.extend(children);
            next += 1;
        }
        all.into_iter()
    }
}
