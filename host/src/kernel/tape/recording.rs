//! A run's entries, folded and sorted into a tape for each process.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::{Played, Step, Tape, TapeError, fetch, lock};
use crate::journal::Reader;
use crate::journal::reader::Span;
use crate::kernel::answer::{Answer, Error};
use crate::kernel::call::{Call, Key, Pid, RunId};
use crate::kernel::entry::{Birth, Entry, Event, Opening, Repeat};
use crate::kernel::live::refused;
use crate::kernel::state::{Inconsistent, Limits, Run, State};

/// A run as it was logged, ready to be executed again.
pub struct Recording {
    /// Its number.
    pub number: RunId,
    /// Its first entry.
    pub opening: Opening,
    /// Its processes, by number.
    pub tapes: BTreeMap<Pid, Tape>,
    /// Its entries.
    pub entries: u64,
    /// What is so far, when it has not ended. Bodies are not in it.
    pub run: Option<Run>,
    /// Where they are.
    pub(in crate::kernel) bodies: Arc<Mutex<Reader>>,
}

/// A recording that is being made.
struct Recorder {
    state: State,
    opening: Option<Opening>,
    tapes: BTreeMap<Pid, Tape>,
    bodies: Arc<Mutex<Reader>>,
}

/// Reads a run and folds it, so that each answer comes with what the process was held to after it.
///
/// # Errors
/// When the log cannot be read or does not follow.
pub fn record(reader: Reader, span: Span) -> Result<Recording, TapeError> {
    let bodies = Arc::new(Mutex::new(reader));
    let mut lines = Vec::new();
    lock(&bodies).lines(span.first, span.last, |seq, line| {
        let entry = Entry::parse(line).map_err(|source| TapeError::Entry { seq, source })?;
        if entry.seq != seq {
            return Err(Inconsistent { seq, what: format!("it says that it is #{}", entry.seq) }.into());
        }
        if entry.run == span.run {
            lines.push(entry);
        }
        Ok::<(), TapeError>(())
    })?;
    let entries = lines.len() as u64;
    let state = State { last_run: span.run - 1, ..State::default() };
    let mut recorder = Recorder { state, opening: None, tapes: BTreeMap::new(), bodies: bodies.clone() };
    lines.into_iter().try_for_each(|entry| recorder.take(entry))?;
    let Recorder { mut state, opening, tapes, .. } = recorder;
    let opening = opening.ok_or(TapeError::Pruned(span.first))?;
    Ok(Recording { number: span.run, opening, tapes, entries, run: state.runs.remove(&span.run), bodies })
}

impl Recorder {
    /// Folds an entry and puts what its process did on that one's tape.
    fn take(&mut self, entry: Entry) -> Result<(), TapeError> {
        let key = Key { run: entry.run, pid: entry.pid };
        let notice = match &entry.event {
            Event::Call { out: Ok(answer), .. } | Event::Outcome { out: Ok(answer), .. } => {
                self.state.payload(key, answer)
            }
            _ => None,
        };
        let grant = match &entry.event {
            Event::Run(_) => Some(fetch(&self.bodies, entry.seq)?),
            _ => None,
        };
        // Entries of other runs may lie between two of this one.
        self.state.seq = entry.seq - 1;
        self.state.apply(&entry, grant.as_ref(), &mut Vec::new())?;
        match entry.event.clone() {
            Event::Run(opening) => self.opening = Some(*opening),
            Event::Start(birth) => self.born(key, *birth, entry.t),
            Event::Call { call, out, repeat, .. } => {
                let answer = self.played(key, &entry, out, notice);
                self.began(&entry, call, repeat, Some(answer));
            }
            Event::Ask { call } => {
                self.began(&entry, call, None, None);
                if let Some(tape) = self.tapes.get_mut(&entry.pid) {
                    tape.asked = true;
                }
            }
            Event::Wait { call, .. } | Event::Intent { call, .. } => self.began(&entry, call, None, None),
            Event::Outcome { out, .. } => {
                let answer = self.played(key, &entry, out, notice);
                if let Some(tape) = self.tapes.get_mut(&entry.pid) {
                    tape.asked = false;
                    if let Some(step) = tape.steps.back_mut() {
                        step.answer = Some(answer);
                    }
                }
            }
            Event::Exit(exit) => {
                if let Some(tape) = self.tapes.get_mut(&entry.pid) {
                    tape.close(entry, *exit);
                }
            }
            // None of these is a process's own.
            Event::Expire { .. }
            | Event::Rule { .. }
            | Event::Signal { .. }
            | Event::Revoke { .. }
            | Event::Fund { .. }
            | Event::Warn { .. }
            | Event::Bill { .. }
            | Event::Resume(_)
            | Event::End
            | Event::Overlay { .. }
            | Event::Erase(_) => {}
        }
        Ok(())
    }

    /// What a process is held to now.
    fn limits(&self, key: Key) -> Limits {
        self.state.proc(key).map_or(Limits { fuel: 0, memory: 0 }, |me| me.limits())
    }

    fn played(&self, key: Key, entry: &Entry, out: Result<Answer, Error>, notice: Option<Bytes>) -> Played {
        let limits = (!refused(&out)).then(|| self.limits(key));
        Played { seq: entry.seq, out, notice, now: entry.t, limits }
    }

    /// A call, which is answered at once or later.
    fn began(&mut self, entry: &Entry, call: Call, repeat: Option<Repeat>, answer: Option<Played>) {
        let Some(tape) = self.tapes.get_mut(&entry.pid) else { return };
        tape.went_on();
        let (seq, fuel, blob) = (entry.seq, entry.fuel, entry.body);
        tape.steps.push_back(Step { seq, fuel, call, blob, repeat, done: 0, answer });
    }

    fn born(&mut self, key: Key, birth: Birth, now: u64) {
        // The parent is told what it is held to with its child's budget gone.
        if let Some(pid) = birth.parent {
            let parent = self.state.proc(Key { pid, ..key }).map(|parent| parent.limits());
            if let Some(tape) = self.tapes.get_mut(&pid) {
                tape.told(parent);
            }
        }
        let tape = Tape {
            key,
            birth,
            born: now,
            limits: self.limits(key),
            steps: VecDeque::new(),
            end: None,
            calls: 0,
            diverged: None,
            cut: false,
            asked: false,
            failed: None,
            bodies: self.bodies.clone(),
        };
        self.tapes.insert(key.pid, tape);
    }
}
