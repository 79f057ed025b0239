//! What a budget counts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The largest amount of any meter, 2⁵³ − 1, so that every amount is exact in JSON. As a grant it
/// means: no limit.
pub const MAX: u64 = (1 << 53) - 1;

/// One thing that a budget counts. The order and the names are those of the ABI (`types.meter`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meter {
    /// Instructions, and the host's work for the guest.
    Fuel,
    /// Bytes of all linear memories and tables together.
    Memory,
    /// Milliseconds since the process started.
    WallTime,
    /// Tokens of prompts.
    TokensIn,
    /// Tokens of answers.
    TokensOut,
    /// Money, in millionths of a US dollar.
    MicroUsd,
    /// Bytes written, read from host directories, put or logged.
    BytesStored,
    /// Bytes of messages, events, inputs of children and prompts.
    BytesSent,
    /// System calls.
    Calls,
    /// Processes spawned, theirs included.
    Children,
}

/// How a meter behaves between a process and its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Used up for good: moved to a child, and what the child did not use comes back.
    Consumable,
    /// Held for a time: moved to a child, and all of it comes back.
    Gauge,
    /// Passes for everybody at once: a child's is capped by its parent's, and nothing is moved.
    Deadline,
}

impl Meter {
    /// How many meters there are.
    pub const COUNT: usize = 10;

    /// Every meter, in declaration order.
    pub const ALL: [Meter; Meter::COUNT] = [
        Meter::Fuel,
        Meter::Memory,
        Meter::WallTime,
        Meter::TokensIn,
        Meter::TokensOut,
        Meter::MicroUsd,
        Meter::BytesStored,
        Meter::BytesSent,
        Meter::Calls,
        Meter::Children,
    ];

    /// How it behaves between a process and its children.
    pub fn kind(self) -> Kind {
        match self {
            Meter::Memory => Kind::Gauge,
            Meter::WallTime => Kind::Deadline,
            Meter::Fuel
            | Meter::TokensIn
            | Meter::TokensOut
            | Meter::MicroUsd
            | Meter::BytesStored
            | Meter::BytesSent
            | Meter::Calls
            | Meter::Children => Kind::Consumable,
        }
    }

    /// Its name in manifests, flags and entries: kebab-case.
    pub fn name(self) -> &'static str {
        match self {
            Meter::Fuel => "fuel",
            Meter::Memory => "memory",
            Meter::WallTime => "wall-time",
            Meter::TokensIn => "tokens-in",
            Meter::TokensOut => "tokens-out",
            Meter::MicroUsd => "micro-usd",
            Meter::BytesStored => "bytes-stored",
            Meter::BytesSent => "bytes-sent",
            Meter::Calls => "calls",
            Meter::Children => "children",
        }
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no meter's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no meter; the meters are {}", Meter::ALL.map(Meter::name).join(", "))]
pub struct MeterError {
    name: String,
}

/// Characters of a foreign text that an error repeats.
pub(crate) const QUOTED: usize = 40;

impl FromStr for Meter {
    type Err = MeterError;

    fn from_str(name: &str) -> Result<Meter, MeterError> {
        let found = Meter::ALL.into_iter().find(|meter| meter.name() == name);
        found.ok_or_else(|| MeterError { name: name.chars().take(QUOTED).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_everywhere() {
        for (place, meter) in Meter::ALL.into_iter().enumerate() {
            assert_eq!(meter as usize, place);
            assert_eq!(meter.to_string().parse(), Ok(meter));
            assert_eq!(serde_json::to_value(meter).unwrap(), meter.name());
            assert_eq!(serde_json::from_value::<Meter>(meter.name().into()).unwrap(), meter);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let message = "Fuel".parse::<Meter>().unwrap_err().to_string();
        assert!(message.starts_with("\"Fuel\" is no meter; the meters are fuel, memory, wall-time,"));
        assert!("x".repeat(10_000).parse::<Meter>().unwrap_err().to_string().len() < 250);
    }
}
