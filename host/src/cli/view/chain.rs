//! Why a process may do something, or may not: from the operator to the process, a step at a time, each with the line that it
//! stands on.

use authority::{Decision, Grant, Labels, Mode, Pattern, Right, Use, Verb, WrittenNeed};
use serde::Serialize;

use super::escape::{shell_word, visible};
use super::flags::model;
use crate::kernel::call::{Pid, Spec};
use crate::kernel::entry::Taken;
use crate::kernel::mount::SCRATCH;
use crate::kernel::state::{Proc, Run};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Who: `operator`, a process's name, `#17`.
    pub who: String,
    /// What it gives, and where that stands.
    pub what: String,
    /// Whether it gives it.
    pub holds: bool,
}

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The process.
    pub pid: Pid,
    /// What it does.
    pub verb: Verb,
    /// To what.
    pub object: &'a str,
}

/// What is known of a run beside its state.
#[derive(Debug, Default)]
pub struct Known {
    /// The operator's name for the standing grant, where it is still there.
    pub standing: Option<String>,
    /// The manifest's needs; none when it is not kept.
    pub needs: Option<Vec<WrittenNeed>>,
    /// Spawns that were answered, by the child.
    pub spawns: Vec<(Pid, u64, Spec)>,
    /// What was taken from whom, with its entry.
    pub taken: Vec<(u64, Pid, Taken)>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// What the rights say now.
    pub decision: Decision,
    /// From the operator on.
    pub steps: Vec<Step>,
}

/// The chain of a right. Without any right of its own, nothing is needed for the process's own scratch mount.
pub fn chain(run: &Run, known: &Known, asked: Asked<'_>) -> Option<Chain> {
    let me = run.proc(asked.pid)?;
    if matches!(asked.verb, Verb::Read | Verb::Write) && asked.object == SCRATCH {
        let what = "every process has its own mount `scratch`".to_owned();
        let step = Step { who: "host".into(), what, holds: true };
        return Some(Chain { decision: Decision::Allow, steps: vec![step] });
    }
    let link = Link { run, known, asked, pattern: asked.object.parse().ok() };
    let mut steps = link.operator();
    let path = path(run, me);
    for (at, of) in path.iter().enumerate() {
        let last = at + 1 == path.len();
        steps.extend(link.spawned(of));
        steps.push(link.member(of, !last));
        steps.extend(link.taken(of));
    }
    let decision = me.decision(asked.verb, asked.object);
    steps.extend(link.conditions(me, decision));
    Some(Chain { decision, steps })
}

/// The processes from the root to one.
fn path<'a>(run: &'a Run, me: &'a Proc) -> Vec<&'a Proc> {
    let mut path = vec![me];
    // A parent's number is less than its child's, so this ends.
    while let Some(parent) = path.last().and_then(|last| run.proc(last.parent?)) {
        path.push(parent);
    }
    path.reverse();
    path
}

struct Link<'a> {
    run: &'a Run,
    known: &'a Known,
    asked: Asked<'a>,
    /// The object, when it can be one of a right.
    pattern: Option<Pattern>,
}

impl Link<'_> {
    fn operator(&self) -> Vec<Step> {
        let grant: &Grant = &self.run.grant;
        let mut steps = Vec::new();
        if let Some(signer) = &grant.signer {
            let key: String = signer.key.to_string().trim_start_matches("sha256:").chars().take(8).collect();
            let version = grant.version.as_deref().unwrap_or_default();
            let what = format!("signed {} {version}, key {key}…", visible(&grant.package));
            steps.push(Step { who: visible(&signer.publisher), what, holds: true });
        }
        let (mut what, holds) = self.offered(grant);
        if let (Some(standing), true) = (&grant.standing, what.starts_with("--")) {
            let name = self.known.standing.as_ref().map_or_else(|| standing.short(), |name| visible(name));
            what = format!("{what} (standing grant {name})");
        }
        steps.push(Step { who: "operator".into(), what, holds });
        steps
    }

    /// What the operator gave of it, as a flag would.
    fn offered(&self, grant: &Grant) -> (String, bool) {
        let object = self.asked.object;
        match self.asked.verb {
            Verb::Read | Verb::Write => match grant.mounts.get(object) {
                Some(place) => {
                    let holds = self.asked.verb == Verb::Read || place.mode != Mode::Ro;
                    let flag = shell_word(&format!("{object}={}:{}", place.path, place.mode.as_str()));
                    (format!("--mount {flag}{}", if holds { "" } else { ", which is read-only" }), holds)
                }
                None => (format!("no --mount {}=…", visible(object)), false),
            },
            Verb::Infer => match grant.models.get(object) {
                Some(place) => {
                    let named = model(place).unwrap_or_else(|| place.model.clone());
                    (format!("--model {}", shell_word(&format!("{object}={named}"))), true)
                }
                None => (format!("no --model {}=…", visible(object)), false),
            },
            verb => {
                let needs_flag = !verb.inside() || grant.root.manifest.is_none();
                let held = grant.children.values().chain([&grant.root]).flat_map(|member| &member.rights);
                let holds = held.clone().any(|right| right.verb == verb && right.object.covers(object));
                let flag = shell_word(&format!("{verb}={object}"));
                match (verb, needs_flag, holds) {
                    (Verb::Log, ..) => ("everybody may log".to_owned(), true),
                    (_, true, true) => (format!("--allow {flag}"), true),
                    (_, true, false) => (format!("no --allow {flag}"), false),
                    (_, false, _) => ("it stays inside the run: the manifest is enough".to_owned(), true),
                }
            }
        }
    }

    /// The spawn by which a process came.
    fn spawned(&self, of: &Proc) -> Option<Step> {
        let (_, seq, spec) = self.known.spawns.iter().find(|(pid, ..)| *pid == of.pid)?;
        let parent = self.run.name(of.parent?);
        let object = self.pattern.as_ref();
        let (asked, holds) = match &spec.capabilities {
            None => ("all that may be handed on".to_owned(), true),
            Some(list) if list.is_empty() => ("nothing".to_owned(), false),
            Some(list) => {
                let each: Vec<String> = list
                    .iter()
                    .map(|(verb, object)| format!("{}={}", visible(verb), visible(object)))
                    .collect();
                let covers = |(verb, asked): &(String, String)| {
                    *verb == self.asked.verb.as_str()
                        && asked
                            .parse::<Pattern>()
                            .is_ok_and(|asked| object.is_some_and(|object| asked.covers_pattern(object)))
                };
                (each.join(" "), list.iter().any(covers))
            }
        };
        let free = object.is_some_and(|object| authority::Rights::free(self.asked.verb, object));
        let what = format!("{} spawns {}, asking for {asked}", visible(parent), visible(&of.name));
        Some(Step { who: format!("#{seq}"), what, holds: holds || free })
    }

    /// What the manifest says that a member needs: to use it, or to hand it on.
    fn member(&self, of: &Proc, hands_on: bool) -> Step {
        let who = format!("{} (/{})", visible(&of.name), of.pid);
        let section = match (of.member.as_str(), hands_on) {
            ("", false) => "[needs]".to_owned(),
            ("", true) => "[needs.delegate]".to_owned(),
            (member, false) => format!("[children.{}.needs]", visible(member)),
            (member, true) => format!("[children.{}.needs.delegate]", visible(member)),
        };
        let granted = match of.member.as_str() {
            "" => &self.run.grant.root,
            member => match self.run.grant.children.get(member) {
                Some(granted) => granted,
                None => return Step { who, what: "is not in the grant".into(), holds: false },
            },
        };
        let covers = |right: &&Right| {
            let half = if hands_on { right.delegate } else { right.using };
            right.verb == self.asked.verb && half != Use::No && right.object.covers(self.asked.object)
        };
        let holds = granted.rights.iter().any(|right| covers(&right));
        let free =
            self.pattern.as_ref().is_some_and(|object| authority::Rights::free(self.asked.verb, object));
        if granted.manifest.is_none() {
            return Step { who, what: "has no manifest: the operator's word is enough".into(), holds };
        }
        let what = match (self.written(&of.member, hands_on), &self.known.needs) {
            _ if free => format!("needs no one's leave to {}", self.asked.verb),
            (Some(need), _) => format!("agent.toml:{}  {section} {}", need.line, visible(&need.text)),
            (None, Some(_)) => {
                format!(
                    "agent.toml has no {} = [{:?}] in {section}",
                    self.asked.verb,
                    visible(self.asked.object)
                )
            }
            (None, None) if holds => format!("{section}; its manifest is not kept"),
            (None, None) => format!("nothing in {section}; its manifest is not kept"),
        };
        Step { who, what, holds: holds || free }
    }

    fn written(&self, member: &str, hands_on: bool) -> Option<&WrittenNeed> {
        let object = self.pattern.as_ref()?;
        let needs = self.known.needs.as_ref()?;
        needs.iter().find(|need| need.covers(member, self.asked.verb, object, hands_on))
    }

    /// What was taken from a process of what is asked about.
    fn taken<'b>(&'b self, of: &'b Proc) -> impl Iterator<Item = Step> + 'b {
        let taken = self.known.taken.iter().filter(|(_, pid, _)| *pid == of.pid);
        taken.filter_map(|(seq, pid, what)| {
            let what = match what {
                Taken::All => "all rights were taken".to_owned(),
                Taken::Ended => "rights ended".to_owned(),
                Taken::Right { verb, object } => {
                    let met = self.pattern.as_ref().is_some_and(|asked| asked.meet(object).is_some());
                    if *verb != self.asked.verb || !met {
                        return None;
                    }
                    format!("{verb} {} was taken", visible(object.as_str()))
                }
            };
            // Rights of other objects may have ended.
            let holds = of.may(self.asked.verb, self.asked.object);
            Some(Step {
                who: format!("#{seq}"),
                what: format!("{what} from /{pid} and what it spawned"),
                holds,
            })
        })
    }

    /// Under what it holds.
    fn conditions(&self, me: &Proc, decision: Decision) -> Vec<Step> {
        let covering = |right: &&Right| {
            right.verb == self.asked.verb && right.using != Use::No && right.object.covers(self.asked.object)
        };
        let rights = me.rights.iter().filter(covering);
        let mut steps = Vec::new();
        let who = format!("{} (/{})", visible(&me.name), me.pid);
        if let Some(right) = rights.clone().find(|right| right.unless.intersects(&me.labels))
            && decision == Decision::Deny
        {
            let carried: Vec<String> =
                right.unless.iter().filter(|label| me.labels.contains(label)).map(visible).collect();
            let what = format!("carries {}: not after that (unless)", carried.join(", "));
            steps.push(Step { who: who.clone(), what, holds: false });
        }
        let until = rights.clone().filter_map(|right| right.until).max();
        if let (Some(until), false) = (until, rights.clone().any(|right| right.until.is_none())) {
            let what = format!("until {}", super::time::rfc3339(until));
            steps.push(Step { who: who.clone(), what, holds: true });
        }
        let unless = rights.fold(Labels::default(), |all, right| all.union(&right.unless));
        if !unless.is_empty() && decision != Decision::Deny {
            steps.push(Step {
                who: who.clone(),
                what: format!("unless it carries {}", visible(&unless.to_string())),
                holds: true,
            });
        }
        if decision == Decision::Ask {
            steps.push(Step { who, what: "each such call waits for you (--ask)".into(), holds: true });
        }
        steps
    }
}

/// The steps as aligned lines; those that do not hold are marked.
pub fn lines(chain: &Chain) -> Vec<String> {
    let width = chain.steps.iter().map(|step| step.who.chars().count()).max().unwrap_or(0);
    let line = |step: &Step| {
        let mark = if step.holds { " " } else { "✗" };
        format!("{mark} {:<width$}  {}", step.who, step.what)
    };
    chain.steps.iter().map(line).collect()
}
