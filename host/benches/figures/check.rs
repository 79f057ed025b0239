//! What the check of a right costs, beside a whole call: the rights of a process at their limit, in the order that is worst for it.

use std::hint::black_box;
use std::time::Instant;

use authority::{Decision, Labels, Right, Rights, Verb};

use super::Result;
use super::table::{Samples, Table};

/// Checks in one sample.
const CHECKS: u32 = 100_000;

/// Nanoseconds of one check against so many rights, of which the last one covers the object.
fn check(count: usize) -> Result<Samples> {
    let names = (0..count).map(|n| format!("topic.with.a.name.{n:02}.*"));
    let rights: Vec<Right> =
        names.map(|name| Ok(Right::allow(Verb::Publish, name.parse()?))).collect::<Result<_>>()?;
    let rights = Rights::new(rights)?;
    let (object, labels) = (format!("topic.with.a.name.{:02}.x", count - 1), Labels::new(["personal"])?);
    if rights.decide(Verb::Publish, &object, &labels) != Decision::Allow {
        return Err("the last right does not cover its object".into());
    }
    let sample = |_| {
        let start = Instant::now();
        for _ in 0..CHECKS {
            black_box(black_box(&rights).decide(Verb::Publish, black_box(&object), black_box(&labels)));
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(CHECKS)
    };
    Ok(Samples::new((0..50).map(sample).collect()))
}

/// Beside a null call of this run, in microseconds.
pub(crate) fn figures(table: &mut Table, null: f64) -> Result<()> {
    table.row("check of a right, 1 held", "ns", &check(1)?, Some(null * 1e3));
    let all = check(Rights::LIMIT)?;
    let part = all.percentile(50) / (null * 1e3) * 100.0;
    table.row("check of a right, 64 held, the last covers", "ns", &all, Some(null * 1e3));
    table.note(&format!("bare of a check: the null call above; at 64 rights it is {part:.1} % of one"));
    Ok(())
}
