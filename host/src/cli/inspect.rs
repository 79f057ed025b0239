//! `aos-host inspect`: what a run did, and what it cost, from its entries alone.

use super::args::About;
use super::failure::{Code, Failure};
use super::follow::{span, whole};
use super::out::Out;
use super::view::tree::tree;
use crate::host::Dirs;
use crate::journal::Reader;

/// Shows a run as a tree, or as JSON lines of the kinds `run`, `process`, `refusal` and `flow`.
///
/// # Errors
/// When there is no such run, or the log cannot be read or does not follow.
pub fn inspect(dirs: &Dirs, about: &About, out: &mut Out) -> Result<Code, Failure> {
    let reader = Reader::open(&dirs.state)?;
    let fold = whole(&reader, span(&reader, about.run)?)?;
    let view = fold.view();
    if about.format.json {
        out.json("run", view)?;
        view.processes.iter().try_for_each(|process| out.json("process", process))?;
        view.refusals.iter().try_for_each(|refusal| out.json("refusal", refusal))?;
        view.flows.iter().try_for_each(|flow| out.json("flow", flow))?;
    } else {
        tree(view).iter().try_for_each(|line| out.line(line))?;
    }
    Ok(Code::Ok)
}
