//! What a run needed: the least rights under which each call that it made is decided as it was, and every child gets what it
//! used. Made from its entries alone; whether a call needs a right is the kernel's own decision ([`Trial`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use authority::{Grant, Labels, Mode, Pattern, Right, Rights, Use, Verb};
use bytes::Bytes;

use super::call::{Call, Pid, RunId, Spec};
use super::entry::{Entry, Event};
use super::need::need;
use super::state::Inconsistent;
use super::trial::Trial;
use super::{artifact, infer};

/// See the module.
pub struct Evidence {
    trial: Trial,
    grant: Option<Arc<Grant>>,
    /// Process `n` is at `n - 1`.
    procs: Vec<Held>,
    /// What each member needs, by its label; the root's is empty.
    needed: BTreeMap<String, BTreeSet<Right>>,
    /// Processes that asked for artifacts which are not there, with a right of theirs to see some.
    looked: BTreeSet<(Pid, Right)>,
}

/// Whose rights a need can be met from.
struct Held {
    member: String,
    parent: Option<Pid>,
    rights: Rights,
}

impl Evidence {
    /// Before a run's first entry.
    pub fn new(run: RunId) -> Evidence {
        let (procs, needed, looked) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        Evidence { trial: Trial::new(run, None), grant: None, procs, needed, looked }
    }

    /// Takes the run's next entry, with its grant when it is the first.
    ///
    /// # Errors
    /// When it does not follow from those before it.
    pub fn take(&mut self, entry: &Entry, grant: Option<&Bytes>) -> Result<(), Inconsistent> {
        if let Some(made) = self.trial.made(entry)
            && self.trial.needs_a_right(&made)
        {
            for (verb, object) in self.objects(entry, made.call) {
                self.used(entry, verb, object);
            }
        }
        if let Event::Call { call: Call::Spawn(spec), out: Ok(_), .. } = &entry.event {
            self.handed(entry.pid, spec);
        }
        self.trial.take(entry, grant)?;
        match &entry.event {
            Event::Run(_) => self.grant = self.trial.run(entry.run).map(|run| run.grant.clone()),
            Event::Start(birth) => self.procs.push(Held {
                member: birth.member.clone(),
                parent: birth.parent,
                rights: birth.rights.clone(),
            }),
            _ => {}
        }
        Ok(())
    }

    /// What a call was for, by the names that decide; none where any name does.
    fn objects(&self, entry: &Entry, call: &Call) -> Vec<(Verb, Option<String>)> {
        let run = self.trial.run(entry.run);
        if let (Call::Models, Some(run)) = (call, run) {
            let offered = run.proc(entry.pid).into_iter().flat_map(|me| infer::offered(run, me));
            return offered.map(|label| (Verb::Infer, Some(label.to_owned()))).collect();
        }
        let Some((verb, object)) = need(call) else { return Vec::new() };
        let kinds: Vec<String> = match (call, run) {
            (Call::Get { digest }, Some(run)) => {
                let at = digest.parse().ok().and_then(|digest| run.by_digest.get(&digest));
                at.map(|at| run.artifacts[*at].artifact.kind.clone()).into_iter().collect()
            }
            (Call::Artifacts(filter), Some(run)) => {
                let me = run.proc(entry.pid);
                let listed = me.and_then(|me| artifact::matching(run, me, filter).ok()).unwrap_or_default();
                listed.iter().map(|artifact| artifact.kind.clone()).collect()
            }
            _ => return vec![(verb, Some(object.to_owned()))],
        };
        if kinds.is_empty() {
            return vec![(verb, None)];
        }
        let kinds: BTreeSet<String> = kinds.into_iter().collect();
        kinds.into_iter().map(|kind| (verb, Some(kind))).collect()
    }

    /// Notes a right that was used.
    fn used(&mut self, entry: &Entry, verb: Verb, object: Option<String>) {
        let Some(me) = self.trial.run(entry.run).and_then(|run| run.proc(entry.pid)) else { return };
        let Some(object) = object else {
            let some = me.rights.iter().find(|right| right.verb == verb && right.using != Use::No);
            let some = some.map(|right| Right { delegate: Use::No, ..right.clone() });
            self.looked.extend(some.map(|right| (entry.pid, right)));
            return;
        };
        let parsed = object.parse::<Pattern>().ok();
        let covers = |right: &&Right| match &parsed {
            Some(pattern) => right.object.covers_pattern(pattern),
            None => right.object.covers(&object),
        };
        let free = me.rights.iter().filter(|right| {
            right.verb == verb && right.using != Use::No && !right.unless.intersects(&me.labels)
        });
        let Some(right) = free.filter(covers).max_by_key(|right| (right.using, right.unless.len())) else {
            return;
        };
        // Nobody has to be given the log, unless it was narrowed.
        if verb == Verb::Log && right.using == Use::Allow && right.unless.is_empty() {
            return;
        }
        let right = right.clone();
        // A name that is no pattern is only reached by a wider one.
        let object = parsed.unwrap_or_else(|| right.object.clone());
        self.hold(entry.pid, Right { object, delegate: Use::No, ..right });
    }

    /// What a spawn asked to be handed on, which must be there to hand on.
    fn handed(&mut self, pid: Pid, spec: &Spec) {
        for (verb, object) in spec.capabilities.iter().flatten() {
            if let (Ok(verb), Ok(object)) = (verb.parse::<Verb>(), object.parse::<Pattern>())
                && let Some(right) = self.delegable(pid, verb, &object, None)
            {
                self.hold(pid, right);
            }
        }
    }

    /// The part of a process's right to hand this on.
    fn delegable(&self, pid: Pid, verb: Verb, object: &Pattern, under: Option<&Labels>) -> Option<Right> {
        let held = self.procs.get((pid as usize).checked_sub(1)?)?;
        if Rights::free(verb, object) {
            return None;
        }
        let all = held.rights.iter().filter(|right| {
            right.verb == verb && right.delegate != Use::No && right.object.covers_pattern(object)
        });
        // What the child holds without a condition came by a right without it.
        let fits =
            |right: &Right| under.is_none_or(|under| right.unless.iter().all(|label| under.contains(label)));
        let right = all.max_by_key(|right| (fits(right), right.delegate, right.unless.len()))?;
        Some(Right { object: object.clone(), using: Use::No, ..right.clone() })
    }

    /// Notes a right of a process, and up to the root what its parents need to hand it on.
    fn hold(&mut self, pid: Pid, right: Right) {
        let (mut pid, mut right) = (pid, right);
        loop {
            let Some(held) = (pid as usize).checked_sub(1).and_then(|at| self.procs.get(at)) else { return };
            let parent = held.parent;
            let needed = self.needed.entry(held.member.clone()).or_default();
            // More than a process can hold come down to those that it held; there are no more of these.
            let kept =
                if needed.len() < Rights::LIMIT { right.clone() } else { widened(&right, &held.rights) };
            needed.insert(kept);
            let Some(parent) = parent else { return };
            match self.delegable(parent, right.verb, &right.object, Some(&right.unless)) {
                Some(above) => (pid, right) = (parent, above),
                None => return,
            }
        }
    }

    /// The least grant; none when the run has no first entry.
    pub fn least(mut self) -> Option<Grant> {
        for (pid, right) in std::mem::take(&mut self.looked) {
            let member = self.procs.get((pid as usize).checked_sub(1)?)?.member.clone();
            let has =
                |all: &BTreeSet<Right>| all.iter().any(|own| own.verb == right.verb && own.using != Use::No);
            if !self.needed.get(&member).is_some_and(has) {
                self.hold(pid, right);
            }
        }
        let mut grant = (*self.grant?).clone();
        let of = |member: &str, granted: &Rights| {
            let needed = self.needed.get(member).cloned().unwrap_or_default();
            fitted(needed, granted)
        };
        grant.root.rights = of("", &grant.root.rights);
        let spawned: BTreeSet<&str> = self.procs.iter().map(|held| held.member.as_str()).collect();
        grant.children.retain(|label, _| spawned.contains(label.as_str()));
        for (label, member) in &mut grant.children {
            member.rights = of(label, &member.rights);
        }
        places(&mut grant);
        Some(grant)
    }
}

/// The needed rights, each once and none that another covers; when they are too many for one process, the granted ones that
/// cover them.
fn fitted(needed: BTreeSet<Right>, granted: &Rights) -> Rights {
    let joined = |all: BTreeSet<Right>| {
        let all: Vec<Right> = all.into_iter().collect();
        let kept = all.iter().enumerate().filter(|(at, right)| {
            !all.iter().enumerate().any(|(other, wider)| {
                other != *at && implied(right, wider) && (other < *at || !implied(wider, right))
            })
        });
        Rights::new(kept.map(|(_, right)| right.clone()))
    };
    joined(needed.clone()).unwrap_or_else(|_| {
        joined(needed.iter().map(|right| widened(right, granted)).collect())
            .unwrap_or_else(|_| granted.clone())
    })
}

/// A right over all that the granted one is over which covers it.
fn widened(right: &Right, granted: &Rights) -> Right {
    let wide =
        granted.iter().find(|wide| wide.verb == right.verb && wide.object.covers_pattern(&right.object));
    Right { object: wide.map_or(right.object.clone(), |wide| wide.object.clone()), ..right.clone() }
}

/// Whether a right allows nothing that a wider one does not.
fn implied(right: &Right, wider: &Right) -> bool {
    right.verb == wider.verb
        && wider.object.covers_pattern(&right.object)
        && wider.using >= right.using
        && wider.delegate >= right.delegate
        && wider.unless.iter().all(|label| right.unless.contains(label))
}

/// Leaves the mounts and models that somebody needs, no mount writable that nobody writes.
fn places(grant: &mut Grant) {
    let members: Vec<Rights> =
        grant.children.values().chain([&grant.root]).map(|member| member.rights.clone()).collect();
    let needs = |verb: Verb, label: &str| {
        members.iter().flatten().any(|right| right.verb == verb && right.object.covers(label))
    };
    grant.mounts.retain(|label, _| needs(Verb::Read, label) || needs(Verb::Write, label));
    for (label, place) in &mut grant.mounts {
        if !needs(Verb::Write, label) {
            place.mode = Mode::Ro;
        }
    }
    grant.models.retain(|label, _| needs(Verb::Infer, label));
}
