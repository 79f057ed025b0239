//! The members of a team, and whether each can be equipped with what it needs.

use std::collections::{BTreeMap, BTreeSet};

use super::error::did_you_mean;
use super::needs::{Need, Needs};
use super::table::{Source, Table, Value};
use super::{CHILDREN_LIMIT, Child, ManifestError, budget, fields, needs};
use crate::{Rights, Use, Verb};

/// The root agent and its declared children, with the places of their needs.
pub struct Team {
    root: Needs,
    children: BTreeMap<String, Member>,
}

struct Member {
    child: Child,
    written: Vec<Need>,
    /// Where its label stands.
    span: std::ops::Range<usize>,
}

/// Reads `[needs]` and `[children.*]`.
pub fn read(document: &Table<'_>) -> Result<Team, ManifestError> {
    let mut children = BTreeMap::new();
    if let Some(section) = document.get("children") {
        for value in section.table()?.values() {
            if children.len() == CHILDREN_LIMIT {
                return Err(value.key_error(format!("more than {CHILDREN_LIMIT} children")));
            }
            children.insert(value.key.to_owned(), member(&value)?);
        }
    }
    Ok(Team { root: needs::read(document)?, children })
}

fn member(value: &Value<'_>) -> Result<Member, ManifestError> {
    if !fields::is_label(value.key) {
        return Err(
            value.key_error(format!("{:?}: a child's label is 1 to 64 of a-z, 0-9 and `-`", value.key))
        );
    }
    if fields::RESERVED.contains(&value.key) {
        return Err(
            value.key_error(format!("{:?} is a name of the host's own; choose another label", value.key))
        );
    }
    let table = value.table()?;
    table.known(&["component", "description", "needs", "budget"])?;
    let Needs { rights, written } = needs::read(&table)?;
    let child = Child {
        component: fields::component(&table)?,
        description: fields::description(&table)?,
        needs: rights,
        budget: budget::read(&table)?,
    };
    Ok(Member { child, written, span: value.key_span() })
}

impl Team {
    /// That every `spawn` names a child, that every child can be spawned, and that somebody who may
    /// spawn it may hand on each thing that it needs.
    ///
    /// This finds mistakes early; what a child really gets is decided when it is spawned.
    pub fn check(&self, source: &Source<'_>) -> Result<(), ManifestError> {
        let written = self.children.values().flat_map(|member| &member.written);
        for need in self.root.written.iter().chain(written) {
            self.check_spawn(source, need)?;
        }
        let reachable = self.reachable();
        for (label, member) in &self.children {
            if !reachable.contains(label.as_str()) {
                let message = format!("children.{label}: nobody may spawn it");
                let help = format!("add to [needs]: spawn = [{label:?}]");
                return Err(source.error(member.span.clone(), message, Some(help)));
            }
            for need in &member.written {
                self.check_handed(source, label, need)?;
            }
        }
        Ok(())
    }

    /// The root's needs and the children.
    pub fn into_parts(self) -> (Rights, BTreeMap<String, Child>) {
        let children = self.children.into_iter().map(|(label, member)| (label, member.child));
        (self.root.rights, children.collect())
    }

    fn check_spawn(&self, source: &Source<'_>, need: &Need) -> Result<(), ManifestError> {
        let object = &need.right.object;
        if need.right.verb != Verb::Spawn || self.children.keys().any(|label| object.covers(label)) {
            return Ok(());
        }
        let message = format!("spawn {:?}: no such child", object.as_str());
        let help = did_you_mean(object.as_str(), self.children.keys().map(String::as_str))
            .unwrap_or_else(|| format!("declare it: [children.{}]", object.as_str().escape_debug()));
        Err(source.error(need.span.clone(), message, Some(help)))
    }

    fn check_handed(&self, source: &Source<'_>, label: &str, need: &Need) -> Result<(), ManifestError> {
        let (verb, object) = (need.right.verb, &need.right.object);
        let mut parents = self.parents(label);
        if parents.any(|(_, held)| held.delegates(verb, object)) {
            return Ok(());
        }
        let section = match self.parents(label).next() {
            Some((Some(parent), _)) => format!("[children.{parent}.needs.delegate]"),
            _ => "[needs.delegate]".to_owned(),
        };
        let object = object.as_str();
        let message = format!("children.{label} needs {verb} {object:?}, which no parent may hand on");
        let help = format!("add to {section}: {verb} = [{object:?}]");
        Err(source.error(need.span.clone(), message, Some(help)))
    }

    /// The members other than itself that may spawn a child: the root first (without a label), then by
    /// label.
    fn parents<'a>(&'a self, label: &'a str) -> impl Iterator<Item = (Option<&'a str>, &'a Rights)> {
        let others = self.children.iter().filter(move |(other, _)| *other != label);
        let others = others.map(|(other, member)| (Some(other.as_str()), &member.child.needs));
        std::iter::once((None, &self.root.rights))
            .chain(others)
            .filter(move |(_, held)| may_spawn(held, label))
    }

    /// The children that the root may spawn, those that they may spawn, and so on.
    fn reachable(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open = vec![&self.root.rights];
        while let Some(held) = open.pop() {
            for (label, member) in &self.children {
                if may_spawn(held, label) && found.insert(label.as_str()) {
                    open.push(&member.child.needs);
                }
            }
        }
        found
    }
}

fn may_spawn(held: &Rights, label: &str) -> bool {
    held.iter().any(|right| right.verb == Verb::Spawn && right.using != Use::No && right.object.covers(label))
}
