//! Changing an overlay. A change of a path that is not covered yet has to know what the base has there, so it looks first;
//! whether its condition holds is decided under the kernel's lock. So of two that looked, one comes first, and the other one's
//! condition meets what the first has written.

use std::collections::{BTreeMap, BTreeSet};

use audit::Digest;
use bytes::Bytes;

use super::look::Ask;
use super::{Base, Over, View};
use crate::kernel::answer::{Answer, Error};
use crate::kernel::decide::Decided;
use crate::kernel::effect::Performed;
use crate::kernel::mount::{BLOCKED, holds};
use crate::kernel::path::RelPath;
use crate::kernel::ports::Expect;
use crate::limits::{OVERLAY_BYTES, OVERLAY_FILES};

/// A change that may be made.
#[derive(Debug)]
pub(in crate::kernel) struct Change {
    /// What it answers.
    pub answer: Answer,
    /// What the base has at the paths that it covers for the first time.
    pub base: BTreeMap<String, Base>,
    /// What it takes over from the base.
    pub content: Option<(Bytes, Digest)>,
}

impl From<Change> for Performed {
    fn from(change: Change) -> Performed {
        let Change { answer, base, content } = change;
        let (body, digest) = content.unzip();
        Performed { body, digest, base, ..Performed::of(Ok(answer)) }
    }
}

/// What is at a path now.
struct Standing {
    shows: Shows,
    /// What the base has there, when the path is not covered yet.
    base: Option<Base>,
    /// Whether it is a folder of the base in which nothing is shown.
    bare: bool,
}

enum Shows {
    Nothing,
    File(Digest),
    Folder,
}

impl Standing {
    fn digest(&self) -> Option<&Digest> {
        match &self.shows {
            Shows::File(digest) => Some(digest),
            Shows::Nothing | Shows::Folder => None,
        }
    }
}

fn blocked() -> Error {
    Error::Invalid(BLOCKED.into())
}

impl Over<'_> {
    pub(in crate::kernel) fn write(
        &self,
        path: RelPath,
        expect: &Expect,
        size: u64,
        digest: Digest,
    ) -> Result<Decided, Error> {
        if self.overlay.through_file(&path) {
            return Err(blocked());
        }
        let Some(standing) = self.standing(&path)? else { return Ok(self.paths(vec![path], None)) };
        holds(expect, standing.digest())?;
        if matches!(standing.shows, Shows::Folder) {
            return Err(blocked());
        }
        let base = fresh(&[(&path, &standing)]);
        self.room(base.len(), size, self.size(&path))?;
        Ok(Decided::Cover(Change { answer: Answer::Digest(digest), base, content: None }))
    }

    pub(in crate::kernel) fn remove(&self, path: RelPath, expect: &Expect) -> Result<Decided, Error> {
        let Some(standing) = self.standing(&path)? else { return Ok(self.paths(vec![path], None)) };
        match &standing.shows {
            Shows::Nothing => return Err(Error::NotFound),
            Shows::File(digest) => holds(expect, Some(digest))?,
            // A folder has no digest, and it is not nothing.
            Shows::Folder if *expect != Expect::Any || !standing.bare => return Err(Error::Conflict(None)),
            Shows::Folder => {}
        }
        let base = fresh(&[(&path, &standing)]);
        self.room(base.len(), 0, 0)?;
        Ok(Decided::Cover(Change { answer: Answer::Done, base, content: None }))
    }

    /// A file of the base is taken over: its content becomes this entry's body.
    pub(in crate::kernel) fn rename(
        &self,
        source: RelPath,
        target: RelPath,
        expect: &Expect,
    ) -> Result<Decided, Error> {
        if source == target {
            return Err(Error::Invalid("source and target are the same file".into()));
        }
        let (from, to) = (self.standing(&source)?, self.standing(&target)?);
        let (Some(from), Some(to)) = (&from, &to) else {
            let unknown = |path: &RelPath| matches!(self.overlay.at(path), View::Base);
            let take = unknown(&source).then(|| source.clone());
            return Ok(self.paths([source, target].into_iter().filter(unknown).collect(), take));
        };
        match from.shows {
            Shows::File(_) => {}
            Shows::Nothing => return Err(Error::NotFound),
            Shows::Folder => return Err(Error::Invalid("source: a folder, not a file".into())),
        }
        holds(expect, to.digest())?;
        if matches!(to.shows, Shows::Folder) || self.overlay.through_file(&target) {
            return Err(blocked());
        }
        let there = self.seen.and_then(|seen| seen.at(&source)).and_then(|seen| seen.as_ref().ok());
        let (answer, content) = match (&from.base, there.and_then(|there| there.content.clone())) {
            (Some(Base::File { digest, size }), Some(content)) => {
                (Answer::Content { digest: *digest, size: *size, from: None }, Some((content, *digest)))
            }
            (Some(_), _) => return Err(Error::NotFound),
            (None, _) => (Answer::Done, None),
        };
        let grows = content.as_ref().map_or(0, |(content, _)| content.len() as u64);
        let base = fresh(&[(&source, from), (&target, to)]);
        self.room(base.len(), grows, self.size(&target))?;
        Ok(Decided::Cover(Change { answer, base, content }))
    }

    /// What is at a path; none when the base has to be looked at for that.
    fn standing(&self, path: &RelPath) -> Result<Option<Standing>, Error> {
        let shows = match self.overlay.at(path) {
            View::File(file) => Shows::File(file.digest),
            View::Folder => Shows::Folder,
            View::Gone => Shows::Nothing,
            View::Base => {
                let Some(there) = self.seen.and_then(|seen| seen.at(path)) else { return Ok(None) };
                let there = there.as_ref().map_err(Error::clone)?;
                let shows = match there.base {
                    Base::Absent => Shows::Nothing,
                    Base::File { digest, .. } => Shows::File(digest),
                    Base::Folder => Shows::Folder,
                };
                return Ok(Some(Standing { shows, base: Some(there.base.clone()), bare: there.bare }));
            }
        };
        // Below what is covered, the base has nothing.
        let base = (!self.overlay.covers.contains_key(path.as_str())).then_some(Base::Absent);
        Ok(Some(Standing { shows, base, bare: false }))
    }

    /// The size of the overlay's own file at a path.
    fn size(&self, path: &RelPath) -> u64 {
        self.overlay
            .covers
            .get(path.as_str())
            .and_then(|cover| cover.now.as_ref())
            .map_or(0, |file| file.size)
    }

    /// Whether so many paths more, and so many bytes, fit.
    fn room(&self, paths: usize, grows: u64, shrinks: u64) -> Result<(), Error> {
        if self.overlay.covers.len() + paths > OVERLAY_FILES {
            return Err(Error::TooLarge(OVERLAY_FILES as u64));
        }
        if self.overlay.bytes.saturating_sub(shrinks).saturating_add(grows) > OVERLAY_BYTES {
            return Err(Error::TooLarge(OVERLAY_BYTES));
        }
        Ok(())
    }

    /// Looks at paths of the base; names that were removed do not count in a folder.
    fn paths(&self, at: Vec<RelPath>, take: Option<RelPath>) -> Decided {
        let names = at.iter().flat_map(|path| self.overlay.below(path.as_str())).map(|(rest, _)| rest);
        let gone: BTreeSet<String> = names.filter(|rest| !rest.contains('/')).map(str::to_owned).collect();
        self.look(Ask::Paths { at, take, gone })
    }
}

/// What the base has at those of the paths that are covered for the first time.
fn fresh(standing: &[(&RelPath, &Standing)]) -> BTreeMap<String, Base> {
    let fresh = standing.iter().filter_map(|(path, standing)| Some((path.as_str(), standing.base.clone()?)));
    fresh.map(|(path, base)| (path.to_owned(), base)).collect()
}
