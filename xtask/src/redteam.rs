//! `cargo xtask redteam`: the attacks of docs/security.md against the program as it is now, and what came of each.

use std::fs;
use std::process::{ExitCode, Stdio};

use crate::error::Error;
use crate::step::Steps;
use crate::test::Built;
use crate::workspace::Workspace;

/// One attack.
struct Row<'a> {
    cells: Vec<&'a str>,
    test: Option<&'a str>,
}

/// Runs the tests that the table names, and prints the table with what came of them.
pub fn run(workspace: &Workspace) -> Result<ExitCode, Error> {
    let mut steps = Steps::new(5);
    let page = workspace.root().join("docs/security.md");
    let text = fs::read_to_string(&page).map_err(|error| Error::on("reading", &page, &error))?;
    let rows: Vec<Row<'_>> = text.lines().filter_map(row).collect();
    let mut cargo = Built::new(workspace, &mut steps)?.tests(workspace);
    let tests = rows.iter().filter_map(|row| row.test);
    cargo.args(["--package", "aos-tests", "--package", "aos-host", "--"]);
    cargo.args(tests.map(name));
    steps.announce("the attacks");
    let output = cargo.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| Error::new(format!("cargo: {error}"), "install it"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    println!("| # | attack | what happens | |\n|---|---|---|---|");
    let mut all = true;
    for Row { cells, test } in &rows {
        let verdict = match test {
            None => "waits",
            Some(test) => {
                let ok = format!("{} ... ok", name(test));
                let held =
                    said.lines().any(|line| line.starts_with("test ") && line.trim_end().ends_with(&ok));
                all &= held;
                if held { "contained" } else { "NOT CONTAINED" }
            }
        };
        println!("| {} | {} | {} | {verdict} |", cells[0], cells[1], cells[2]);
    }
    if !all {
        print!("{said}");
    }
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What cargo is told of a test. The host's own are in files that their modules name otherwise.
fn name(test: &str) -> &str {
    match test.starts_with("host::") {
        true => test.rsplit("::").next().unwrap_or(test),
        false => test,
    }
}

fn row(line: &str) -> Option<Row<'_>> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.trim_end_matches('|').split('|').map(str::trim).collect();
    let numbered = cells.len() == 4 && cells[0].chars().all(|c| c.is_ascii_digit());
    let test = cells.get(3)?.trim_matches('`');
    numbered.then(|| Row { test: Some(test).filter(|test| test.contains("::")), cells: cells.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_from_other_lines() {
        let row = row("| 7 | an attack | denied | `redteam::gate::it` |").unwrap();
        assert_eq!((row.cells[0], row.test), ("7", Some("redteam::gate::it")));
        assert!(super::row("| 35 | a crash loop | waits | – |").unwrap().test.is_none());
        assert!(super::row("| # | attack | what happens | shown by |").is_none());
        assert!(super::row("text").is_none());
    }
}
