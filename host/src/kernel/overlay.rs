//! Overlays: what a run changes in a directory of the operator's, as kernel state. The directory, its base, is only read.
//!
//! A path is covered once a process has changed it. From then on the state answers for it, and the base is not looked at
//! again; what the base had there at that time is kept, so that whoever applies the overlay can tell whether the base has
//! changed since. What is not covered is read from the base as it is at the time of the call.
//!
//! - [`reading`], [`change`]: the decisions, pure: from the state and, where that does not tell, from what was seen.
//! - [`settle`]: the operator's entries, once the run has ended.
//! - [`look`]: looks at the base. What was seen is decided upon under the kernel's lock, with the state as it is then.

use std::collections::BTreeMap;

use audit::Digest;
use serde::{Deserialize, Serialize};

use super::decide::{Decided, Effect};
use super::path::RelPath;
use super::state::File;

pub(super) mod change;
pub mod look;
pub(super) mod reading;
mod settle;

use look::{Ask, Found};

/// An overlay of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    /// What has been changed, by path.
    pub covers: BTreeMap<String, Cover>,
    /// Of all files in it.
    pub bytes: u64,
}

/// A path that a process has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// What the base had there when it was covered.
    pub base: Base,
    /// The file that is there now; absent where the base's was removed.
    pub now: Option<File>,
}

/// What a base has at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Base {
    /// Nothing.
    Absent,
    /// A plain file.
    File {
        /// Of its bytes.
        digest: Digest,
        /// In bytes.
        size: u64,
    },
    /// A folder.
    Folder,
}

/// How far the operator's settlement of an overlay has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settlement {
    /// It is being written into its base: recorded before the first change there.
    Applies,
    /// All of it is in its base.
    Applied,
    /// It was given up.
    Discarded,
}

/// What an overlay says of a path.
#[derive(Debug)]
pub(super) enum View<'a> {
    /// This file.
    File(&'a File),
    /// A folder: a file of the overlay is below it.
    Folder,
    /// Nothing.
    Gone,
    /// Whatever the base has.
    Base,
}

/// The paths above a path, the longest last.
fn above(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

impl Overlay {
    /// What it says of a path.
    pub(super) fn at(&self, path: &RelPath) -> View<'_> {
        let text = path.as_str();
        match self.covers.get(text).map(|cover| &cover.now) {
            Some(Some(file)) => View::File(file),
            _ if self.holds_below(path) => View::Folder,
            _ if self.hides(path) => View::Gone,
            _ => View::Base,
        }
    }

    /// Whether what the base has at a path, and below it, is not shown.
    pub fn hides(&self, path: &RelPath) -> bool {
        let text = path.as_str();
        !path.is_root() && (self.covers.contains_key(text) || self.hides_above(path))
    }

    /// Whether something above a path is covered, so that there is nothing of the base at it.
    pub fn hides_above(&self, path: &RelPath) -> bool {
        above(path.as_str()).any(|above| self.covers.contains_key(above))
    }

    /// Whether a file of the overlay is below a path.
    pub fn holds_below(&self, path: &RelPath) -> bool {
        self.below(path.as_str()).any(|(_, cover)| cover.now.is_some())
    }

    /// Whether a file of the overlay stands where a path needs a folder.
    fn through_file(&self, path: &RelPath) -> bool {
        above(path.as_str()).any(|above| self.covers.get(above).is_some_and(|cover| cover.now.is_some()))
    }

    /// What is covered below a folder, by the rest of its path.
    pub(super) fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = (&'a str, &'a Cover)> + use<'a> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let all = self
            .covers
            .range::<str, _>((std::ops::Bound::Included(prefix.as_str()), std::ops::Bound::Unbounded));
        all.map_while(move |(path, cover)| Some((path.strip_prefix(&prefix)?, cover)))
    }

    /// Changes a path; a path that was not covered needs to be told what its base has.
    pub(super) fn set(
        &mut self,
        path: &str,
        base: Option<&Base>,
        now: Option<File>,
    ) -> Result<(), &'static str> {
        let size = |file: &Option<File>| file.as_ref().map_or(0, |file| file.size);
        if !self.covers.contains_key(path) {
            let base = base.ok_or("what the base has there is missing")?.clone();
            self.covers.insert(path.to_owned(), Cover { base, now: None });
        }
        let cover = self.covers.get_mut(path).ok_or("it is not covered")?;
        self.bytes = self.bytes.saturating_sub(size(&cover.now)).saturating_add(size(&now));
        cover.now = now;
        if cover.now.is_none() && cover.base == Base::Absent {
            self.covers.remove(path);
        }
        Ok(())
    }
}

/// A call on an overlay.
#[derive(Clone, Copy)]
pub(super) struct Over<'a> {
    /// The overlay.
    pub overlay: &'a Overlay,
    /// Its label.
    pub mount: &'a str,
    /// What was seen of its base for this call.
    pub seen: Option<&'a Found>,
}

impl Over<'_> {
    fn look(&self, ask: Ask) -> Decided {
        Decided::Look(Effect::Base { mount: self.mount.into(), ask })
    }
}
