//! Why a call was denied, and what would have allowed it: from the call, the grant and what the process holds.

use authority::{Grant, Mode, Right, Use, Verb};
use serde::Serialize;

use super::escape::{shell_word, visible};
use super::process::Carried;
use crate::kernel::call::Call;
use crate::kernel::need::need;
use crate::kernel::state::{Proc, Run};

/// What would have allowed a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// A flag of `run`, fit for a shell.
    Flag(String),
    /// A line of the manifest.
    Manifest(String),
    /// What can be done instead, each fit for a terminal.
    Options(Vec<String>),
    /// Nothing that can be given.
    Nothing,
}

/// What a call is about, for people: `docs:plan.md`; empty when it is about nothing with a name.
pub fn subject(call: &Call) -> String {
    match call {
        Call::Read { mount, path, .. }
        | Call::Write { mount, path, .. }
        | Call::List { mount, path, .. }
        | Call::Stat { mount, path }
        | Call::Remove { mount, path, .. } => visible(&format!("{mount}:{path}")),
        Call::Rename { mount, source, target, .. } => visible(&format!("{mount}:{source} to {target}")),
        Call::Get { digest } => visible(digest),
        Call::Oversized { verb, size, .. } => visible(&format!("{verb} {size}")),
        _ => need(call).map(|(_, object)| visible(object)).unwrap_or_default(),
    }
}

/// Why a process's call was denied, and what would have allowed it. Of the process: its label in the team, and where it took
/// on what it carries, as far as that is known.
pub fn explain(call: &Call, run: &Run, me: &Proc, (member, carried): (&str, &[Carried])) -> (String, Remedy) {
    let Some((verb, object)) = need(call) else {
        return ("it is not this process's".into(), Remedy::Nothing);
    };
    let artifact = run
        .by_digest
        .iter()
        .find(|(digest, _)| matches!(call, Call::Get { digest: d } if *d == digest.to_string()));
    let object = artifact.map_or(object, |(_, at)| &run.artifacts[*at].artifact.kind);
    let here = Denied { verb, object, grant: &run.grant, me, member, carried };
    here.place().or_else(|| here.held_back()).unwrap_or_else(|| here.missing())
}

struct Denied<'a> {
    verb: Verb,
    object: &'a str,
    grant: &'a Grant,
    me: &'a Proc,
    member: &'a str,
    carried: &'a [Carried],
}

impl Denied<'_> {
    /// The label means nothing on this machine, or not enough.
    fn place(&self) -> Option<(String, Remedy)> {
        let label = visible(self.object);
        let flag = |value: String| {
            let (flag, value) = value.split_once(' ').unwrap_or(("", &value));
            format!("{flag} {}", shell_word(value))
        };
        let (why, value) = match self.verb {
            Verb::Read | Verb::Write => match self.grant.mounts.get(self.object) {
                None => {
                    let mode = if self.verb == Verb::Write { "rw" } else { "ro" };
                    (format!("no mount \"{label}\" granted"), format!("--mount {}=DIR:{mode}", self.object))
                }
                Some(place) if self.verb == Verb::Write && place.mode == Mode::Ro => (
                    format!("mount \"{label}\" is read-only"),
                    format!("--mount {}={}:rw", self.object, place.path),
                ),
                Some(_) => return None,
            },
            Verb::Infer if !self.grant.models.contains_key(self.object) => {
                (format!("no model \"{label}\" granted"), format!("--model {}=MODEL@URL", self.object))
            }
            Verb::Spawn if !self.grant.children.contains_key(self.object) => {
                let line = format!("a section [children.{label}], and it in the spawner's needs");
                return Some((format!("no child \"{label}\" in the manifest"), Remedy::Manifest(line)));
            }
            _ => return None,
        };
        // With a manifest, a flag gives only what the manifest asks for.
        Some((why, if self.asked() { Remedy::Flag(flag(value)) } else { self.manifest() }))
    }

    /// There is a right, but not now.
    fn held_back(&self) -> Option<(String, Remedy)> {
        let covers = |right: &&Right| right.verb == self.verb && right.object.covers(self.object);
        let mut rights = self.me.rights.iter().filter(covers);
        let label =
            rights.clone().find_map(|right| right.unless.iter().find(|label| self.me.labels.contains(label)));
        if let Some(label) = label {
            return Some(self.carries(label));
        }
        if rights.clone().any(|right| right.using == Use::Ask) {
            return Some(("you were asked, and denied it".into(), Remedy::Nothing));
        }
        if rights.clone().any(|right| right.using == Use::Allow) {
            let why = match self.verb {
                Verb::Read | Verb::Write => "it leads out of the mount, or is no plain file",
                Verb::Spawn => "it asks for more than may be handed on",
                _ => "its object refuses it",
            };
            return Some((why.into(), Remedy::Nothing));
        }
        let only_hands_on = rights.any(|right| right.using == Use::No);
        only_hands_on.then(|| ("it may hand this right on, not use it".into(), self.manifest()))
    }

    /// There is a right, which a category that the process carries keeps from holding.
    fn carries(&self, label: &str) -> (String, Remedy) {
        let taken = self.carried.iter().find(|carried| carried.label == label);
        let taken = taken.map(|carried| format!(", taken on with #{} {}", carried.entry, carried.by));
        let why = format!("it carries \"{}\"{}", visible(label), taken.unwrap_or_default());
        let right = format!("{}={}", self.verb, self.object);
        let shed = format!("--allow {}", shell_word(&format!("declassify={label}")));
        let may = self.me.may(Verb::Declassify, label);
        let shed = match (self.grant.root.manifest, self.member) {
            _ if may => "it may shed the category itself: declassify".to_owned(),
            (None, _) => format!("{shed} lets it shed the category itself"),
            (Some(_), "") => {
                format!(
                    "declassify = [{:?}] in [needs] and {shed}: it may shed the category itself",
                    visible(label)
                )
            }
            (Some(_), member) => format!(
                "declassify = [{:?}] in [children.{}.needs], the parent's to hand on, and {shed}: it may shed the \
                 category itself",
                visible(label),
                visible(member)
            ),
        };
        let other = format!("have a process do it that has not read \"{}\" data", visible(label));
        let lift = format!(
            "take \"{}\" out of what {} must not be done after (unless)",
            visible(label),
            visible(&right)
        );
        (why, Remedy::Options(vec![other, shed, lift]))
    }

    /// There is no right.
    fn missing(&self) -> (String, Remedy) {
        let why = format!("no right to {} {}", self.verb, visible(self.object)).trim_end().to_owned();
        match self.grant.root.manifest {
            None if self.object.parse::<authority::Pattern>().is_err() => (why, Remedy::Nothing),
            None => (
                why,
                Remedy::Flag(format!("--allow {}", shell_word(&format!("{}={}", self.verb, self.object)))),
            ),
            Some(_) => (why, self.manifest()),
        }
    }

    /// Whether a flag is enough: there is no manifest, or it asks for this.
    fn asked(&self) -> bool {
        let member = self.grant.children.get(self.member).unwrap_or(&self.grant.root);
        let covers = |right: &Right| right.verb == self.verb && right.object.covers(self.object);
        self.grant.root.manifest.is_none() || member.rights.iter().any(covers)
    }

    fn manifest(&self) -> Remedy {
        let line = format!("{} = [{:?}]", self.verb, visible(self.object));
        Remedy::Manifest(match self.member {
            "" => format!("{line} in [needs]"),
            member => format!("{line} in [children.{}.needs], and the parent's to hand on", visible(member)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Log};
    use super::*;
    use crate::kernel::answer::Error;
    use crate::kernel::call::{Condition, Priority};

    fn send(to: &str) -> Call {
        Call::Send { to: to.into(), priority: Priority::Normal, in_reply_to: None, wait: None }
    }

    fn write(mount: &str) -> Call {
        Call::Write { mount: mount.into(), path: "a".into(), condition: Condition::Any }
    }

    fn explained(log: &mut Log, pid: u32, call: Call) -> (String, Remedy) {
        let refusal = log.refused(pid, call, Error::Denied);
        (refusal.why, refusal.remedy)
    }

    #[test]
    fn without_a_manifest_a_flag_is_enough() {
        let mut log = Log::new(fixture::alone());
        log.start_root("hello");
        let (why, remedy) = explained(&mut log, 1, send("writer"));
        assert_eq!(
            (why.as_str(), remedy),
            ("no right to send writer", Remedy::Flag("--allow send=writer".into()))
        );
        let (why, remedy) = explained(&mut log, 1, write("my site"));
        assert_eq!(why, "no mount \"my site\" granted");
        assert_eq!(remedy, Remedy::Flag("--mount 'my site=DIR:rw'".into()));
        let (_, remedy) = explained(&mut log, 1, Call::Get { digest: "sha256:00".into() });
        assert_eq!(remedy, Remedy::Flag("--allow 'get=*'".into()));
        let (why, remedy) = explained(&mut log, 1, send("$exit"));
        assert_eq!((why.as_str(), remedy), ("no right to send $exit", Remedy::Nothing));
    }

    #[test]
    fn a_name_that_a_guest_made_up_cannot_steer_the_terminal() {
        let mut log = Log::new(fixture::alone());
        log.start_root("hello");
        let refusal = log.refused(1, fixture::read("a\u{1b}[2J", "b\n"), Error::Denied);
        let lines = refusal.lines(1, None).concat();
        assert!(!lines.contains(['\u{1b}', '\n']), "{lines}");
    }

    #[test]
    fn a_team_mends_its_manifest() {
        let mut log = Log::new(fixture::team());
        log.start_root("coordinator");
        log.start_child(2, "writer");
        let (why, remedy) = explained(&mut log, 2, fixture::read("notes", ""));
        assert_eq!(why, "no right to read notes");
        let line = "read = [\"notes\"] in [children.writer.needs], and the parent's to hand on";
        assert_eq!(remedy, Remedy::Manifest(line.into()));
        let (why, remedy) = explained(&mut log, 1, write("site"));
        assert_eq!(why, "it may hand this right on, not use it");
        assert_eq!(remedy, Remedy::Manifest("write = [\"site\"] in [needs]".into()));
        let (why, _) = explained(&mut log, 2, write("notes"));
        assert_eq!(why, "mount \"notes\" is read-only");
    }
}
