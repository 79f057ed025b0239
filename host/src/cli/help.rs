//! The help's first page: verbs by what they are for. clap has one heading for all subcommands, hence the template.

use clap::{Command, CommandFactory};

use super::args::Cli;

/// Every verb that is shown, by what it is for.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Run", &["run", "resume", "up", "ps", "signal", "stop", "kill"]),
    ("Decide", &["approve", "deny", "revoke", "why", "trust", "grant", "overlay", "model"]),
    ("Prove", &["inspect", "report", "logs", "replay", "audit", "witness"]),
    ("Publish", &["key", "sign", "verify"]),
    ("Build", &["doctor", "completions"]),
];

/// The command, with its help grouped.
pub fn command() -> Command {
    let command = Cli::command();
    let template = template(&command);
    command.help_template(template).after_help(
        "`aos-host help VERB` tells more. Results go to standard output, everything else to standard error.\n\
         Exit codes: 0 done, 1 the run failed, 2 bad command or input, 3 not authorised, 4 not verified,\n\
         5 budget exhausted, 6 state directory busy or damaged, 70 the host failed.",
    )
}

fn template(command: &Command) -> String {
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (group, verbs) in GROUPS {
        text.push_str(&format!("\n{group}:\n"));
        for verb in verbs {
            let about = command.find_subcommand(verb).and_then(Command::get_about);
            text.push_str(&format!("  {verb:<13}{}\n", about.map(ToString::to_string).unwrap_or_default()));
        }
    }
    text.push_str("\nOptions:\n{options}{after-help}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_verb_is_in_one_group_and_has_an_example() {
        let command = Cli::command();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, verbs)| *verbs).copied().collect();
        let mut verbs: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        grouped.sort_unstable();
        verbs.sort_unstable();
        assert_eq!(grouped, verbs);
        let audit = command.find_subcommand("audit").unwrap().get_subcommands();
        for verb in command.get_subcommands().filter(|verb| verb.get_name() != "audit").chain(audit) {
            let help = verb.get_after_help().unwrap_or_else(|| panic!("{} has no example", verb.get_name()));
            assert!(
                help.to_string().contains(&format!("aos-host {}", verb.get_name()))
                    || help.to_string().contains("aos-host audit")
            );
        }
    }

    #[test]
    fn the_first_page_shows_the_groups() {
        let page = command().render_help().to_string();
        for part in
            ["Run:\n  run ", "Prove:\n  inspect ", "Build:\n  doctor ", "--state <DIR>", "Exit codes:"]
        {
            assert!(page.contains(part), "{part:?} in\n{page}");
        }
        assert!(!page.contains("compile-child"));
    }
}
