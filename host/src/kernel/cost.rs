//! What calls cost. The table is part of what decides semantics: it is named in the first entry of a run.

use ledger::Meter;

use super::call::Call;

/// Fuel for any call.
pub const FUEL_CALL: u64 = 1_000;
/// Fuel for a byte carried in or out.
pub const FUEL_BYTE: u64 = 1;

/// Fuel after which a process lets others run. Part of what decides semantics: ends from outside happen there.
pub const FUEL_YIELD: u64 = 100_000;

/// The table's name in a run's first entry.
pub const TABLE: &str = "cost1";

/// What a call is charged when it is made: its place in `calls`, and its body. `size` is that of the body it carries.
pub fn of(call: &Call, size: u64) -> [(Meter, u64); 3] {
    use Meter::{BytesSent, BytesStored, Calls, Children};
    match call {
        Call::Send { .. }
        | Call::Publish { .. }
        | Call::Generate(_)
        | Call::Stream(_)
        | Call::Tool { .. } => [(Calls, 1), (BytesSent, size), (Children, 0)],
        Call::Spawn(_) => [(Calls, 1), (BytesSent, size), (Children, 1)],
        Call::Write { .. } | Call::Put(_) | Call::Log { .. } | Call::ContinueAsNew => {
            [(Calls, 1), (BytesStored, size), (Children, 0)]
        }
        Call::Receive { .. }
        | Call::Subscribe { .. }
        | Call::Acquire { .. }
        | Call::Renew { .. }
        | Call::Release { .. }
        | Call::Read { .. }
        | Call::List { .. }
        | Call::Stat { .. }
        | Call::Remove { .. }
        | Call::Rename { .. }
        | Call::Get { .. }
        | Call::Artifacts(_)
        | Call::Models
        | Call::Next { .. }
        | Call::Wait { .. }
        | Call::Signal { .. }
        | Call::Tools
        | Call::Oversized { .. }
        | Call::Close { .. }
        | Call::Token { .. }
        | Call::Cancel { .. }
        | Call::Whoami
        | Call::Restored
        | Call::Held
        | Call::Budget
        | Call::Pid { .. }
        | Call::Labels
        | Call::Declassify { .. }
        | Call::Sleep { .. } => [(Calls, 1), (BytesStored, 0), (Children, 0)],
    }
}
