//! The command as it was typed, so that a message can offer it again with what it lacked.

use super::view::escape::shell_word;

/// The words after the program's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed(Vec<String>);

/// Flags of `run` whose value begins with a label: the new one replaces the old one of that label.
const LABELLED: [&str; 3] = ["--mount", "--model", "--budget"];

impl Typed {
    /// This process's.
    pub fn now() -> Typed {
        Typed::new(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()))
    }

    /// These words.
    pub fn new(words: impl IntoIterator<Item = String>) -> Typed {
        Typed(words.into_iter().collect())
    }

    /// The command with these flags (`--mount docs=DIR`, fit for a shell already) after its verb `run`. What was resumed
    /// was run by another command.
    pub fn with(&self, flags: &[String]) -> String {
        let Some(at) = self.0.iter().position(|word| word == "run") else {
            return format!("aos-host{} run {} …", self.state(), flags.join(" "));
        };
        let (before, after) = self.0.split_at(at + 1);
        let mut words = vec!["aos-host".to_owned()];
        words.extend(before.iter().map(|word| shell_word(word)));
        words.extend(flags.iter().cloned());
        words.extend(kept(after, flags).into_iter().map(shell_word));
        words.join(" ")
    }

    /// The command that gives what was to be run a standing grant.
    pub fn granting(&self) -> String {
        let Some(at) = self.0.iter().position(|word| word == "run") else {
            return "aos-host grant add …".to_owned();
        };
        let (before, after) = self.0.split_at(at);
        let mut words = vec!["aos-host".to_owned()];
        words.extend(before.iter().map(|word| shell_word(word)));
        words.extend(["grant".to_owned(), "add".to_owned()]);
        words.extend(after.iter().skip(1).map(|word| shell_word(word)));
        words.join(" ")
    }

    /// Whether a flag was typed; the environment may have set it too.
    pub fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|word| word.split('=').next() == Some(flag))
    }

    /// `--state DIR` as it was typed, with a space before it, for other commands on the same state.
    pub fn state(&self) -> String {
        let at = self.0.iter().position(|word| word == "--state");
        let value = at.and_then(|at| self.0.get(at + 1)).map(String::as_str);
        let value = value.or_else(|| self.0.iter().find_map(|word| word.strip_prefix("--state=")));
        value.map(|dir| format!(" --state {}", shell_word(dir))).unwrap_or_default()
    }
}

/// The words but for the flags that new ones replace.
fn kept<'a>(words: &'a [String], flags: &[String]) -> Vec<&'a str> {
    let replaced = |flag: &str, value: &str| {
        let label = value.split_once('=').map_or(value, |(label, _)| label);
        let new = format!("{flag} {label}=");
        LABELLED.contains(&flag) && flags.iter().any(|flag| flag.replace('\'', "").starts_with(&new))
    };
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.split_once('=') {
            Some((flag, value)) if replaced(flag, value) => continue,
            _ => {}
        }
        if LABELLED.contains(&word.as_str())
            && let Some(value) = words.clone().next()
        {
            words.next();
            if !replaced(word, value) {
                kept.extend([word.as_str(), value.as_str()]);
            }
            continue;
        }
        kept.push(word);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Typed {
        Typed::new(line.split(' ').map(str::to_owned))
    }

    fn flags(flags: &[&str]) -> Vec<String> {
        flags.iter().map(|flag| (*flag).to_owned()).collect()
    }

    #[test]
    fn flags_go_after_the_verb() {
        let command = typed("run hello.wasm Ada").with(&flags(&["--mount docs=DIR:ro"]));
        assert_eq!(command, "aos-host run --mount docs=DIR:ro hello.wasm Ada");
        let command = typed("--state s run hello.wasm").with(&flags(&["--allow send=a"]));
        assert_eq!(command, "aos-host --state s run --allow send=a hello.wasm");
        let command = typed("--state s resume r1").with(&flags(&["--allow send=a"]));
        assert_eq!(command, "aos-host --state s run --allow send=a …");
    }

    #[test]
    fn a_new_flag_replaces_the_one_of_its_label() {
        let old = typed("run x.wasm --mount docs=d --mount=site=s --budget fuel=1 --quiet");
        let command = old.with(&flags(&["--mount docs=d:rw", "--budget fuel=2"]));
        assert_eq!(command, "aos-host run --mount docs=d:rw --budget fuel=2 x.wasm --mount=site=s --quiet");
        let command = old.with(&flags(&["--mount site=s:rw"]));
        assert_eq!(command, "aos-host run --mount site=s:rw x.wasm --mount docs=d --budget fuel=1 --quiet");
    }

    #[test]
    fn words_are_quoted_and_the_state_is_repeated() {
        let words = ["run", "my agent.wasm", "--state", "a b"].map(str::to_owned);
        assert_eq!(Typed::new(words.clone()).with(&[]), "aos-host run 'my agent.wasm' --state 'a b'");
        assert_eq!(Typed::new(words).state(), " --state 'a b'");
        assert_eq!(typed("run x --state=s").state(), " --state s");
        assert_eq!(typed("run x").state(), "");
    }
}
