//! A call that was refused: denied, or not covered by a budget. The guest was told no more than that; the operator
//! sees what would have allowed it.

use ledger::{Meter, grouped, parse_amount, show};
use serde::Serialize;

use super::amount::times;
use super::escape::visible;
use super::process::ProcessView;
use super::remedy::{self, Remedy, subject};
use super::time::rfc3339;
use crate::cli::command::Typed;
use crate::kernel::call::{Call, Pid};
use crate::kernel::cost;
use crate::kernel::entry::Entry;
use crate::kernel::state::{Proc, Run};

/// A refused call, or several identical ones in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Its entry.
    pub entry: u64,
    /// Whose it was.
    pub pid: Pid,
    /// Its name.
    pub process: String,
    /// The verb as the interface names it: `mount.read`.
    pub verb: &'static str,
    /// What it was to be done to: `docs:plan.md`.
    pub object: String,
    /// The meter that did not cover it; absent for a denial.
    pub meter: Option<Meter>,
    /// How often in a row.
    pub times: u64,
    /// Why.
    pub why: String,
    /// What would have allowed it.
    pub remedy: Remedy,
}

/// Who was refused, as state and view know it, and how often.
pub type Who<'a> = (&'a Proc, &'a ProcessView, u64);

/// A denial.
pub fn denied(entry: &Entry, call: &Call, run: &Run, who: Who<'_>) -> Refusal {
    let (me, process, _) = who;
    let (why, remedy) = remedy::explain(call, run, me, (&process.member, &process.labels));
    refusal(entry, call, who, None, why, remedy)
}

/// A call that its budget did not cover; of the meter, when the run's comes back.
pub fn unpaid(
    entry: &Entry,
    call: &Call,
    (meter, back): (Meter, Option<u64>),
    size: u64,
    who: Who<'_>,
) -> Refusal {
    let (me, process, _) = who;
    let (left, granted) = (me.account.left(meter), me.account.granted(meter));
    let wanted = needs(call, meter, size);
    let asked = match wanted {
        Some((amount, purpose)) => format!("call needs up to {}{purpose}", exact(meter, amount)),
        None => "call needs more than is left".to_owned(),
    };
    let back = back.map(|at| format!("; more at {}", rfc3339(at))).unwrap_or_default();
    let why = format!("{asked}, {} of {} left{back}", exact(meter, left), exact(meter, granted));
    let enough = granted.saturating_mul(2).max(wanted.map_or(0, |(amount, _)| amount));
    let remedy = match process.parent {
        None => Remedy::Flag(more(meter, enough)),
        Some(_) => Remedy::Manifest(format!("{meter} in [children.{}.budget]", visible(&process.member))),
    };
    refusal(entry, call, who, Some(meter), why, remedy)
}

/// The flag of `run` that grants so much.
pub fn more(meter: Meter, amount: u64) -> String {
    let amount = amount.min(ledger::MAX - 1);
    let short = show(meter, amount).replace([' ', ','], "");
    let kept = parse_amount(meter, &short) == Ok(amount) && !short.contains('$');
    format!("--budget {meter}={}", if kept { short } else { amount.to_string() })
}

fn refusal(
    entry: &Entry,
    call: &Call,
    who: Who<'_>,
    meter: Option<Meter>,
    why: String,
    remedy: Remedy,
) -> Refusal {
    let (_, process, times) = who;
    Refusal {
        entry: entry.seq,
        pid: entry.pid,
        process: process.name.clone(),
        verb: call.verb(),
        object: subject(call),
        meter,
        times,
        why,
        remedy,
    }
}

/// What is counted one by one is shown so: the difference is what matters.
fn exact(meter: Meter, amount: u64) -> String {
    match meter {
        Meter::TokensIn | Meter::TokensOut | Meter::Calls | Meter::Children if amount < ledger::MAX => {
            grouped(amount)
        }
        _ => show(meter, amount),
    }
}

/// What a call asks of a meter at most, where the call says it, and what for.
fn needs(call: &Call, meter: Meter, size: u64) -> Option<(u64, &'static str)> {
    match (call, meter) {
        (Call::Generate(question) | Call::Stream(question), Meter::TokensIn) => {
            Some((question.bound, " for its prompt"))
        }
        (Call::Generate(question) | Call::Stream(question), Meter::TokensOut) => {
            Some((u64::from(question.max_tokens), " for its reply"))
        }
        (Call::Spawn(spec), _) if spec.budget.iter().any(|(named, _)| *named == meter) => spec
            .budget
            .iter()
            .find(|(named, _)| *named == meter)
            .map(|(_, amount)| (*amount, " for the child")),
        _ => cost::of(call, size).into_iter().find(|(of, n)| *of == meter && *n > 0).map(|(_, n)| (n, "")),
    }
}

impl Refusal {
    /// As `run` shows it, with the command that would have allowed it once.
    pub fn lines(&self, run: u32, typed: Option<&Typed>) -> Vec<String> {
        let name = visible(&self.process);
        let repeated = if self.times > 1 { format!(" {}", times(self.times)) } else { String::new() };
        let mut lines = vec![match self.meter {
            Some(meter) => {
                format!(
                    "budget r{run}/{} {name}, {meter}: {} (#{} {}){repeated}",
                    self.pid, self.why, self.entry, self.verb
                )
            }
            None => {
                let who = if self.pid == 1 { String::new() } else { format!(" {name}") };
                let object = if self.object.is_empty() { String::new() } else { format!(" {}", self.object) };
                format!(
                    "denied r{run}/{}{who} {}{object} (#{}): {}{repeated}",
                    self.pid, self.verb, self.entry, self.why
                )
            }
        }];
        match (&self.remedy, typed) {
            (Remedy::Flag(flag), Some(typed)) => {
                lines.push(format!("  once: {}", typed.with(std::slice::from_ref(flag))))
            }
            (Remedy::Flag(flag), None) => lines.push(format!("  once: {flag}")),
            (Remedy::Manifest(line), _) => lines.push(format!("  in the manifest: {line}")),
            (Remedy::Options(options), _) => {
                lines.extend(options.iter().map(|option| format!("  or: {option}")))
            }
            (Remedy::Nothing, _) => {}
        }
        lines
    }

    /// As `inspect` counts it: `#77 writer read notes`.
    pub fn short(&self) -> String {
        let repeated = if self.times > 1 { format!(" {}", times(self.times)) } else { String::new() };
        let what = match self.meter {
            Some(meter) => format!("{}, {meter}", self.verb),
            None => format!("{} {}", self.verb, self.object).trim_end().to_owned(),
        };
        format!("#{} {} {what}{repeated}", self.entry, visible(&self.process))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Log};
    use super::*;
    use crate::kernel::answer::Error;
    use crate::kernel::call::Question;

    fn typed() -> Typed {
        Typed::new(["run", "hello.wasm", "Ada"].map(str::to_owned))
    }

    #[test]
    fn a_denial_names_the_flag() {
        let mut log = Log::new(fixture::alone());
        log.start_root("hello");
        let refusal = log.refused(1, fixture::read("docs", "plan.md"), Error::Denied);
        assert_eq!(
            refusal.lines(1, Some(&typed())),
            [
                "denied r1/1 mount.read docs:plan.md (#3): no mount \"docs\" granted",
                "  once: aos-host run --mount docs=DIR:ro hello.wasm Ada",
            ]
        );
        assert_eq!(refusal.short(), "#3 hello mount.read docs:plan.md");
    }

    #[test]
    fn a_budget_names_what_was_needed_and_what_was_left() {
        let mut log = Log::new(fixture::alone());
        log.start_root("hello");
        let question = Question {
            model: "m".into(),
            max_tokens: 60_000,
            bound: 1_076,
            tools: false,
            json: false,
            fault: None,
        };
        let refusal = log.refused(1, Call::Generate(question), Error::Exhausted(Meter::TokensOut));
        assert_eq!(
            refusal.lines(1, Some(&typed())),
            [
                "budget r1/1 hello, tokens-out: call needs up to 60,000 for its reply, 50,000 of 50,000 left \
                 (#3 infer.generate)",
                "  once: aos-host run --budget tokens-out=100k hello.wasm Ada",
            ]
        );
    }

    #[test]
    fn amounts_in_flags_are_read_as_they_are_meant() {
        assert_eq!(more(Meter::Fuel, 20_000_000_000), "--budget fuel=20G");
        assert_eq!(more(Meter::Fuel, 12_345_678), "--budget fuel=12345678");
        assert_eq!(more(Meter::WallTime, 600_000), "--budget wall-time=10min");
        assert_eq!(more(Meter::WallTime, 5_400_000), "--budget wall-time=5400000");
        assert_eq!(more(Meter::Memory, 128 << 20), "--budget memory=128MiB");
        assert_eq!(more(Meter::MicroUsd, 1_500_000), "--budget micro-usd=1500000");
    }
}
