//! `aos:host/artifact`.

use aos_guest::Failure;
use aos_guest::bindings::aos::host::artifact::{self as wit, Artifact, Filter};
use serde_json::{Value, json};

use crate::args::Args;
use crate::script::Outcome;
use crate::show;

fn shown(artifact: Artifact) -> Value {
    json!({
        "digest": artifact.digest,
        "kind": artifact.kind,
        "media_type": artifact.media_type,
        "size": artifact.size,
        "parents": artifact.parents,
        "subject": artifact.subject,
        "by": artifact.by,
        "labels": artifact.labels,
    })
}

/// `kind` (or `huge_kind`), `media_type` (text/plain when absent), a body, `parents`, `subject`. Answers the digest.
pub fn put(args: &mut Args) -> Result<Outcome, Failure> {
    let (kind, media_type) = (args.text_or_huge("kind")?, args.maybe_text("media_type")?);
    let (parents, subject, body) = (args.texts("parents")?, args.maybe_text("subject")?, args.body()?);
    let media_type = media_type.as_deref().unwrap_or("text/plain");
    let digest = wit::put(&kind, media_type, &body, &parents, subject.as_deref());
    Ok(digest.map(|digest| json!(digest)).map_err(Into::into))
}

/// `digest`. Answers the artifact and its body.
pub fn get(args: &mut Args) -> Result<Outcome, Failure> {
    let stored = wit::get(&args.text("digest")?);
    let shown =
        stored.map(|stored| json!({"artifact": shown(stored.artifact), "body": show::bytes(&stored.body)}));
    Ok(shown.map_err(Into::into))
}

/// `kind`, `parent`, `subject`, `after`, `limit`. Answers the artifacts.
pub fn artifacts(args: &mut Args) -> Result<Outcome, Failure> {
    let filter = Filter {
        kind: args.maybe_text("kind")?,
        parent: args.maybe_text("parent")?,
        subject: args.maybe_text("subject")?,
        after: args.maybe_text("after")?,
        limit: args.short("limit", 0)?,
    };
    Ok(wit::list(&filter).map(|all| all.into_iter().map(shown).collect()).map_err(Into::into))
}
