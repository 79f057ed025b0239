//! `aos:host/mount`. A path is `path`, or `huge_path` for so many bytes of `x`. A condition is
//! `"if"`: `"any"` (also when absent), `"absent"`, `{"digest_is": "sha256:…"}`, or
//! `{"fence": …}` with a token or the name of a lease's handle.

use aos_guest::Failure;
use aos_guest::bindings::aos::host::mount::{self as wit, Condition, Entry, Kind, Range};
use aos_guest::bindings::aos::host::types::Error as WitError;
use serde_json::{Value, json};

use crate::args::Args;
use crate::script::Outcome;
use crate::show;
use crate::state::State;

fn condition(state: &State, args: &mut Args) -> Result<Condition, Failure> {
    let Some(value) = args.take("if") else { return Ok(Condition::Any) };
    let fence = &value["fence"];
    let token = fence.as_u64().or_else(|| Some(state.lease_named(fence.as_str()?)?.token()));
    match (value.as_str(), value["digest_is"].as_str(), token) {
        (Some("any"), ..) => Ok(Condition::Any),
        (Some("absent"), ..) => Ok(Condition::Absent),
        (None, Some(digest), None) => Ok(Condition::DigestIs(digest.to_owned())),
        (None, None, Some(token)) => Ok(Condition::Fence(token)),
        _ => Err(args.wrong("if", "any, absent, {digest_is} or {fence}")),
    }
}

fn entry(entry: Entry) -> Value {
    let kind = match entry.kind {
        Kind::File => "file",
        Kind::Directory => "directory",
    };
    json!({"name": entry.name, "kind": kind, "size": entry.size, "digest": entry.digest})
}

/// `mount`, a path, `range` ([offset, length]). Answers data, digest and size.
pub fn read(args: &mut Args) -> Result<Outcome, Failure> {
    let range = match args.take("range").map(|range| (range[0].as_u64(), range[1].as_u64())) {
        None => None,
        Some((Some(offset), Some(length))) => Some(Range { offset, length }),
        Some(_) => return Err(args.wrong("range", "[offset, length]")),
    };
    let content = wit::read(&args.text("mount")?, &args.text_or_huge("path")?, range);
    let shown = content.map(
        |content| json!({"data": show::bytes(&content.data), "digest": content.digest, "size": content.size}),
    );
    Ok(shown.map_err(Into::into))
}

/// `mount`, a path, a body, `if`. Answers the digest.
pub fn write(state: &State, args: &mut Args) -> Result<Outcome, Failure> {
    let (condition, body) = (condition(state, args)?, args.body()?);
    let digest = wit::write(&args.text("mount")?, &args.text_or_huge("path")?, &body, &condition);
    Ok(digest.map(|digest| json!(digest)).map_err(Into::into))
}

/// How often one line is tried.
const TRIES: u64 = 10_000;

/// `mount`, a path, `line`, `n`: appends the line to the file, `n` times, each on the condition that the file is as it was
/// read, again until it is, with a moment between
/// the two for others to come first. Answers how often it was not.
pub fn append(args: &mut Args) -> Result<Outcome, Failure> {
    let (mount, path) = (args.text("mount")?, args.text("path")?);
    let (line, n) = (args.text("line")?, args.number("n")?);
    let mut conflicts = 0;
    for _ in 0..n {
        for tries in 0.. {
            let content = match wit::read(&mount, &path, None) {
                Ok(content) if tries < TRIES => content,
                Ok(_) => return Err(args.wrong("n", "what fits into 10,000 tries")),
                Err(error) => return Ok(Err(error.into())),
            };
            std::thread::sleep(std::time::Duration::from_millis(1));
            let text = [&content.data[..], line.as_bytes(), b"\n"].concat();
            match wit::write(&mount, &path, &text, &Condition::DigestIs(content.digest)) {
                Ok(_) => break,
                Err(WitError::Conflict(_)) => conflicts += 1,
                Err(error) => return Ok(Err(error.into())),
            }
        }
    }
    Ok(Ok(json!({"conflicts": conflicts})))
}

/// `mount`, a path, `after`, `limit`. Answers the entries.
pub fn list(args: &mut Args) -> Result<Outcome, Failure> {
    let (after, limit) = (args.maybe_text("after")?, args.short("limit", 0)?);
    let entries = wit::list(&args.text("mount")?, &args.text_or_huge("path")?, after.as_deref(), limit);
    Ok(entries.map(|entries| entries.into_iter().map(entry).collect()).map_err(Into::into))
}

/// `mount`, a path. Answers the entry.
pub fn stat(args: &mut Args) -> Result<Outcome, Failure> {
    let found = wit::stat(&args.text("mount")?, &args.text_or_huge("path")?);
    Ok(found.map(entry).map_err(Into::into))
}

/// `mount`, a path, `if`.
pub fn remove(state: &State, args: &mut Args) -> Result<Outcome, Failure> {
    let condition = condition(state, args)?;
    let removed = wit::remove(&args.text("mount")?, &args.text_or_huge("path")?, &condition);
    Ok(removed.map(|()| Value::Null).map_err(Into::into))
}

/// `mount`, `source`, `target` (or `huge_source`, `huge_target`), `if`.
pub fn rename(state: &State, args: &mut Args) -> Result<Outcome, Failure> {
    let condition = condition(state, args)?;
    let (source, target) = (args.text_or_huge("source")?, args.text_or_huge("target")?);
    let renamed = wit::rename(&args.text("mount")?, &source, &target, &condition);
    Ok(renamed.map(|()| Value::Null).map_err(Into::into))
}
