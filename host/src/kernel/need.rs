//! Which right a call needs. The decisions check it where they resolve names to objects; here it is found for what stands
//! beside them: whether the operator has to be asked first, and what views say of a denial.

use authority::{Decision, Verb};

use super::call::Call;
use super::mount::SCRATCH;
use super::state::{Proc, Run};

/// The verb and the object of the right that a call needs, as the guest named the object; none for calls that need none. What
/// reads artifacts needs `get` of their kinds: `*` where the call does not name one.
pub fn need(call: &Call) -> Option<(Verb, &str)> {
    Some(match call {
        Call::Send { to, .. } => (Verb::Send, to),
        Call::Publish { topic } => (Verb::Publish, topic),
        Call::Subscribe { pattern } => (Verb::Subscribe, pattern),
        Call::Acquire { name, .. } => (Verb::Lease, name),
        Call::Read { mount, .. } | Call::List { mount, .. } | Call::Stat { mount, .. } => (Verb::Read, mount),
        Call::Write { mount, .. } | Call::Remove { mount, .. } | Call::Rename { mount, .. } => {
            (Verb::Write, mount)
        }
        Call::Put(put) => (Verb::Put, &put.kind),
        Call::Get { .. } => (Verb::Get, "*"),
        Call::Artifacts(filter) => (Verb::Get, filter.kind.as_deref().unwrap_or("*")),
        Call::Generate(question) | Call::Stream(question) => (Verb::Infer, &question.model),
        Call::Spawn(spec) => (Verb::Spawn, &spec.component),
        Call::Tool { name } => (Verb::Tool, name),
        Call::Log { level } => (Verb::Log, level.as_str()),
        Call::Declassify { label } => (Verb::Declassify, label),
        Call::Receive { .. }
        | Call::Close { .. }
        | Call::Token { .. }
        | Call::Renew { .. }
        | Call::Release { .. }
        | Call::Models
        | Call::Next { .. }
        | Call::Cancel { .. }
        | Call::Whoami
        | Call::ContinueAsNew
        | Call::Restored
        | Call::Held
        | Call::Budget
        | Call::Pid { .. }
        | Call::Wait { .. }
        | Call::Signal { .. }
        | Call::Tools
        | Call::Labels
        | Call::Sleep { .. }
        | Call::Oversized { .. } => return None,
    })
}

/// Whether the operator must be asked before this call. A process's own mount is its own, and a list of artifacts leaves out
/// those that it would have to ask for.
pub(super) fn asks(run: &Run, me: &Proc, call: &Call) -> bool {
    if !me.asks {
        return false;
    }
    let decision = match (need(call), call) {
        (Some((Verb::Read | Verb::Write, SCRATCH)), _) | (_, Call::Artifacts(_)) | (None, _) => return false,
        (_, Call::Subscribe { pattern }) => match pattern.parse() {
            Ok(pattern) => me.rights.decide_pattern(Verb::Subscribe, &pattern, &me.labels),
            Err(_) => return false,
        },
        (_, Call::Get { digest }) => {
            let place = digest.parse().ok().and_then(|digest| run.by_digest.get(&digest));
            let Some(place) = place else { return false };
            me.decision(Verb::Get, &run.artifacts[*place].artifact.kind)
        }
        (Some((verb, object)), _) => me.decision(verb, object),
    };
    decision == Decision::Ask
}
