//! Who comes first at a model, measured: real components in a real host ask a simulated backend under each policy, and under
//! two baselines without one. `cargo xtask bench --scheduling` runs a sample, `--scheduling --whole` all of it.
//!
//! Time at the backend runs [`SPEED`] times faster than it says, so that a cell takes seconds. All figures are in its time.

mod backend;
mod baseline;
mod chart;
mod crew;
mod measure;
mod workload;

use std::sync::Arc;

use aos_host::infer::slots::{Kind, Lines, Share};
use aos_host::kernel::ports::Driver;

use crate::{Result, scratch};
use backend::{Backend, Direct};
use baseline::{Bounded, Retrying};
use crew::Crew;
use measure::Figures;
use workload::{Arrivals, Plan};

/// How much faster than real time the backend is.
const SPEED: f64 = 40.0;
/// Questions that the backend answers at a time.
const SLOTS: usize = 32;
/// Agents of a sample, and of the whole.
const SAMPLE: [usize; 2] = [250, 1_000];
const WHOLE: [usize; 4] = [250, 500, 1_000, 2_000];

/// How those who ask are put in order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The host's own lines.
    Policy(&'static str, Kind),
    /// A queue of 256 places, first come, first served; who finds it full comes back later.
    Bounded,
    /// No queue: who finds no slot comes back later.
    Retrying,
}

impl Order {
    const ALL: [Order; 5] = [
        Order::Policy("fifo", Kind::Fifo),
        Order::Policy("priority", Kind::Priority),
        Order::Policy("fair", Kind::Fair),
        Order::Bounded,
        Order::Retrying,
    ];

    fn name(self) -> &'static str {
        match self {
            Order::Policy(name, _) => name,
            Order::Bounded => "bounded queue",
            Order::Retrying => "retry alone",
        }
    }

    fn driver(self, backend: &Arc<Backend>) -> Result<Arc<dyn Driver>> {
        Ok(match self {
            Order::Policy(_, policy) => {
                let share =
                    Share { slots: SLOTS, policy, tokens_per_minute: None, requests_per_minute: None };
                Lines::default().driver("simulated", Some(share), Arc::new(Direct(backend.clone())))?
            }
            Order::Bounded => Arc::new(Bounded::new(backend.clone(), SLOTS)),
            Order::Retrying => Arc::new(Retrying(backend.clone())),
        })
    }
}

/// What one cell came to.
pub(crate) struct Cell {
    agents: usize,
    arrivals: Arrivals,
    order: Order,
    figures: Figures,
}

pub(crate) fn figures(whole: bool, json: bool) -> Result<()> {
    let sizes: &[usize] = if whole { &WHOLE } else { &SAMPLE };
    let mut cells = Vec::new();
    if !json {
        print!("{}", measure::HEAD);
    }
    for arrivals in [Arrivals::Closed, Arrivals::Poisson] {
        for agents in sizes {
            let plan = Plan::new(*agents, arrivals);
            let crew = Crew::new(&plan)?;
            let idle = crew.run(&plan.silent(), Order::Policy("fair", Kind::Fair))?.cpu;
            for order in Order::ALL {
                let ran = crew.run(&plan, order)?;
                let figures = Figures::of(&plan, &ran, idle)?;
                println!("{}", figures.line(*agents, arrivals.name(), order.name(), json));
                cells.push(Cell { agents: *agents, arrivals, order, figures });
            }
        }
    }
    let path = scratch("scheduling-chart")?.with_file_name("scheduling.svg");
    std::fs::write(&path, chart::draw(&cells))?;
    if !json {
        println!("\n{}", measure::NOTES);
        println!("drawn in {}", path.display());
    }
    Ok(())
}
