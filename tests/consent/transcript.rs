//! `docs/signed-package.md`: what it shows is what happens. Each command of its `console` blocks is run on a terminal in one
//! place, and what it shows is compared: `…` stands for any text within a line, a line of it for any lines. What is typed at a
//! prompt is what stands behind it.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::Place;
use crate::support::program::host;
use crate::terminal::emulator::Screen;
use crate::terminal::screen::shell_at_a_terminal;
use crate::tidy::tree::root;

/// The ends of prompts, behind which an answer stands; the longest of those that fit.
const PROMPTS: [&str; 6] =
    ["it may read? [./notes] ", "it may read? ", "it may write? ", "scripted:FILE) ", "[N]o: ", "[y/N] "];

/// A command and what it shows.
struct Step {
    line: usize,
    command: String,
    shown: Vec<String>,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (line, text) in text.lines().enumerate() {
        match (inside, text) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, text) => match text.strip_prefix("$ ") {
                Some(command) => {
                    steps.push(Step { line: line + 1, command: command.to_owned(), shown: Vec::new() });
                }
                None => steps.last_mut().expect("a block begins with a command").shown.push(text.to_owned()),
            },
            (false, _) => {}
        }
    }
    steps
}

/// What is typed at the prompts of a step.
fn answers(step: &Step) -> Vec<String> {
    let typed = |line: &String| {
        // What is not answered has no space at its end in the text.
        let line = format!("{line} ");
        let at = PROMPTS.iter().find_map(|prompt| Some(line.find(prompt)? + prompt.len()))?;
        Some(format!("{}\n", line[at..].trim()))
    };
    step.shown.iter().filter_map(typed).collect()
}

/// Whether a text is what a pattern with `…` for anything says.
fn fits(pattern: &str, text: &str) -> bool {
    let parts: Vec<&str> = pattern.split('…').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn all_fit(patterns: &[String], lines: &[String]) -> bool {
    match patterns.split_first() {
        None => lines.is_empty(),
        Some((any, rest)) if any == "…" => {
            (0..=lines.len()).any(|skipped| all_fit(rest, &lines[skipped..]))
        }
        Some((pattern, rest)) => {
            lines.split_first().is_some_and(|(line, others)| fits(pattern, line) && all_fit(rest, others))
        }
    }
}

#[test]
fn a_new_users_way_is_as_it_is_told() {
    let place = Place::new();
    symlink(host(), place.folder("bin").join("aos-host")).unwrap();
    symlink(root().join("examples"), place.path("examples")).unwrap();
    let text = std::fs::read_to_string(root().join("docs/signed-package.md")).unwrap();
    let steps = steps(&text);
    assert!(steps.len() >= 10, "the way has {} commands", steps.len());
    for step in steps {
        let answers = answers(&step);
        let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
        let ran = shell_at_a_terminal(&place, Path::new("bin"), &step.command, &answers);
        let lines: Vec<String> = Screen::of(&ran.stdout, 200).lines();
        let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        let shown = &lines[..end];
        assert!(
            all_fit(&step.shown, shown),
            "docs/signed-package.md:{}: `{}` shows\n{}\n--- and not\n{}",
            step.line,
            step.command,
            shown.join("\n"),
            step.shown.join("\n")
        );
    }
}

#[test]
fn dots_stand_for_anything() {
    assert!(fits("a … c", "a b c") && fits("…", "") && fits("a…", "ab") && fits("plain", "plain"));
    assert!(!fits("a … c", "a b d") && !fits("plain", "plainer"));
    let lines = |all: &[&str]| all.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(all_fit(&lines(&["a", "…", "d"]), &lines(&["a", "b", "c", "d"])));
    assert!(!all_fit(&lines(&["a", "d"]), &lines(&["a", "b", "d"])));
}
