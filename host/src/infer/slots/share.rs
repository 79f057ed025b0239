//! What an operator says of a backend that many ask.

use super::fair::Fair;
use super::policy::{Fifo, Policy, Priority};

/// Questions that one backend answers at a time, at most.
pub const SLOTS_LIMIT: u64 = 4_096;
/// The most that can be allowed in a minute: tokens or questions.
pub const MINUTE_LIMIT: u64 = 1_000_000_000_000;

/// How a backend is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Questions that it answers at a time.
    pub slots: usize,
    /// Who comes first.
    pub policy: Kind,
    /// Tokens of prompts and answers in a minute.
    pub tokens_per_minute: Option<u64>,
    /// Questions in a minute.
    pub requests_per_minute: Option<u64>,
}

/// The policies that this build has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Whoever asked first.
    Fifo,
    /// Whoever has the largest weight; of those, whoever asked first.
    Priority,
    /// Whoever was served least for its weight.
    #[default]
    Fair,
}

impl Kind {
    /// All of them, as they are written.
    pub const ALL: [(&str, Kind); 3] =
        [("fifo", Kind::Fifo), ("priority", Kind::Priority), ("fair", Kind::Fair)];

    /// A new one of this kind, with nobody in line.
    pub fn policy(self) -> Box<dyn Policy> {
        match self {
            Kind::Fifo => Box::<Fifo>::default(),
            Kind::Priority => Box::<Priority>::default(),
            Kind::Fair => Box::<Fair>::default(),
        }
    }
}

impl Share {
    /// Reads the keys `slots`, `policy`, `tokens-per-minute` and `requests-per-minute`; none when all are absent: then nobody
    /// waits. Without `slots` there are [`SLOTS_LIMIT`], and the policy is `fair` unless it is named.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn new(
        slots: Option<u64>,
        policy: Option<&str>,
        tokens_per_minute: Option<u64>,
        requests_per_minute: Option<u64>,
    ) -> Result<Option<Share>, String> {
        let within = |key: &str, number: Option<u64>, limit: u64| match number {
            Some(n) if n == 0 || n > limit => Err(format!("`{key}` is 1 to {limit}")),
            number => Ok(number),
        };
        let named = |name: &str| {
            let found = Kind::ALL.into_iter().find(|(known, _)| *known == name);
            found.map(|(_, kind)| kind).ok_or_else(|| {
                let known = Kind::ALL.map(|(name, _)| name).join(", ");
                format!("`policy` is one of {known}, not {name:?}")
            })
        };
        let kind = policy.map(named).transpose()?;
        let slots = within("slots", slots, SLOTS_LIMIT)?;
        let tokens_per_minute = within("tokens-per-minute", tokens_per_minute, MINUTE_LIMIT)?;
        let requests_per_minute = within("requests-per-minute", requests_per_minute, MINUTE_LIMIT)?;
        if slots.or(tokens_per_minute).or(requests_per_minute).is_none() {
            return match kind {
                None => Ok(None),
                Some(_) => Err("a `policy` orders those who wait: say `slots` too, or a rate".to_owned()),
            };
        }
        let slots = usize::try_from(slots.unwrap_or(SLOTS_LIMIT)).unwrap_or(usize::MAX);
        Ok(Some(Share { slots, policy: kind.unwrap_or_default(), tokens_per_minute, requests_per_minute }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_checked_and_completed() {
        assert_eq!(Share::new(None, None, None, None), Ok(None));
        let share = Share::new(Some(4), None, None, Some(60)).unwrap().unwrap();
        assert_eq!((share.slots, share.policy, share.requests_per_minute), (4, Kind::Fair, Some(60)));
        let share = Share::new(None, Some("fifo"), Some(1), None).unwrap().unwrap();
        assert_eq!((share.slots, share.policy), (4_096, Kind::Fifo));
        let says = |made: Result<Option<Share>, String>, words: &str| {
            let message = made.unwrap_err();
            assert!(message.contains(words), "{message}");
        };
        says(Share::new(Some(0), None, None, None), "`slots` is 1 to 4096");
        says(Share::new(Some(4_097), None, None, None), "`slots` is 1 to 4096");
        says(Share::new(Some(1), None, Some(0), None), "`tokens-per-minute` is 1 to");
        says(Share::new(Some(1), Some("lifo"), None, None), "fifo, priority, fair, not \"lifo\"");
        says(Share::new(None, Some("fair"), None, None), "say `slots` too");
    }
}
