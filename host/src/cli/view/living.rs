//! What lives, as a table.

use ledger::{Meter, grouped, show};

use super::escape::visible;
use super::question::{brief, cut};
use crate::kernel::call::{Call, Key};
use crate::kernel::glance::{Living, Waiting};
use crate::kernel::state::Stage;

/// Characters of a name and of a state at most.
const NAME: usize = 24;
const STATE: usize = 56;

/// The table's columns.
const HEADS: [&str; 7] = ["PROCESS", "NAME", "STATE", "FOR", "FUEL", "TOKENS", "SPEND"];

/// A process, with the call that it waits in and that call's time.
pub struct Row<'a> {
    /// The process.
    pub living: &'a Living,
    /// What it waits in.
    pub call: Option<(Call, u64)>,
}

/// What a process does, in a word.
pub fn state(living: &Living) -> &'static str {
    match living.waits.as_ref().map(|waits| waits.stage) {
        None => "runs",
        Some(Stage::Waits) => "waits",
        Some(Stage::Acts) => "acts",
        Some(Stage::Asks) => "asks",
    }
}

/// Since when it does that: kernel time.
pub fn since(row: &Row<'_>) -> u64 {
    row.call.as_ref().map_or(row.living.started, |(_, since)| *since)
}

/// The lines, a head and one for each process; `now` is the time of day in milliseconds since 1970.
pub fn table(rows: &[Row<'_>], now: u64) -> Vec<String> {
    let mut cells = vec![HEADS.map(str::to_owned)];
    cells.extend(rows.iter().map(|row| cells_of(row, now)));
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADS.len()).map(width).collect();
    let line = |row: &[String; 7]| {
        let padded: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

fn cells_of(row: &Row<'_>, now: u64) -> [String; 7] {
    let living = row.living;
    let mut does = state(living).to_owned();
    match (living.waits.as_ref().and_then(Waiting::slot), &row.call) {
        (Some(slot), _) => does = format!("waits for {slot}"),
        (None, Some((call, _))) => does.push_str(&format!(" {}", brief(call))),
        (None, None) => {}
    }
    if living.stopping {
        does.push_str(" (stopping)");
    }
    [
        Key { run: living.run, pid: living.pid }.to_string(),
        cut(&visible(&living.name), NAME),
        cut(&does, STATE),
        age(now.saturating_sub(since(row))),
        show(Meter::Fuel, living.fuel),
        grouped(living.tokens),
        show(Meter::MicroUsd, living.micro_usd),
    ]
}

/// A span of time; seconds are enough.
pub fn age(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", grouped(seconds / 3_600), seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn living(pid: u32, name: &str, stage: Option<Stage>) -> Living {
        let waits = stage.map(|stage| Waiting { seq: 9, stage, model: None, place: None });
        Living {
            run: 1,
            pid,
            name: name.into(),
            started: 1_000,
            stopping: pid == 2,
            waits,
            fuel: 1_200_000,
            tokens: 1_912,
            micro_usd: 1_500_000,
        }
    }

    #[test]
    fn a_table_of_what_runs_and_waits() {
        let (root, child) = (living(1, "team", None), living(2, "w\u{1b}", Some(Stage::Waits)));
        let call = Some((Call::Receive { wait: None }, 60_000));
        let rows = [Row { living: &root, call: None }, Row { living: &child, call }];
        assert_eq!(
            table(&rows, 63_500),
            [
                "PROCESS  NAME     STATE                         FOR        FUEL   TOKENS  SPEND",
                "r1/1     team     runs                          1 min 2 s  1.2 M  1,912   $1.50",
                "r1/2     w\\u{1b}  waits ipc.receive (stopping)  3 s        1.2 M  1,912   $1.50",
            ]
        );
    }

    #[test]
    fn ages() {
        assert_eq!([0, 59_999, 61_000, 7_260_000].map(age), ["0 s", "59 s", "1 min 1 s", "2 h 1 min"]);
    }
}
