//! An error in a manifest, with the line it is in.

use std::fmt;

use authority::ManifestError;
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, NarratableReportHandler,
    SourceCode, SourceSpan,
};

use super::escape::{blanked, visible};

/// The error as miette shows it. The text is a publisher's: what could steer a terminal is blanked.
#[derive(Debug)]
struct Report {
    message: String,
    help: Option<String>,
    span: SourceSpan,
    source: NamedSource<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some("here".into()), self.span))))
    }
}

/// Several lines: place and message, then the source line and the help, drawn for a terminal or told in words.
pub fn report(error: &ManifestError, text: &str, drawn: bool) -> String {
    let file = visible(&error.file);
    // An empty span past the end has no line to show.
    let offset = error.offset.min(text.len().saturating_sub(1));
    let report = Report {
        message: format!("{file}:{}:{}: {}", error.line, error.column, visible(&error.message)),
        help: error.help.as_deref().map(visible),
        span: (offset, error.len.min(text.len() - offset)).into(),
        source: NamedSource::new(&file, blanked(text)),
    };
    let mut shown = String::new();
    let rendered = match drawn {
        true => {
            GraphicalReportHandler::new_themed(GraphicalTheme::unicode()).render_report(&mut shown, &report)
        }
        false => NarratableReportHandler::new().render_report(&mut shown, &report),
    };
    // Writing to a string does not fail; if miette does, the message is better than nothing.
    if rendered.is_err() { report.message } else { shown.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: &str =
        "[package]\nname = \"a\"\nversion = \"1.0.0\"\ncomponent = \"a.wasm\"\n[needs]\nwrte = [\"x\"]\n";

    #[test]
    fn says_where_what_and_how_to_mend_it() {
        let error = authority::Manifest::parse(BAD, "agent.toml").unwrap_err();
        for drawn in [true, false] {
            let shown = report(&error, BAD, drawn);
            assert!(
                shown.lines().next().unwrap().contains("agent.toml:6:1: unknown key \"wrte\""),
                "{shown}"
            );
            assert!(shown.contains("wrte = [\"x\"]") && shown.contains("did you mean \"write\"?"), "{shown}");
        }
    }

    #[test]
    fn a_text_that_is_not_even_one_is_shown_harmless() {
        for text in ["", "\u{1b}[2J", "a = \"\u{202e}", "x"] {
            let error = authority::Manifest::parse(text, "a\u{1b}.toml").unwrap_err();
            let shown = report(&error, text, false);
            assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
        }
    }
}
