//! Amounts as people write and read them: `10G` fuel, `64 MiB`, `5min`, `20k` tokens, `$1.50`.

mod parse;
mod show;

pub use parse::{AmountError, parse_amount};
pub use show::{grouped, show};

use crate::Meter;

/// How a meter's amounts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Large numbers of which only the size matters: `10 G`.
    Rough,
    /// Things that are counted one by one: `20k`, `1,912`.
    Count,
    Bytes,
    Time,
    Money,
}

impl Style {
    fn of(meter: Meter) -> Style {
        match meter {
            Meter::Fuel => Style::Rough,
            Meter::TokensIn | Meter::TokensOut | Meter::Calls | Meter::Children => Style::Count,
            Meter::Memory | Meter::BytesStored | Meter::BytesSent => Style::Bytes,
            Meter::WallTime => Style::Time,
            Meter::MicroUsd => Style::Money,
        }
    }

    /// The units that can be written, with their sizes in the meter's own unit.
    fn units(self) -> &'static [(&'static str, u64)] {
        match self {
            Style::Rough | Style::Count => COUNTS,
            Style::Bytes => BYTES,
            Style::Time => TIMES,
            Style::Money => &[("", 1)],
        }
    }

    /// What a person may write, for errors.
    fn example(self) -> &'static str {
        match self {
            Style::Rough | Style::Count => "a number, with k, M, G or T: 20k, 1.5M",
            Style::Bytes => "bytes, or a number with KiB, MiB, GiB, KB, MB or GB: 64MiB",
            Style::Time => "milliseconds, or a number with ms, s, min or h: 5min",
            Style::Money => "dollars with at most 6 decimals, or millionths of one: $1.50, 1500000",
        }
    }
}

const COUNTS: &[(&str, u64)] =
    &[("", 1), ("k", 1_000), ("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000)];

/// `M` and `K` alone are left out on purpose: they leave open which kind is meant.
const BYTES: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

const TIMES: &[(&str, u64)] = &[("", 1), ("ms", 1), ("s", 1_000), ("min", 60_000), ("h", 3_600_000)];

const MICRO_PER_USD: u64 = 1_000_000;

/// The word for [`crate::MAX`], no limit.
const UNLIMITED: &str = "unlimited";

#[cfg(test)]
mod tests;
