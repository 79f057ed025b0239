//! A past run under another grant: its entries are folded again, with other rights in the processes' hands, and each call
//! that was made is put to the kernel's own decision once more.
//!
//! Each call is decided as though all before it had been answered as they were. What is refused to a process for want of being
//! started at all is not listed call by call: its start is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use authority::{Grant, Rights};
use bytes::Bytes;

use super::answer::Error;
use super::call::{Call, Key, Pid, RunId, Spec};
use super::decide::{Asked, Decided, decide};
use super::entry::{Entry, Event};
use super::ports::Traits;
use super::state::{Inconsistent, Run, State};
use super::{artifact, children, infer};

/// A run that is folded again.
pub struct Trial {
    state: State,
    /// What decides in place of the run's own grant, if something does.
    under: Option<Grant>,
    /// What the child would hold that was just spawned; none when it would not have been.
    born: Option<Rights>,
    /// Processes that would not have been started, with theirs.
    never: BTreeSet<Pid>,
    /// What each process held in the run as it was.
    held: BTreeMap<Pid, Arc<Rights>>,
}

/// What another grant says of a call that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would have been made.
    Made,
    /// It would have waited for the operator.
    Asked,
    /// It would have been refused.
    Refused,
}

/// A call that was made in the run: neither denied nor left unpaid.
pub struct Made<'a> {
    /// Who made it.
    pub key: Key,
    /// Its entry: where it completed or began.
    pub entry: &'a Entry,
    /// The call.
    pub call: &'a Call,
}

impl Trial {
    /// Before a run's first entry; under another grant, or under its own.
    pub fn new(run: RunId, under: Option<Grant>) -> Trial {
        let state = State { last_run: run.saturating_sub(1), ..State::default() };
        Trial { state, under, born: None, never: BTreeSet::new(), held: BTreeMap::new() }
    }

    /// The run as it stands.
    pub fn run(&self, run: RunId) -> Option<&Run> {
        self.state.runs.get(&run)
    }

    /// How many processes would not have been started.
    pub fn never(&self) -> usize {
        self.never.len()
    }

    /// The call that an entry is or begins, if it was made. To be asked before the entry is taken.
    pub fn made<'a>(&self, entry: &'a Entry) -> Option<Made<'a>> {
        let key = Key { run: entry.run, pid: entry.pid };
        let call = match &entry.event {
            Event::Call { out: Err(Error::Denied | Error::Exhausted(_)), .. } => return None,
            Event::Call { call, .. } | Event::Wait { call, .. } | Event::Intent { call, .. } => call,
            _ => return None,
        };
        Some(Made { key, entry, call }).filter(|_| !self.never.contains(&key.pid))
    }

    /// What the rights in the processes' hands say of a call. To be asked before its entry is taken.
    pub fn verdict(&mut self, made: &Made<'_>) -> Verdict {
        let decided = self.decided(made);
        let refused = match (&decided, made.call) {
            (Decided::Now(Err(Error::Denied), _), _) => true,
            // A grant without the child's component knows no such child.
            (Decided::Now(Err(Error::NotFound), _), Call::Spawn(_)) => {
                matches!(&made.entry.event, Event::Call { out: Ok(_), .. })
            }
            (_, Call::Artifacts(_) | Call::Models) => self.leaves_out(made.key, made.call),
            _ => false,
        };
        match decided {
            _ if refused => Verdict::Refused,
            Decided::Ask => Verdict::Asked,
            _ => Verdict::Made,
        }
    }

    /// Whether a call needs a right: the decision if its process had none.
    pub fn needs_a_right(&mut self, made: &Made<'_>) -> bool {
        self.with(made.key, Arc::new(Rights::default()), |trial| trial.verdict(made))
            == Some(Verdict::Refused)
    }

    fn decided(&self, made: &Made<'_>) -> Decided {
        let body = made.entry.body;
        let asked = Asked {
            call: made.call,
            fuel: made.entry.fuel,
            size: body.map_or(0, |blob| blob.size),
            digest: body.and_then(|blob| blob.digest),
            // Which model it was has no part in whether it may be asked.
            traits: Some(Traits {
                context: u32::MAX,
                tools: true,
                streaming: true,
                json: true,
                ..Traits::default()
            }),
            seen: None,
        };
        decide(&self.state, made.key, &asked, made.entry.t, made.entry.seq)
    }

    /// Whether a list would lack something that it had.
    fn leaves_out(&mut self, key: Key, call: &Call) -> bool {
        let Some(held) = self.held.get(&key.pid).cloned() else { return false };
        let now = self.listed(key, call).unwrap_or_default();
        let then = self.with(key, held, |trial| trial.listed(key, call)).flatten();
        then.is_some_and(|then| !then.is_subset(&now))
    }

    /// What a call lists: artifacts by their digests, models by their labels.
    fn listed(&self, key: Key, call: &Call) -> Option<BTreeSet<String>> {
        let run = self.state.runs.get(&key.run)?;
        let me = run.proc(key.pid)?;
        Some(match call {
            Call::Artifacts(filter) => {
                let listed = artifact::matching(run, me, filter).ok()?;
                listed.iter().map(|artifact| artifact.digest.to_string()).collect()
            }
            Call::Models => infer::offered(run, me).map(str::to_owned).collect(),
            _ => return None,
        })
    }

    fn with<T>(&mut self, key: Key, rights: Arc<Rights>, ask: impl FnOnce(&mut Trial) -> T) -> Option<T> {
        let own = std::mem::replace(&mut self.state.proc_mut(key)?.rights, rights);
        let answer = ask(self);
        self.state.proc_mut(key)?.rights = own;
        Some(answer)
    }

    /// Takes the run's next entry, with its grant when it is the first.
    ///
    /// # Errors
    /// When it does not follow from those before it.
    pub fn take(&mut self, entry: &Entry, grant: Option<&Bytes>) -> Result<(), Inconsistent> {
        let key = Key { run: entry.run, pid: entry.pid };
        if let Event::Call { call: Call::Spawn(spec), out: Ok(_), .. } = &entry.event {
            self.born = self.spawned(key, spec, entry);
        }
        // Entries of other runs may lie between two of this one.
        self.state.seq = entry.seq.saturating_sub(1);
        self.state.apply(entry, grant, &mut Vec::new())?;
        match (&entry.event, &self.under) {
            (Event::Run(_), Some(under)) => {
                if let Some(run) = self.state.runs.get_mut(&entry.run) {
                    run.grant = Arc::new(under.clone());
                }
            }
            (Event::Start(birth), under) => {
                self.held.insert(entry.pid, Arc::new(birth.rights.clone()));
                let rights = match (under, birth.parent) {
                    (None, _) => return Ok(()),
                    (Some(under), None) => Some(under.root.rights.clone()),
                    (Some(_), Some(_)) => self.born.take(),
                };
                if rights.is_none() {
                    self.never.insert(entry.pid);
                }
                if let Some(me) = self.state.proc_mut(key) {
                    let rights = rights.unwrap_or_default();
                    me.asks = rights.asks();
                    me.rights = Arc::new(rights);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What a child would hold.
    fn spawned(&mut self, key: Key, spec: &Spec, entry: &Entry) -> Option<Rights> {
        let made = self.made(entry)?;
        if self.verdict(&made) == Verdict::Refused {
            return None;
        }
        let run = self.state.runs.get(&key.run)?;
        children::rights(run, run.proc(key.pid)?, spec).ok()
    }
}
