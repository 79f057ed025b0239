//! How asking a model fails, and what may be done then.

use std::time::Duration;

use crate::kernel::ports::Fault;

/// What is told of a failure, in bytes.
const TOLD: usize = 512;
/// What a server's own words are cut to, in characters.
const QUOTED: usize = 200;
/// Longer pauses than this are the agent's to wait.
pub(super) const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What may be done.
    pub kind: Kind,
    /// What happened, for the agent: nothing of this machine.
    pub detail: String,
    /// What more the operator is told: the server's words, and what would mend it.
    pub remedy: String,
    /// When it may be asked again, if it said so.
    pub after: Option<Duration>,
}

/// What may be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing was done, and later it may be: ask again, or another.
    Busy,
    /// Nothing was done, and this server will not do it: ask another.
    Refused,
    /// Nothing was done, and nobody will do it: the question is wrong.
    Wrong,
    /// It may have been done and will be billed: ask nobody, and let the reservation stand.
    Doubt,
}

impl Trouble {
    pub(super) fn new(kind: Kind, detail: impl Into<String>, remedy: impl Into<String>) -> Trouble {
        Trouble { kind, detail: detail.into(), remedy: remedy.into(), after: None }
    }

    /// An answer that began and cannot be used.
    pub(super) fn broken(detail: impl Into<String>, remedy: impl Into<String>) -> Trouble {
        Trouble::new(Kind::Doubt, detail, remedy)
    }

    /// Whether another model may be asked instead.
    pub(super) fn passes(&self) -> bool {
        matches!(self.kind, Kind::Busy | Kind::Refused)
    }
}

/// What a whole chain came to: the last failure is told to the agent, all of them to the operator.
pub(super) fn fault(troubles: &[(String, Trouble)]) -> Fault {
    let last = troubles.last().map(|(_, trouble)| trouble);
    let told: Vec<String> = troubles
        .iter()
        .map(|(place, trouble)| {
            let stop = if trouble.remedy.is_empty() { "" } else { ": " };
            format!("{place}: {}{stop}{}", trouble.detail, trouble.remedy)
        })
        .collect();
    let after = troubles.iter().filter_map(|(_, trouble)| trouble.after).min();
    Fault {
        detail: last.map(|trouble| cut(&trouble.detail, TOLD)).unwrap_or_default(),
        retryable: troubles.iter().any(|(_, trouble)| matches!(trouble.kind, Kind::Busy | Kind::Doubt)),
        retry_after_ms: after.map(|after| u64::try_from(after.as_millis()).unwrap_or(ledger::MAX)),
        spent: troubles.iter().any(|(_, trouble)| trouble.kind == Kind::Doubt),
        remedy: Some(cut(&told.join("; "), TOLD)),
    }
}

fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

/// A server's words on one line, cut; what could steer a terminal is a blank.
pub(super) fn quoted(text: &str) -> String {
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let plain: String = text.chars().take(4 * QUOTED).map(|c| if invisible(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").chars().take(QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_tells_the_agent_little_and_the_operator_all() {
        let busy =
            Trouble { after: Some(Duration::from_secs(2)), ..Trouble::new(Kind::Busy, "busy", "wait") };
        let refused = Trouble::new(Kind::Refused, "no", "");
        let fault = fault(&[("a (m at http://x)".into(), busy), ("b".into(), refused)]);
        assert_eq!((fault.detail.as_str(), fault.retryable, fault.spent), ("no", true, false));
        assert_eq!(fault.retry_after_ms, Some(2_000));
        assert_eq!(fault.remedy.as_deref(), Some("a (m at http://x): busy: wait; b: no"));
        let doubt = [("a".to_owned(), Trouble::broken("ä".repeat(1_000), "x"))];
        let fault = super::fault(&doubt);
        assert!(fault.spent && fault.detail.len() == 512 && fault.remedy.unwrap().len() <= 512);
    }

    #[test]
    fn a_servers_words_are_one_harmless_line() {
        assert_eq!(quoted("a\u{1b}[2J\r\n\tb\u{202e}c"), "a [2J b c");
        assert_eq!(quoted(&"x".repeat(10_000)).len(), 200);
    }
}
