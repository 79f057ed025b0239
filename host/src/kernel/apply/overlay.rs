//! Overlays, as the fold sees them.

use authority::Labels;

use super::{Change, Step};
use crate::kernel::answer::Answer;
use crate::kernel::call::{Call, Pid};
use crate::kernel::entry::Event;
use crate::kernel::state::{File, Run};

impl Change<'_> {
    /// A change of an overlay that was decided. `size` is that of the entry's body.
    pub(super) fn cover(&self, run: &mut Run, call: &Call, answer: &Answer, size: u64) -> Step {
        let (Call::Write { mount, .. } | Call::Remove { mount, .. } | Call::Rename { mount, .. }) = call
        else {
            return Err("it changes no mount");
        };
        let Event::Call { base, .. } = &self.entry.event else { return Err("it does not complete at once") };
        let mine = run.proc(self.entry.pid).ok_or("its process is not there")?.labels.clone();
        let overlay = run.overlays.get_mut(mount).ok_or("its overlay is not there")?;
        let file = |digest| File { digest, size, seq: self.entry.seq, body: self.payload() };
        match (call, answer) {
            (Call::Write { path, .. }, Answer::Digest(digest)) => {
                overlay.set(path, base.get(path), Some(file(*digest)), mine)
            }
            (Call::Remove { path, .. }, Answer::Done) => overlay.set(path, base.get(path), None, mine),
            (Call::Rename { source, target, .. }, _) => {
                let cover = overlay.covers.get(source);
                let (labels, own) = cover
                    .map_or((Labels::default(), None), |cover| (cover.labels.clone(), cover.now.clone()));
                let moved = match (own, answer) {
                    (Some(own), Answer::Done) => own,
                    (None, Answer::Content { digest, .. }) => file(*digest),
                    _ => return Err("its file is not there"),
                };
                overlay.set(source, base.get(source), None, mine.clone())?;
                overlay.set(target, base.get(target), Some(moved), labels.union(&mine))
            }
            _ => Err("its answer is not one of its call"),
        }
    }
}

/// Who reads in a mount takes on what the mount contains, and what those carried who changed it.
pub(super) fn carry(run: &mut Run, pid: Pid, mount: &str, path: &str) -> Option<()> {
    let place = run.grant.mounts.get(mount).map(|place| place.labels.clone()).unwrap_or_default();
    let written = run.overlays.get(mount).map(|overlay| overlay.labels(path)).unwrap_or_default();
    let me = run.proc_mut(pid)?;
    me.labels = me.labels.union(&place).union(&written);
    Some(())
}
