//! The bytes that a folded state's numbers stand for, from where they are stored.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::journal::Reader;
use crate::kernel::answer::Exit;
use crate::kernel::state::{Payload, Proc, Run};
use crate::kernel::tape::{TapeError, fetch, lock};

/// Gives a state what it would hold if its host had lived: as many bytes as it held then.
///
/// # Errors
/// When a body is not stored any more.
pub(super) fn load(run: &mut Run, stored: &Arc<Mutex<Reader>>) -> Result<(), TapeError> {
    // An event lies in many mailboxes, and is one body.
    let mut events: HashMap<u64, Bytes> = HashMap::new();
    for me in &mut run.procs {
        of_process(me, stored, &mut events)?;
    }
    for artifact in &mut run.artifacts {
        artifact.body = Payload(Some(fetch(stored, artifact.seq)?));
    }
    let covers = run.overlays.values_mut().flat_map(|overlay| overlay.covers.values_mut());
    for file in covers.filter_map(|cover| cover.now.as_mut()) {
        file.body = Payload(Some(fetch(stored, file.seq)?));
    }
    Ok(())
}

fn of_process(
    me: &mut Proc,
    stored: &Arc<Mutex<Reader>>,
    events: &mut HashMap<u64, Bytes>,
) -> Result<(), TapeError> {
    for message in me.mailbox.queues.iter_mut().flatten().filter(|message| message.body.0.is_none()) {
        let body = match events.get(&message.id) {
            Some(body) => body.clone(),
            None => fetch(stored, message.id)?,
        };
        if message.topic.is_some() {
            events.insert(message.id, body.clone());
        }
        message.body = Payload(Some(body));
    }
    for file in me.scratch.values_mut() {
        file.body = Payload(Some(fetch(stored, file.seq)?));
    }
    if let Some(pending) = &mut me.pending {
        // Most calls carry none.
        pending.body = Payload(lock(stored).body(pending.seq)?.map(|body| body.data.into()));
    }
    if let Some(ended) = me.exit.as_mut().filter(|ended| ended.exit == Exit::Returned) {
        ended.output = Payload(Some(fetch(stored, ended.seq)?));
    }
    Ok(())
}
