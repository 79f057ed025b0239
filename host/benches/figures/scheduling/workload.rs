//! What the agents ask, from a seed.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{SLOTS, SPEED};

/// Questions of an agent, one after another.
pub(crate) const QUESTIONS: u32 = 4;
/// What the load of the Poisson arrivals is of all that the backend can do.
const LOAD: f64 = 0.9;
/// What the numbers follow from.
const SEED: u64 = 20_260_101;

/// When the agents begin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrivals {
    /// All at once; each asks again as soon as it has its answer.
    Closed,
    /// One after another, as a Poisson process at [`LOAD`]; each asks again as soon as it has its answer.
    Poisson,
}

impl Arrivals {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Arrivals::Closed => "closed",
            Arrivals::Poisson => "Poisson",
        }
    }
}

/// What kind of agent one is. The name is its label in the team.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Short questions and answers: most of them.
    Modest,
    /// Ten times as long: one in ten.
    Greedy,
    /// As the modest ones, with the largest weight: one in twenty.
    High,
}

impl Class {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Class::Modest => "modest",
            Class::Greedy => "greedy",
            Class::High => "high",
        }
    }

    /// Tokens of a question, and of its answer at most.
    fn tokens(self) -> (u32, u32) {
        match self {
            Class::Modest | Class::High => (200, 60),
            Class::Greedy => (2_000, 600),
        }
    }
}

/// One agent.
#[derive(Clone, Copy)]
pub(crate) struct Agent {
    pub(crate) class: Class,
    /// When it begins, in the backend's seconds.
    pub(crate) begins: f64,
    questions: u32,
}

/// All agents; the one at `n` is process `n + 2`.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) agents: Vec<Agent>,
}

/// The answer's length of a question: 50 to 100 % of what was allowed, whoever asks when.
pub(crate) fn answered(pid: u32, turn: u64, at_most: u32) -> u64 {
    let seed = SEED ^ (u64::from(pid) << 8) ^ turn;
    let least = at_most.div_ceil(2);
    u64::from(StdRng::seed_from_u64(seed).random_range(least..=at_most))
}

impl Plan {
    pub(crate) fn new(count: usize, arrivals: Arrivals) -> Plan {
        let mut random = StdRng::seed_from_u64(SEED);
        let class = |n: usize| match n % 20 {
            3 | 13 => Class::Greedy,
            7 => Class::High,
            _ => Class::Modest,
        };
        let classes: Vec<Class> = (0..count).map(class).collect();
        let work: f64 = classes
            .iter()
            .map(|class| {
                let (tokens_in, tokens_out) = class.tokens();
                super::backend::seconds(u64::from(tokens_in), u64::from(tokens_out) * 3 / 4)
            })
            .sum();
        // Agents in a second, so that their questions fill so much of the slots.
        let rate = LOAD * SLOTS as f64 / (f64::from(QUESTIONS) * work / count as f64);
        let mut now = 0.0;
        let agents = classes.into_iter().map(|class| {
            if arrivals == Arrivals::Poisson {
                now += -random.random_range(f64::EPSILON..1.0).ln() / rate;
            }
            Agent { class, begins: now, questions: QUESTIONS }
        });
        Plan { agents: agents.collect() }
    }

    /// The same agents, which ask nothing.
    pub(crate) fn silent(&self) -> Plan {
        let agents = self.agents.iter().map(|agent| Agent { begins: 0.0, questions: 0, ..*agent });
        Plan { agents: agents.collect() }
    }

    /// The root's input.
    pub(crate) fn input(&self) -> String {
        let line = |(n, agent): (usize, &Agent)| {
            let (tokens_in, tokens_out) = agent.class.tokens();
            let (label, wait) = (agent.class.label(), (agent.begins / SPEED * 1e3).round());
            format!("{label} a{n} {wait} {} {tokens_in} {tokens_out}\n", agent.questions)
        };
        self.agents.iter().enumerate().map(line).collect()
    }
}
