//! `aos-host inspect`: what a run did, and what it cost, from its entries alone.

use super::args::About;
use super::failure::{Code, Failure};
use super::follow::{span, whole};
use super::out::Out;
use super::view::paint::Paint;
use super::view::sections::sections;
use super::view::tree::tree;
use crate::host::Dirs;
use crate::journal::Reader;

/// Shows a run as a tree with what it did below, or as lines of JSON, described in `docs/inspect.md`.
///
/// # Errors
/// When there is no such run, or the log cannot be read or does not follow.
pub fn inspect(dirs: &Dirs, about: &About, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let mut fold = whole(&reader, span(&reader, about.run)?)?;
    let view = fold.settled();
    if !about.format.json {
        let paint = Paint(out.drawn());
        tree(view, paint).iter().chain(&sections(view, paint)).try_for_each(|line| out.line(line))?;
        return Ok(Code::Ok);
    }
    let facts = &view.facts;
    out.json("run", view)?;
    view.processes.iter().try_for_each(|process| out.json("process", process))?;
    facts.messages.first.iter().try_for_each(|message| out.json("message", message))?;
    facts.reads.first.iter().chain(&facts.changes.first).try_for_each(|file| out.json("file", file))?;
    facts.inferences.first.iter().try_for_each(|asked| out.json("inference", asked))?;
    facts.models.values().try_for_each(|model| out.json("model", model))?;
    facts.approvals.first.iter().try_for_each(|approval| out.json("approval", approval))?;
    facts.artifacts.first.iter().try_for_each(|made| out.json("artifact", made))?;
    view.refusals.iter().try_for_each(|refusal| out.json("refusal", refusal))?;
    view.flows.iter().try_for_each(|flow| out.json("flow", flow))?;
    Ok(Code::Ok)
}
