//! What a successful call changes.

use super::{Begun, Change, Step};
use crate::kernel::answer::Answer;
use crate::kernel::call::{Call, Key, Pid, Signal};
use crate::kernel::state::{File, Run};
use crate::kernel::{artifact, infer, ipc, lease, mount};

impl Change<'_> {
    /// What a successful call changes, whether it completed at once or after `pending`.
    pub(super) fn effect(&mut self, run: &mut Run, call: &Call, answer: &Answer, begun: Begun) -> Step {
        let (pid, seq, now) = (self.entry.pid, self.entry.seq, self.entry.t);
        let gone = "its process is not there";
        let Begun { id, size, body, reserve } = begun;
        match (call, answer) {
            (Call::Send { to, priority, in_reply_to, .. }, _) => {
                let to =
                    run.proc(pid).and_then(|me| ipc::peer(run, me, to)).ok_or("its peer is not there")?;
                let woken =
                    ipc::deliver(run, pid, to, (*priority, *in_reply_to), ipc::Parcel { id, size, body });
                self.wake(woken);
            }
            (Call::Receive { .. }, Answer::Message(head)) => {
                let next = ipc::take(run, pid, head.id)?;
                self.wake(next);
            }
            (Call::Publish { topic }, _) => {
                let woken = ipc::broadcast(run, pid, topic, &ipc::Parcel { id: seq, size, body });
                self.wakes.extend(woken.into_iter().map(|pid| Key { run: self.entry.run, pid }));
            }
            (Call::Subscribe { pattern }, Answer::Id(id)) => ipc::open(run, pid, *id, pattern).ok_or(gone)?,
            (Call::Close { subscription }, _) => ipc::close(run, pid, *subscription).ok_or(gone)?,
            (Call::Acquire { name, ttl, .. }, Answer::Id(token)) => {
                lease::grant(run, pid, name, *token, now.saturating_add(*ttl)).ok_or(gone)?;
            }
            (Call::Renew { lease, ttl }, _) => {
                lease::extend(run, pid, *lease, now.saturating_add(*ttl))
                    .ok_or("it does not hold the lease")?;
            }
            (Call::Release { lease }, _) => {
                let name = run.proc(pid).and_then(|me| me.leases.get(lease)).cloned();
                let next = name.and_then(|name| lease::free_now(run, &name, *lease));
                self.wake(next);
            }
            (Call::Write { mount, path, .. }, Answer::Digest(digest)) if mount == mount::SCRATCH => {
                mount::keep(run.proc_mut(pid).ok_or(gone)?, path, File { digest: *digest, size, seq, body });
            }
            (Call::Remove { mount, path, .. }, _) if mount == mount::SCRATCH => {
                run.proc_mut(pid).ok_or(gone)?.scratch.remove(path);
            }
            (Call::Rename { mount, source, target, .. }, _) if mount == mount::SCRATCH => {
                mount::shift(run.proc_mut(pid).ok_or(gone)?, source, target)
                    .ok_or("its file is not there")?;
            }
            (Call::Write { mount, .. } | Call::Remove { mount, .. } | Call::Rename { mount, .. }, _)
                if run.overlays.contains_key(mount) =>
            {
                self.cover(run, call, answer, size)?
            }
            (Call::Put(put), Answer::Digest(digest)) => {
                artifact::keep(run, pid, put, File { digest: *digest, size, seq, body }).ok_or(gone)?;
            }
            (Call::Declassify { label }, _) => {
                let me = run.proc_mut(pid).ok_or(gone)?;
                me.labels = me.labels.without(label);
            }
            (Call::Generate(_), _) => run.proc_mut(pid).ok_or(gone)?.turns += 1,
            (Call::Stream(question), Answer::Id(id)) => {
                let me = run.proc_mut(pid).ok_or(gone)?;
                me.turns += 1;
                infer::open(me, *id, &question.model, reserve);
            }
            (Call::Next { generation }, Answer::Chunk { spent: Some(spent) }) => {
                infer::end(run.proc_mut(pid).ok_or(gone)?, *generation, Some(spent))
                    .ok_or("its generation is not open")?;
            }
            (Call::Cancel { generation }, _) => {
                let me = run.proc_mut(pid).ok_or(gone)?;
                infer::end(me, *generation, None);
                me.generations.remove(generation);
            }
            (Call::Signal { child, signal: Signal::Stop }, _) => {
                let child = Pid::try_from(*child).map_err(|_| "no such child")?;
                let labels = run.proc(pid).map(|me| me.labels.clone()).unwrap_or_default();
                self.stop(run, child, labels)?;
            }
            (Call::Signal { child, signal: Signal::Kill }, _) => {
                super::life::kill(run, Pid::try_from(*child).map_err(|_| "no such child")?)?;
            }
            _ => {}
        }
        Ok(())
    }
}
