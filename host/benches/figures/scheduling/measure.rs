//! From what was asked and served to figures.

use std::collections::HashMap;

use super::SLOTS;
use super::crew::Ran;
use super::workload::{Class, Plan, QUESTIONS};
use crate::Result;

/// The table's head.
pub(crate) const HEAD: &str = "\
agents arrivals order          makespan   busy  waiting p50    p90    p99  modest p99  greedy p99  high p99  fairness  refused  CPU/question
";

/// What the columns mean.
pub(crate) const NOTES: &str = "\
times in seconds of the backend: 32 slots, 40 tokens/s each, a prompt at 8,000 tokens/s, 40 times faster than real time
85 % modest agents (200 tokens in, 30 to 60 out), 10 % greedy (2,000 in, 300 to 600 out), 5 % high (modest, weight 1,000)
makespan: from the first question to the last answer; busy: slots in use meanwhile, of all
waiting: from a question's arrival at the driver to its slot; high p99: of the high ones alone
fairness: Jain's index over the tokens that each agent which had come was served at half of the makespan
refused: how often an agent was told to come back later
CPU/question: processor time of the whole process (guest, kernel, log, driver), less that of the same agents asking nothing";

/// The figures of one cell.
pub(crate) struct Figures {
    pub(crate) makespan: f64,
    pub(crate) busy: f64,
    /// How long each question waited, shortest first.
    pub(crate) waiting: Vec<f64>,
    pub(crate) modest: Vec<f64>,
    pub(crate) greedy: Vec<f64>,
    pub(crate) high: Vec<f64>,
    /// Jain's index.
    pub(crate) fairness: f64,
    refused: usize,
    /// Microseconds.
    processor: f64,
}

/// The value below which so many percent are.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(f64::NAN)
}

/// (Σx)² / (n Σx²): 1 when all have the same, 1/n when one has all (Jain, Chiu and Hawe, DEC-TR-301, 1984).
fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|x| x * x).sum();
    if squares == 0.0 { 1.0 } else { sum * sum / (shares.len() as f64 * squares) }
}

impl Figures {
    pub(crate) fn of(plan: &Plan, ran: &Ran, idle: f64) -> Result<Figures> {
        let questions = plan.agents.len() * QUESTIONS as usize;
        if ran.served.len() != questions || ran.asked.len() != questions {
            return Err(format!("{} of {questions} questions were answered", ran.served.len()).into());
        }
        let asked: HashMap<(u32, u64), f64> = ran.asked.iter().map(|a| ((a.pid, a.turn), a.at)).collect();
        let first = ran.asked.iter().map(|a| a.at).fold(f64::INFINITY, f64::min);
        let last = ran.served.iter().map(|s| s.ended).fold(0.0, f64::max);
        let makespan = last - first;
        let work: f64 = ran.served.iter().map(|s| s.ended - s.began).sum();
        let waits = |wanted: Option<Class>| {
            let of = |pid: u32| plan.agents[pid as usize - 2].class;
            let those = ran.served.iter().filter(|s| wanted.is_none_or(|class| of(s.pid) == class));
            let mut all: Vec<f64> =
                those.filter_map(|s| Some((s.began - asked.get(&(s.pid, s.turn))?).max(0.0))).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        Ok(Figures {
            makespan,
            busy: work / (SLOTS as f64 * makespan),
            waiting: waits(None),
            modest: waits(Some(Class::Modest)),
            greedy: waits(Some(Class::Greedy)),
            high: waits(Some(Class::High)),
            fairness: jain(&shares(ran, first + makespan / 2.0)),
            refused: ran.refused,
            processor: (ran.cpu - idle).max(0.0) * 1e6 / questions as f64,
        })
    }

    /// A line of the table, or of JSON.
    pub(crate) fn line(&self, agents: usize, arrivals: &str, order: &str, json: bool) -> String {
        let p = |sorted: &[f64], percent| percentile(sorted, percent);
        let [p50, p90, p99] = [50, 90, 99].map(|percent| p(&self.waiting, percent));
        let [modest, greedy, high] = [&self.modest, &self.greedy, &self.high].map(|class| p(class, 99));
        let Figures { makespan, busy, fairness, refused, processor, .. } = self;
        if json {
            return serde_json::json!({
                "agents": agents, "arrivals": arrivals, "order": order, "makespan_s": makespan, "busy": busy,
                "waiting_p50_s": p50, "waiting_p90_s": p90, "waiting_p99_s": p99, "modest_p99_s": modest,
                "greedy_p99_s": greedy, "high_p99_s": high, "jain": fairness, "refused": refused,
                "cpu_us_per_question": processor,
            })
            .to_string();
        }
        format!(
            "{agents:>6} {arrivals:<8} {order:<14} {makespan:>8.1} {:>5.1}% {p50:>12.2} {p90:>6.1} {p99:>6.1} {modest:>11.1} \
             {greedy:>11.1} {high:>9.2} {fairness:>9.2} {refused:>8} {processor:>10.0} µs",
            busy * 100.0
        )
    }
}

/// What each agent that had come was served until then; an answer that is being made counts as far as it is.
fn shares(ran: &Ran, until: f64) -> Vec<f64> {
    let come = ran.asked.iter().filter(|asked| asked.at <= until);
    let mut shares: HashMap<u32, f64> = come.map(|asked| (asked.pid, 0.0)).collect();
    for served in ran.served.iter().filter(|served| served.began < until) {
        let part = ((until - served.began) / (served.ended - served.began)).min(1.0);
        *shares.entry(served.pid).or_default() += served.tokens as f64 * part;
    }
    shares.into_values().collect()
}
