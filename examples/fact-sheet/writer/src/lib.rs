//! Makes one sheet of the facts that it is told about, by topic, keeps it as an artifact that was made from them, and
//! writes it to the mount that its input names.

use aos_guest::artifact::{self, Draft};
use aos_guest::mount::Mount;
use aos_guest::{Failure, agent, ipc};

/// The file that is written.
const FILE: &str = "fact-sheet.md";
/// The topics in the order of the sheet.
const TOPICS: [(&str, &str); 5] = [
    ("people", "People"),
    ("places", "Places"),
    ("times", "Times"),
    ("numbers", "Numbers"),
    ("other", "Other"),
];

agent!(write);

fn write(site: String) -> Result<(), Failure> {
    let site = Mount::open(&site)?;
    for task in ipc::tasks() {
        let task = task?;
        let mut draft = Draft::new("sheet", "text/markdown").subject(FILE);
        let mut facts = Vec::new();
        for digest in task.text()?.lines() {
            facts.push(artifact::get(digest)?.text()?.to_owned());
            draft = draft.parent(digest);
        }
        let sheet = sheet(&facts);
        draft.put(&sheet)?;
        let digest =
            site.write(FILE, sheet).map_err(|error| Failure::of(&format!("writing {FILE}"), error))?;
        ipc::reply(&task, format!("{FILE} ({digest})"))?;
    }
    Ok(())
}

/// The sheet of the facts of some notes: `# note`, then lines `- topic: fact`.
fn sheet(notes: &[String]) -> String {
    let mut text = format!("# Fact sheet\n\nMade from {} notes.\n", notes.len());
    for (topic, title) in TOPICS {
        let facts: Vec<String> = notes.iter().flat_map(|note| of_topic(note, topic)).collect();
        if !facts.is_empty() {
            text += &format!("\n## {title}\n\n{}", facts.concat());
        }
    }
    text
}

/// The facts of a note on a topic, a line each, with the note's name.
fn of_topic(note: &str, topic: &str) -> Vec<String> {
    let name = note.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or("a note");
    let facts = note.lines().filter_map(|line| line.strip_prefix("- ")?.split_once(": "));
    let facts = facts.filter(|(word, _)| *word == topic);
    // What notes and models write is text: no markup of theirs becomes the page's.
    facts.map(|(_, fact)| format!("- {} ({name})\n", fact.replace('<', "&lt;"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_below_their_topic() {
        let notes = [
            "# a.txt\n\n- times: at 17:00\n- people: Ida has the <b>key</b>.\n".to_owned(),
            "# b.txt\n\n- people: Jo rows: always.\n".to_owned(),
        ];
        let expected = "# Fact sheet\n\nMade from 2 notes.\n\n## People\n\n- Ida has the &lt;b>key&lt;/b>. (a.txt)\n\
            - Jo rows: always. (b.txt)\n\n## Times\n\n- at 17:00 (a.txt)\n";
        assert_eq!(sheet(&notes), expected);
    }
}
