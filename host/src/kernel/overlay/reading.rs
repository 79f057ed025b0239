//! Reading an overlay.

use std::collections::BTreeMap;

use super::look::{Ask, Found};
use super::{Over, Overlay, View};
use crate::kernel::answer::{Answer, Error};
use crate::kernel::decide::{Decided, Effect, done};
use crate::kernel::mount::listed;
use crate::kernel::path::RelPath;
use crate::kernel::ports::{Listed, Range};

impl Over<'_> {
    pub(in crate::kernel) fn read(&self, path: RelPath, range: Option<Range>) -> Result<Decided, Error> {
        Ok(match self.overlay.at(&path) {
            View::File(file) => {
                done(Answer::Content { digest: file.digest, size: file.size, from: Some(file.seq) })
            }
            View::Folder => return Err(Error::Invalid("path: a folder, not a file".into())),
            View::Gone => return Err(Error::NotFound),
            View::Base => Decided::Look(Effect::Read { mount: self.mount.into(), path, range }),
        })
    }

    pub(in crate::kernel) fn stat(&self, path: RelPath) -> Result<Decided, Error> {
        Ok(match self.overlay.at(&path) {
            View::File(file) => done(Answer::Stat(listed(path.name(), file))),
            View::Folder => done(Answer::Stat(folder(path.name()))),
            View::Gone => return Err(Error::NotFound),
            View::Base => Decided::Look(Effect::Stat { mount: self.mount.into(), path }),
        })
    }

    /// Lists a folder: the names of both, as if they were in one place.
    pub(in crate::kernel) fn list(
        &self,
        path: RelPath,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Decided, Error> {
        if let View::File(_) = self.overlay.at(&path) {
            return Err(Error::Invalid("path: a file, not a folder".into()));
        }
        let own = children(self.overlay, &path);
        let (base, ended): (&[Listed], bool) = match self.seen {
            _ if self.overlay.hides(&path) && own.is_empty() => return Err(Error::NotFound),
            _ if self.overlay.hides(&path) => (&[], true),
            Some(Found::Names { list: Ok(list), want }) => (list, list.len() < *want),
            Some(Found::Names { list: Err(Error::NotFound), .. }) if !own.is_empty() => (&[], true),
            Some(Found::Names { list: Err(error), .. }) => return Err(error.clone()),
            _ => return Ok(self.names(path, after, limit)),
        };
        let shown = base.iter().filter(|entry| !self.overlay.covers.contains_key(&below(&path, &entry.name)));
        let mut all: BTreeMap<&str, Listed> =
            shown.map(|entry| (entry.name.as_str(), entry.clone())).collect();
        all.extend(own.into_iter().filter(|(name, _)| after.is_none_or(|after| *name > after)));
        // Beyond the last name that was seen, the base may have others between.
        let last = base.last().filter(|_| !ended).map(|last| last.name.as_str());
        let part = all.into_iter().filter(|(name, _)| last.is_none_or(|last| *name <= last));
        let part: Vec<Listed> = part.map(|(_, entry)| entry).take(limit).collect();
        if part.len() < limit && !ended {
            return Ok(self.names(path, after, limit));
        }
        Ok(Decided::listing(&part))
    }

    /// Asks for so many names of the base that enough of them are shown, unless more is covered meanwhile.
    fn names(&self, folder: RelPath, after: Option<&str>, limit: usize) -> Decided {
        let covered = self.overlay.below(folder.as_str()).filter(|(rest, _)| !rest.contains('/')).count();
        self.look(Ask::Names { after: after.map(Into::into), want: limit + covered, folder })
    }
}

fn folder(name: &str) -> Listed {
    Listed { name: name.into(), directory: true, size: 0, digest: None }
}

fn below(folder: &RelPath, name: &str) -> String {
    if folder.is_root() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The entries of a folder that are the overlay's own.
fn children<'a>(overlay: &'a Overlay, path: &RelPath) -> BTreeMap<&'a str, Listed> {
    let files = overlay.below(path.as_str()).filter_map(|(rest, cover)| Some((rest, cover.now.as_ref()?)));
    let entries = files.map(|(rest, file)| match rest.split_once('/') {
        Some((name, _)) => (name, folder(name)),
        None => (rest, listed(rest, file)),
    });
    entries.collect()
}
