//! Writes the drafts that it is told about to the mount that its input names, and answers the file's digest. It replaces
//! only what it has written itself.

use aos_guest::mount::{Condition, Mount};
use aos_guest::{Failure, agent, artifact, ipc};

/// The file that is written.
const FILE: &str = "page.md";

agent!(write);

fn write(site: String) -> Result<(), Failure> {
    let site = Mount::open(&site)?;
    // A page of an earlier run may be replaced; one that somebody put there during this run may not.
    let mut there = Condition::Any;
    for task in ipc::tasks() {
        let task = task?;
        let draft = artifact::get(task.text()?)?;
        let written = site.write_if(FILE, &draft.body, there);
        let digest = written.map_err(|error| Failure::of(&format!("writing {FILE}"), error))?;
        ipc::reply(&task, &digest)?;
        there = Condition::DigestIs(digest);
    }
    Ok(())
}
