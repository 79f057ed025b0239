//! `aos-host revoke`: takes rights from a process that lives, and from all that it spawned.

use authority::{Pattern, Verb};

use super::failure::{Code, Failure};
use super::out::Out;
use super::view::escape::visible;
use crate::host::control::client::Owner;
use crate::host::control::frame::{Ask, Reply};
use crate::host::{Dirs, HostError};
use crate::kernel::call::Key;
use crate::kernel::entry::Taken;

/// Takes rights; each is on record when it is told.
///
/// # Errors
/// When no host runs, or the process does not live.
pub fn revoke(
    dirs: &Dirs,
    process: Key,
    (rights, all): (Vec<(Verb, Pattern)>, bool),
    out: &mut Out,
) -> Result<Code, Failure> {
    let rights = rights.into_iter().map(|(verb, object)| Taken::Right { verb, object });
    let mut code = Code::Ok;
    for what in rights.chain(all.then_some(Taken::All)) {
        let named = match &what {
            Taken::Right { verb, object } => format!("{verb}={}", visible(object.as_str())),
            Taken::All | Taken::Ended => "all rights".to_owned(),
        };
        let ask = Ask::Revoke { run: process.run, pid: process.pid, what };
        let revoked =
            match Owner::find(&dirs.state).map_err(HostError::from)?.ask(ask).map_err(HostError::from)? {
                Reply::Revoked(revoked) => revoked,
                other => return Err(HostError::from(other).into()),
            };
        match revoked.entry {
            Some(seq) => {
                let from = match revoked.processes {
                    1 => "1 process".to_owned(),
                    many => format!("{many} processes"),
                };
                out.line(&format!("{process}: {named} is taken from {from} (#{seq})"))?;
            }
            None => {
                out.line(&format!("{process}: {named} is held by nobody there"))?;
                code = Code::Failed;
            }
        }
    }
    Ok(code)
}
