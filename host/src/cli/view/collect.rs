//! From entries to [`Facts`]: what each call that ended did. The kernel's state, before and after the entry, says what the
//! entry leaves out.

use std::collections::BTreeMap;

use audit::Digest;

use super::ending::cause;
use super::fact::{Act, Approval, Asked, Facts, FileFact, Inference, Made, Message, ModelUse, Ruled};
use super::remedy::subject;
use crate::kernel::answer::{Answer, Error, Spent};
use crate::kernel::call::{Call, Pid, Question};
use crate::kernel::entry::{Entry, Event};
use crate::kernel::mount::SCRATCH;
use crate::kernel::overlay::Base;
use crate::kernel::state::Run;

/// What is known of calls that have not ended. Bounded by what processes may have open.
#[derive(Debug, Default)]
pub struct Collector {
    /// Questions without a whole answer, by who asked and the entry.
    questions: BTreeMap<(Pid, u64), Open>,
    /// Places of kept messages that nobody has received, by the entry.
    sent: BTreeMap<u64, usize>,
}

#[derive(Debug)]
struct Open {
    place: Option<usize>,
    model: String,
    since: u64,
}

/// A call that has ended, with what it carried.
pub struct Ended<'a> {
    /// The call.
    pub call: &'a Call,
    /// How it ended.
    pub out: &'a Result<Answer, Error>,
    /// The entry that it began with.
    pub began: u64,
    /// Bytes that it carried.
    pub size: u64,
}

/// What the state knew before an entry with which a call takes effect.
pub struct Before {
    /// Of the file that the call is about.
    digest: Option<Digest>,
}

impl Before {
    /// Of a process's call. One that began earlier, outside, said in its intent what is there; in an overlay, what is not
    /// covered is in its `base`.
    pub fn of(run: Option<&Run>, pid: Pid, call: &Call, base: &BTreeMap<String, Base>) -> Before {
        let me = run.and_then(|run| run.proc(pid));
        let said = me.and_then(|me| me.pending.as_ref()?.previous);
        let (Call::Write { mount, path, .. }
        | Call::Remove { mount, path, .. }
        | Call::Rename { mount, source: path, .. }) = call
        else {
            return Before { digest: None };
        };
        let digest = match run.and_then(|run| run.overlays.get(mount)) {
            Some(overlay) => match (overlay.covers.get(path), base.get(path)) {
                (Some(cover), _) => cover.now.as_ref().map(|file| file.digest),
                (None, Some(Base::File { digest, .. })) => Some(*digest),
                (None, Some(Base::Absent | Base::Folder) | None) => None,
            },
            None if mount == SCRATCH => me.and_then(|me| me.scratch.get(path)).map(|file| file.digest),
            None => said,
        };
        Before { digest }
    }
}

impl Collector {
    /// Takes an entry that was applied. `ended` is the call that ended with it.
    pub fn take(&mut self, facts: &mut Facts, run: &Run, entry: &Entry, ended: Option<(Ended<'_>, Before)>) {
        let pid = entry.pid;
        match &entry.event {
            Event::Ask { call } => {
                let (verb, object) = (call.verb(), subject(call));
                facts.approvals.add(Approval {
                    entry: entry.seq,
                    pid,
                    verb,
                    object,
                    time: entry.t,
                    ruled: None,
                });
            }
            Event::Rule { of, allow, .. } => {
                let asked = facts.approvals.first.iter_mut().rev().find(|asked| asked.entry == *of);
                if let Some(asked) = asked {
                    asked.ruled = Some(Ruled { entry: entry.seq, time: entry.t, allow: *allow });
                }
            }
            Event::Intent { call: Call::Generate(question), .. } => {
                self.question(facts, entry, question, false);
            }
            Event::Intent { call: Call::Stream(question), .. } => self.question(facts, entry, question, true),
            Event::Exit(_) => self.questions.retain(|(of, _), _| *of != pid),
            Event::Run(_)
            | Event::Start(_)
            | Event::Call { .. }
            | Event::Wait { .. }
            | Event::Intent { .. }
            | Event::Outcome { .. }
            | Event::Signal { .. }
            | Event::Revoke { .. }
            | Event::Fund { .. }
            | Event::Warn { .. }
            | Event::Bill { .. }
            | Event::Expire { .. }
            | Event::Resume(_)
            | Event::Overlay { .. }
            | Event::Erase(_)
            | Event::End => {}
        }
        let Some((ended, before)) = ended else { return };
        match ended.out {
            Ok(answer) => self.did(facts, run, entry, (&ended, answer), before),
            Err(error) => match ended.call {
                Call::Generate(_) | Call::Stream(_) => {
                    self.answered(facts, (pid, ended.began), entry.t, Asked::Failed, Err(Some(error)));
                }
                Call::Next { generation } => {
                    self.answered(facts, (pid, *generation), entry.t, Asked::Ended, Err(Some(error)));
                }
                _ => {}
            },
        }
    }

    fn question(&mut self, facts: &mut Facts, entry: &Entry, question: &Question, streamed: bool) {
        let place = facts.inferences.add(Inference {
            entry: entry.seq,
            pid: entry.pid,
            model: question.model.clone(),
            streamed,
            time: entry.t,
            took: None,
            waited: None,
            asked: Asked::Open,
            tokens_in: None,
            tokens_out: None,
            micro_usd: 0,
            by: None,
            fault: None,
        });
        let of = facts
            .models
            .entry(question.model.clone())
            .or_insert_with(|| ModelUse { model: question.model.clone(), ..ModelUse::default() });
        of.asked += 1;
        let open = Open { place, model: question.model.clone(), since: entry.t };
        self.questions.insert((entry.pid, entry.seq), open);
    }

    fn answered(
        &mut self,
        facts: &mut Facts,
        which: (Pid, u64),
        now: u64,
        asked: Asked,
        spent: Result<&Spent, Option<&Error>>,
    ) {
        let Some(open) = self.questions.remove(&which) else { return };
        let took = now.saturating_sub(open.since);
        let usage = spent.ok().and_then(|spent| spent.usage);
        let micro_usd = spent.map_or(0, |spent| spent.micro_usd);
        let waited = spent.ok().map(|spent| spent.waited);
        if let Some(of) = facts.models.get_mut(&open.model) {
            of.failed += u64::from(asked == Asked::Failed);
            of.took += took;
            of.waited += waited.unwrap_or(0);
            of.tokens_in += usage.map_or(0, |usage| usage.tokens_in);
            of.tokens_out += usage.map_or(0, |usage| usage.tokens_out);
            of.micro_usd += micro_usd;
        }
        if let Some(kept) = open.place.and_then(|place| facts.inferences.first.get_mut(place)) {
            kept.took = Some(took);
            kept.waited = waited;
            kept.asked = asked;
            kept.tokens_in = usage.map(|usage| usage.tokens_in);
            kept.tokens_out = usage.map(|usage| usage.tokens_out);
            kept.micro_usd = micro_usd;
            kept.by = spent.ok().and_then(|spent| spent.model.clone());
            kept.fault = spent.err().flatten().map(cause);
        }
    }

    fn did(
        &mut self,
        facts: &mut Facts,
        run: &Run,
        entry: &Entry,
        (ended, answer): (&Ended<'_>, &Answer),
        before: Before,
    ) {
        let pid = entry.pid;
        match (ended.call, answer) {
            (Call::Send { to, .. }, _) => {
                let parent = run.proc(pid).and_then(|me| me.parent);
                let to = if to == "parent" { parent } else { run.names.get(to).copied() };
                self.message(facts, run, entry, (ended, to, None, 1));
            }
            (Call::Publish { topic }, Answer::Count(n)) => {
                self.message(facts, run, entry, (ended, None, Some(topic.clone()), u64::from(*n)));
            }
            (Call::Receive { .. }, Answer::Message(head)) => {
                let place = self.sent.remove(&head.id);
                if let Some(message) = place.and_then(|place| facts.messages.first.get_mut(place)) {
                    message.received = Some((pid, entry.t));
                }
            }
            (
                Call::Read { mount, path, .. }
                | Call::Write { mount, path, .. }
                | Call::Remove { mount, path, .. }
                | Call::Rename { mount, source: path, .. },
                _,
            ) => {
                if let Some(file) = file(entry, ended, answer, (mount, path), before.digest) {
                    let list = if file.act == Act::Read { &mut facts.reads } else { &mut facts.changes };
                    list.add(file);
                }
            }
            (Call::Put(_), Answer::Digest(digest)) => {
                let stored = run.by_digest.get(digest).and_then(|at| run.artifacts.get(*at));
                // Put a second time, it is still the first one.
                if let Some(stored) = stored.filter(|stored| stored.seq == ended.began) {
                    facts.artifacts.add(Made { entry: stored.seq, artifact: stored.artifact.clone() });
                }
            }
            (Call::Generate(_), Answer::Completion(spent)) => {
                self.answered(facts, (pid, ended.began), entry.t, Asked::Answered, Ok(spent));
            }
            (Call::Next { generation }, Answer::Chunk { spent: Some(spent) }) => {
                self.answered(facts, (pid, *generation), entry.t, Asked::Answered, Ok(spent));
            }
            (Call::Cancel { generation }, _) => {
                self.answered(facts, (pid, *generation), entry.t, Asked::Ended, Err(None));
            }
            _ => {}
        }
    }

    fn message(
        &mut self,
        facts: &mut Facts,
        run: &Run,
        entry: &Entry,
        (ended, to, topic, reached): (&Ended<'_>, Option<Pid>, Option<String>, u64),
    ) {
        let place = facts.messages.add(Message {
            entry: ended.began,
            time: entry.t,
            from: entry.pid,
            to,
            topic,
            reached,
            size: ended.size,
            labels: run.proc(entry.pid).map(|me| me.labels.clone()).unwrap_or_default(),
            received: None,
        });
        self.sent.extend(place.map(|place| (ended.began, place)));
    }
}

fn file(
    entry: &Entry,
    ended: &Ended<'_>,
    answer: &Answer,
    (mount, path): (&str, &str),
    previous: Option<Digest>,
) -> Option<FileFact> {
    let (act, before, after, size, target) = match (ended.call, answer) {
        (Call::Read { .. }, Answer::Content { digest, size, .. }) => {
            (Act::Read, Some(*digest), Some(*digest), *size, None)
        }
        (Call::Write { .. }, Answer::Digest(digest)) => {
            (Act::Write, previous, Some(*digest), ended.size, None)
        }
        (Call::Remove { .. }, _) => (Act::Remove, previous, None, 0, None),
        (Call::Rename { target, .. }, _) => (Act::Rename, previous, previous, 0, Some(target.clone())),
        _ => return None,
    };
    let (mount, path) = (mount.to_owned(), path.to_owned());
    Some(FileFact { entry: entry.seq, pid: entry.pid, act, mount, path, target, before, after, size })
}
