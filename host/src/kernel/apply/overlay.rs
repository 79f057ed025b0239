//! Overlays, as the fold sees them.

use super::{Change, Step};
use crate::kernel::answer::Answer;
use crate::kernel::call::Call;
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
        let overlay = run.overlays.get_mut(mount).ok_or("its overlay is not there")?;
        let file = |digest| File { digest, size, seq: self.entry.seq, body: self.payload() };
        match (call, answer) {
            (Call::Write { path, .. }, Answer::Digest(digest)) => {
                overlay.set(path, base.get(path), Some(file(*digest)))
            }
            (Call::Remove { path, .. }, Answer::Done) => overlay.set(path, base.get(path), None),
            (Call::Rename { source, target, .. }, _) => {
                let own = overlay.covers.get(source).and_then(|cover| cover.now.clone());
                let moved = match (own, answer) {
                    (Some(own), Answer::Done) => own,
                    (None, Answer::Content { digest, .. }) => file(*digest),
                    _ => return Err("its file is not there"),
                };
                overlay.set(source, base.get(source), None)?;
                overlay.set(target, base.get(target), Some(moved))
            }
            _ => Err("its answer is not one of its call"),
        }
    }
}
