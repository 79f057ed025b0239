//! A run's entries, folded and sorted into a tape for each process.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::{Played, Step, Tape, TapeError, fetch, lock};
use crate::journal::Reader;
use crate::journal::reader::Span;
use crate::kernel::answer::{Answer, Error};
use crate::kernel::call::{Key, Pid};
use crate::kernel::entry::{Entry, Event, Opening};
use crate::kernel::live::refused;
use crate::kernel::state::{Inconsistent, Limits, State};

/// A run as it was logged, ready to be executed again.
pub struct Recording {
    /// Its first entry.
    pub opening: Opening,
    /// Its processes, by number.
    pub tapes: BTreeMap<Pid, Tape>,
    /// Its entries.
    pub entries: u64,
}

/// Reads a run and folds it, so that each answer comes with what the process was held to after it.
///
/// # Errors
/// When the log cannot be read or does not follow.
pub fn record(reader: Reader, span: Span) -> Result<Recording, TapeError> {
    let bodies = Arc::new(Mutex::new(reader));
    let mut state = State { last_run: span.run - 1, ..State::default() };
    let mut opening = None;
    let mut tapes: BTreeMap<Pid, Tape> = BTreeMap::new();
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
    for entry in lines {
        let key = Key { run: entry.run, pid: entry.pid };
        let notice = match &entry.event {
            Event::Call { out: Ok(answer), .. } | Event::Outcome { out: Ok(answer), .. } => {
                state.payload(key, answer)
            }
            _ => None,
        };
        let body = match &entry.event {
            Event::Run(_) => Some(fetch(&bodies, entry.seq)?),
            _ => None,
        };
        state.seq = entry.seq - 1;
        state.apply(&entry, body.as_ref(), &mut Vec::new())?;
        let limits = state.proc(key).map_or(Limits { fuel: 0, memory: 0 }, |me| me.limits());
        let told = |out: &Result<Answer, Error>| (!refused(out)).then_some(limits);
        let (seq, fuel, now, blob) = (entry.seq, entry.fuel, entry.t, entry.body);
        let tape = tapes.get_mut(&entry.pid);
        match (entry.event.clone(), tape) {
            (Event::Run(run), _) => opening = Some(*run),
            (Event::Start(birth), _) => {
                // The parent is told what it is held to with its child's budget gone.
                if let Some(pid) = birth.parent
                    && let Some(played) = tapes.get_mut(&pid).and_then(Tape::last)
                {
                    played.limits = state.proc(Key { pid, ..key }).map(|parent| parent.limits());
                }
                let tape = Tape {
                    key,
                    birth: *birth,
                    born: now,
                    limits,
                    steps: VecDeque::new(),
                    end: None,
                    calls: 0,
                    diverged: None,
                    cut: false,
                    asked: false,
                    failed: None,
                    bodies: bodies.clone(),
                };
                tapes.insert(key.pid, tape);
            }
            (Event::Call { call, out, repeat }, Some(tape)) => {
                tape.went_on();
                let answer = Some(Played { seq, limits: told(&out), out, notice, now });
                tape.steps.push_back(Step { seq, fuel, call, blob, repeat, done: 0, answer });
            }
            (Event::Ask { call }, Some(tape)) => {
                tape.asked = true;
                tape.steps.push_back(Step { seq, fuel, call, blob, repeat: None, done: 0, answer: None });
            }
            (Event::Wait { call, .. } | Event::Intent { call, .. }, Some(tape)) => {
                tape.went_on();
                tape.steps.push_back(Step { seq, fuel, call, blob, repeat: None, done: 0, answer: None });
            }
            (Event::Outcome { out, .. }, Some(tape)) => {
                tape.asked = false;
                if let Some(step) = tape.steps.back_mut() {
                    step.answer = Some(Played { seq, limits: told(&out), out, notice, now });
                }
            }
            (Event::Exit(exit), Some(tape)) => tape.close(entry, *exit),
            (Event::Expire { .. } | Event::Rule { .. } | Event::Signal { .. } | Event::End, _)
            | (_, None) => {}
        }
    }
    let opening = opening.ok_or(TapeError::Pruned(span.first))?;
    Ok(Recording { opening, tapes, entries })
}
