//! The project's own commands: `cargo xtask demo | test | bench | soak | guests | page | redteam | setup | help`.
//!
//! The standard library only, so that it compiles in seconds; it never depends on the host, which it builds and
//! runs as a program.

mod bench;
mod demo;
mod error;
mod guests;
mod host;
mod page;
mod redteam;
mod setup;
mod soak;
mod step;
mod test;
mod workspace;

use std::process::ExitCode;

use error::Error;
use workspace::Workspace;

const HELP: &str = "\
Usage: cargo xtask VERB [ARGUMENTS]

  demo             builds everything, merges three notes with a team of three agents, and proves what they did
  test [ARGS…]     builds host and guests, then runs every test; ARGS go to `cargo test`
  bench [--json]   measures the host in release and prints each figure beside its limit; with --scheduling, who comes first
                   at a model under each policy (--whole: up to 2,000 agents, about 6 minutes)
  soak [ARGS…]     the tests again, with whole campaigns instead of samples of them (AOS_SOAK=1)
  redteam          the attacks of docs/security.md, and what comes of each
  guests           builds the agents of examples/ and tests/guests/ only
  page             builds docs/verify.html, the page that verifies exports offline, anew
  setup            installs what the tests run beside Rust's own (Debian's packages: as root)
  help             this text

CARGO_TARGET_DIR is respected. Nothing is written outside the target directory, but for the examples' components,
which are put beside their agent.toml, and docs/verify.html.
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let verb = arguments.next().unwrap_or_else(|| "help".to_owned());
    match run(&verb, &arguments.collect::<Vec<_>>()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: &str, arguments: &[String]) -> Result<ExitCode, Error> {
    match verb {
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        "demo" | "guests" | "page" | "redteam" | "setup" => refuse(verb, arguments, &[])?,
        "bench" => refuse(verb, arguments, &["--json", "--scheduling", "--whole"])?,
        "test" | "soak" => {}
        other => {
            return Err(Error::new(format!("there is no verb `{other}`"), "`cargo xtask help` lists them"));
        }
    }
    let workspace = Workspace::find()?;
    match verb {
        "demo" => demo::run(&workspace),
        "bench" => bench::run(&workspace, arguments),
        "soak" => soak::run(&workspace, arguments),
        "guests" => guests::run(&workspace),
        "page" => page::run(&workspace),
        "redteam" => redteam::run(&workspace),
        "setup" => setup::run(&workspace),
        _ => test::run(&workspace, arguments),
    }
}

/// Refuses arguments that the verb does not know, so that a slip of the pen is not taken for success.
fn refuse(verb: &str, arguments: &[String], known: &[&str]) -> Result<(), Error> {
    let Some(unknown) = arguments.iter().find(|given| !known.contains(&given.as_str())) else {
        return Ok(());
    };
    let takes = if known.is_empty() {
        "takes no arguments".to_owned()
    } else {
        format!("takes {}", known.join(", "))
    };
    Err(Error::new(format!("`{unknown}` is not for `{verb}`"), format!("it {takes}; see `cargo xtask help`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_argument_names_what_is_known() {
        let error = refuse("bench", &["--jsom".to_owned()], &["--json"]).unwrap_err().to_string();
        assert!(error.contains("`--jsom`") && error.contains("takes --json"), "{error}");
        assert!(refuse("bench", &["--json".to_owned()], &["--json"]).is_ok());
    }

    #[test]
    fn every_verb_is_in_the_help() {
        for verb in ["demo", "test", "bench", "soak", "guests", "page", "setup", "help"] {
            assert!(
                HELP.lines().any(|line| line.trim_start().starts_with(verb)),
                "{verb} is not in the help"
            );
        }
        assert!(run("dmeo", &[]).unwrap_err().to_string().contains("dmeo"));
    }
}
