//! Writing amounts: short, and exact where a person would count.

use super::{MICRO_PER_USD, Style, UNLIMITED};
use crate::{MAX, Meter};

/// Decimal units for amounts that are written roughly, smallest first.
const DECIMAL: [&str; 6] = ["", "k", "M", "G", "T", "P"];

/// Below this, an amount of fuel is written in full.
const ROUGH_FROM: u64 = 10_000;

/// An amount for people: fuel `10 G`, memory `64 MiB` (binary units where they come out even, else
/// `8.2 KB`), time `5 min`, tokens `20k` or `1,912`, money `$1.50`, and `unlimited` for
/// [`MAX`]. Fuel, bytes and times of a second or more may be rounded; the rest is exact.
pub fn show(meter: Meter, n: u64) -> String {
    if n >= MAX {
        return UNLIMITED.to_owned();
    }
    match Style::of(meter) {
        Style::Rough if n < ROUGH_FROM => grouped(n),
        Style::Rough => rough(n, ""),
        Style::Count => count(n),
        Style::Bytes => bytes(n),
        Style::Time => time(n),
        Style::Money => money(n),
    }
}

/// A number with its thousands set off: `1,912`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// In thousands or millions where that is exact.
fn count(n: u64) -> String {
    match n {
        1.. if n.is_multiple_of(1_000_000) => format!("{}M", grouped(n / 1_000_000)),
        1.. if n.is_multiple_of(1_000) => format!("{}k", grouped(n / 1_000)),
        _ => grouped(n),
    }
}

/// One decimal of the largest fitting decimal unit: `8.2 K` and `unit`.
fn rough(n: u64, unit: &str) -> String {
    let mut size = 1u64;
    let mut tenths = n.saturating_mul(10);
    let mut prefix = 0;
    // Decided on the rounded value, so that 999,960 is 1 M and not 1000 k.
    while tenths >= 10_000 && prefix + 1 < DECIMAL.len() {
        prefix += 1;
        size *= 1_000;
        // Half up, in two steps of which neither overflows.
        tenths = n / size * 10 + (n % size * 10 + size / 2) / size;
    }
    let prefix = DECIMAL[prefix];
    let prefix = if unit == "B" && prefix == "k" { "K" } else { prefix };
    format!("{} {prefix}{unit}", one_decimal(tenths)).trim_end().to_owned()
}

fn one_decimal(tenths: u64) -> String {
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        tenth => format!("{}.{tenth}", tenths / 10),
    }
}

fn bytes(n: u64) -> String {
    for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        if n >> shift > 0 {
            let even = n.is_multiple_of(1 << shift);
            return if even { format!("{} {unit}", grouped(n >> shift)) } else { rough(n, "B") };
        }
    }
    rough(n, "B")
}

/// Milliseconds; from a minute on, rounded to seconds.
fn time(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..59_950 => format!("{} s", one_decimal((ms + 50) / 100)),
        _ => {
            let seconds = (ms + 500) / 1_000;
            let parts = [(seconds / 3_600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
            let shown = parts.iter().filter(|(n, _)| *n > 0);
            shown.map(|(n, unit)| format!("{} {unit}", grouped(*n))).collect::<Vec<_>>().join(" ")
        }
    }
}

/// Dollars with two decimals, or as many of six as it takes to be exact.
fn money(micro_usd: u64) -> String {
    let (dollars, micro) = (grouped(micro_usd / MICRO_PER_USD), micro_usd % MICRO_PER_USD);
    let decimals = format!("{micro:06}");
    let kept = decimals.trim_end_matches('0').len().max(2);
    format!("${dollars}.{}", &decimals[..kept])
}
