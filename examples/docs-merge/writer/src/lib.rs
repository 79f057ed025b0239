//! Receives a page and writes it to the mount that its input names; answers the file's digest.

use aos_guest::mount::{Condition, Mount};
use aos_guest::{Error, Failure, agent, ipc, log};

agent!(write);

fn write(site: String) -> Result<String, Failure> {
    let task = ipc::receive()?;
    if task.is_stop() {
        return Err("stopped before there was a page".into());
    }
    let page = with_sources(task.text()?, &sources()?);
    let digest = Mount::open(&site)?
        .write_if("index.html", page, Condition::Any)
        .map_err(|error| Failure::of("writing index.html", error))?;
    Ok(digest)
}

/// The names of the notes, to list below the page. The manifest does not let the writer read them: it
/// asks all the same, to show that a denial is an answer and that an agent goes on after it.
fn sources() -> Result<Vec<String>, Failure> {
    match Mount::open("notes")?.list("") {
        Ok(entries) => Ok(entries.into_iter().map(|entry| entry.name).collect()),
        Err(Error::Denied) => {
            log::info("may not read notes: the page goes without a list of sources")?;
            Ok(Vec::new())
        }
        Err(error) => Err(Failure::of("listing notes", error)),
    }
}

/// The page with its sources named at the end of its body.
fn with_sources(page: &str, names: &[String]) -> String {
    let Some(end) = page.rfind("</body>").filter(|_| !names.is_empty()) else {
        return page.to_owned();
    };
    let items: String = names.iter().map(|name| format!("<li>{}</li>", escape(name))).collect();
    format!("{}<h2>Sources</h2>\n<ul>{items}</ul>\n{}", &page[..end], &page[end..])
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_stand_at_the_end_of_the_body() {
        let page = "<html><body><p>x</p></body></html>";
        assert_eq!(with_sources(page, &[]), page);
        assert_eq!(with_sources("no body", &["a".into()]), "no body");
        let listed = with_sources(page, &["a<b.md".into(), "c.md".into()]);
        assert!(listed.contains("<li>a&lt;b.md</li><li>c.md</li></ul>\n</body></html>"), "{listed}");
    }
}
