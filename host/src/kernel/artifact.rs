//! Artifacts: results by content, with lineage.

use audit::Digest;
use authority::{Decision, Verb};

use super::answer::{Answer, Artifact, Error};
use super::call::{Filter, Pid, Put};
use super::decide::{Decided, done, valid_name};
use super::state::{File, Proc, Run, Stored};
use crate::limits::{ARTIFACTS, FILE_BYTES, LISTED, PARENTS};

fn digest(what: &str, text: &str) -> Result<Digest, Error> {
    text.parse().map_err(|error| Error::Invalid(format!("{what}: {error}")))
}

pub(super) fn put(run: &Run, me: &Proc, put: &Put, size: u64, own: Option<Digest>) -> Result<Decided, Error> {
    if !me.may(Verb::Put, &put.kind) {
        return Err(Error::Denied);
    }
    valid_name("kind", &put.kind)?;
    valid_name("media-type", &put.media_type)?;
    if let Some(subject) = &put.subject {
        valid_name("subject", subject)?;
    }
    if size > FILE_BYTES {
        return Err(Error::TooLarge(FILE_BYTES));
    }
    if put.parents.len() > PARENTS {
        return Err(Error::TooLarge(PARENTS as u64));
    }
    for parent in &put.parents {
        run.by_digest.get(&digest("parents", parent)?).ok_or(Error::NotFound)?;
    }
    let own = own.ok_or_else(|| Error::Invalid("no body".into()))?;
    match run.by_digest.get(&own).map(|at| &run.artifacts[*at].artifact) {
        Some(there) if !same(there, put) => return Err(Error::Conflict(Some(own))),
        None if run.artifacts.len() >= ARTIFACTS => return Err(Error::TooLarge(ARTIFACTS as u64)),
        Some(_) | None => {}
    }
    Ok(done(Answer::Digest(own)))
}

fn same(there: &Artifact, put: &Put) -> bool {
    there.kind == put.kind
        && there.media_type == put.media_type
        && there.subject == put.subject
        && there.parents.iter().map(Digest::to_string).eq(put.parents.iter().cloned())
}

pub(super) fn get(run: &Run, me: &Proc, text: &str) -> Result<Decided, Error> {
    if !me.rights.any(Verb::Get) {
        return Err(Error::Denied);
    }
    let at = run.by_digest.get(&digest("digest", text)?).ok_or(Error::NotFound)?;
    let stored = &run.artifacts[*at];
    if !me.may(Verb::Get, &stored.artifact.kind) {
        return Err(Error::Denied);
    }
    Ok(done(Answer::Artifact { artifact: Box::new(stored.artifact.clone()), from: stored.seq }))
}

pub(super) fn list(run: &Run, me: &Proc, filter: &Filter) -> Result<Decided, Error> {
    Ok(Decided::listing(&matching(run, me, filter)?))
}

/// The artifacts that a process is shown for a filter; it takes on their labels.
pub(super) fn matching<'a>(run: &'a Run, me: &Proc, filter: &Filter) -> Result<Vec<&'a Artifact>, Error> {
    if !me.rights.any(Verb::Get) {
        return Err(Error::Denied);
    }
    let first = match &filter.after {
        Some(after) => run.by_digest.get(&digest("after", after)?).ok_or(Error::NotFound)? + 1,
        None => 0,
    };
    let parent = filter.parent.as_deref().map(|text| digest("parent", text)).transpose()?;
    let limit = if filter.limit == 0 { LISTED } else { filter.limit.min(LISTED) };
    Ok(run.artifacts[first..]
        .iter()
        .map(|stored| &stored.artifact)
        .filter(|a| filter.kind.as_ref().is_none_or(|kind| *kind == a.kind))
        .filter(|a| filter.subject.is_none() || filter.subject == a.subject)
        .filter(|a| parent.is_none_or(|parent| a.parents.contains(&parent)))
        .filter(|a| me.decision(Verb::Get, &a.kind) == Decision::Allow)
        .take(limit as usize)
        .collect())
}

/// Keeps an artifact, unless the same bytes are there.
pub(super) fn keep(run: &mut Run, pid: Pid, put: &Put, file: File) -> Option<()> {
    let File { digest: own, size, seq, body } = file;
    if run.by_digest.contains_key(&own) {
        return Some(());
    }
    let artifact = Artifact {
        digest: own,
        kind: put.kind.clone(),
        media_type: put.media_type.clone(),
        size,
        parents: put.parents.iter().filter_map(|p| p.parse().ok()).collect(),
        subject: put.subject.clone(),
        by: pid,
        labels: run.proc(pid)?.labels.clone(),
    };
    run.by_digest.insert(own, run.artifacts.len());
    run.artifacts.push(Stored { artifact, seq, body });
    Some(())
}
