//! Changes to bytes: what a disk, a line or somebody who hopes for a slip does to a text.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Inputs of each test; AOS_SOAK=1 makes a campaign of it.
const CASES: u32 = 400;
const CAMPAIGN: u32 = 40_000;
/// Bytes of an input that is not made from a sound one.
const ARBITRARY_BYTES: usize = 600;
/// Changes to one input at most.
const CHANGES: usize = 4;
/// How often a part is repeated at most: enough to pass the limit of every list.
const REPEATS: usize = 130;

/// What parsers look for, so that inputs come past their first check.
const WORDS: [&str; 24] = [
    "\n",
    "\n\n",
    "\u{2014} ",
    " ",
    "+",
    "\r",
    "\0",
    "\u{1b}[31m",
    "\u{2028}",
    "0",
    "00",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "index 1\n",
    "old 1\n",
    "extra AAAA\n",
    "end\n",
    "+ - AAAA\n",
    "=",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    "\u{2014} log.example AAAAAQE=\n",
    "checkpoint 0\n",
];

/// How many inputs each test tries.
pub fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("AOS_SOAK").is_some() { CAMPAIGN } else { CASES };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// One change.
#[derive(Debug, Clone)]
pub enum Change {
    /// A bit is flipped.
    Flip(Index, u8),
    /// A byte becomes another.
    Set(Index, u8),
    /// The rest is missing.
    Cut(Index),
    /// A part is missing.
    Drop(Index, Index),
    /// A part is there again and again.
    Repeat(Index, Index, usize),
    /// A word comes in between.
    Insert(Index, &'static str),
    /// A line is missing, doubled, or elsewhere.
    Line(Index, Index, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0_u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, with)| Change::Set(at, with)),
        at().prop_map(Change::Cut),
        (at(), at()).prop_map(|(from, to)| Change::Drop(from, to)),
        (at(), at(), 1..REPEATS).prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        (at(), prop::sample::select(&WORDS[..])).prop_map(|(at, word)| Change::Insert(at, word)),
        (at(), at(), 0_u8..3).prop_map(|(from, to, how)| Change::Line(from, to, how)),
    ]
}

/// A few changes.
pub fn changes() -> impl Strategy<Value = Vec<Change>> {
    vec(change(), 1..=CHANGES)
}

/// Any bytes, often made of words that parsers know.
pub fn arbitrary() -> impl Strategy<Value = Vec<u8>> {
    let words = vec(prop::sample::select(&WORDS[..]), 0..40).prop_map(|words| words.concat().into_bytes());
    prop_oneof![vec(any::<u8>(), 0..ARBITRARY_BYTES), words]
}

/// What the changes make of a text.
pub fn changed(text: &str, changes: &[Change]) -> Vec<u8> {
    changes.iter().fold(text.as_bytes().to_vec(), apply)
}

fn apply(mut bytes: Vec<u8>, change: &Change) -> Vec<u8> {
    if bytes.is_empty() {
        return bytes;
    }
    let length = bytes.len();
    let part = |from: &Index, to: &Index| {
        let (from, to) = (from.index(length), to.index(length));
        from.min(to)..from.max(to)
    };
    match change {
        Change::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
        Change::Set(at, with) => bytes[at.index(length)] = *with,
        Change::Cut(at) => bytes.truncate(at.index(length)),
        Change::Drop(from, to) => drop(bytes.drain(part(from, to))),
        Change::Repeat(from, to, times) => {
            let part = part(from, to);
            let again = bytes[part.clone()].repeat(*times);
            bytes.splice(part.end..part.end, again);
        }
        Change::Insert(at, word) => {
            let at = at.index(length);
            bytes.splice(at..at, word.bytes());
        }
        Change::Line(from, to, how) => return lines(&bytes, from, to, *how),
    }
    bytes
}

fn lines(bytes: &[u8], from: &Index, to: &Index, how: u8) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let from = from.index(lines.len());
    match how {
        0 => drop(lines.remove(from)),
        1 => lines.insert(from, lines[from]),
        _ => {
            let to = to.index(lines.len());
            lines.swap(from, to);
        }
    }
    lines.concat()
}
