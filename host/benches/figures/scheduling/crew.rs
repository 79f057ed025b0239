//! The agents of a plan as one team of real components, and what came of running it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use aos_host::host::{Dirs, Host, ModelFlag, ModelSource, Options, Request, prepare, replay};
use aos_host::kernel::ports::{Ask, Chunk, Completion, Driver, Fault, Traits};
use futures_util::future::BoxFuture;
use ledger::{MAX, Meter};
use tokio::sync::mpsc::Receiver;

use super::Order;
use super::backend::{Backend, Served};
use super::workload::Plan;
use crate::{Result, guest, scratch};

const TEAM: &str = r#"
[package]
name = "scheduling"
version = "0.1.0"
component = "asker.wasm"
[needs]
spawn = ["modest", "greedy", "high"]
[needs.delegate]
infer = ["default"]
"#;

/// The weight of the `high` ones; the others have 100.
const HIGH: u16 = 1_000;

/// A team, its files and its compiled code.
pub(crate) struct Crew {
    root: PathBuf,
    children: u64,
}

/// A question on its way: when it was asked, in the backend's seconds.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) pid: u32,
    pub(crate) turn: u64,
    pub(crate) at: f64,
}

/// What a run left.
pub(crate) struct Ran {
    pub(crate) asked: Vec<Asked>,
    pub(crate) served: Vec<Served>,
    /// Who was told to come back later.
    pub(crate) refused: usize,
    /// Processor time of this process for the run: seconds.
    pub(crate) cpu: f64,
}

impl Crew {
    pub(crate) fn new(plan: &Plan) -> Result<Crew> {
        let root = scratch("scheduling")?;
        let team = root.join("team");
        std::fs::create_dir_all(&team)?;
        let mut manifest = TEAM.to_owned();
        for label in ["modest", "greedy", "high"] {
            manifest.push_str(&format!(
                "[children.{label}]\ncomponent = \"asker.wasm\"\nneeds = {{ infer = [\"default\"] }}\n\
                 budget = {{ memory = \"2MiB\", fuel = \"1G\", wall-time = \"unlimited\" }}\n"
            ));
        }
        std::fs::write(team.join("agent.toml"), manifest)?;
        std::fs::copy(guest("asker")?, team.join("asker.wasm"))?;
        // The driver of the grant; another one is put behind its label.
        std::fs::write(root.join("script.toml"), "[[answer]]\ntext = ''\n")?;
        Ok(Crew { root, children: plan.agents.len() as u64 })
    }

    /// Runs a plan in a host of its own, and again on its log. The state is thrown away.
    pub(crate) fn run(&self, plan: &Plan, order: Order) -> Result<Ran> {
        let state = self.root.join("state");
        let dirs = Dirs { state, config: self.root.join("config"), cache: self.root.join("cache") };
        let compiler = std::env::current_exe()?;
        let options = Options {
            check: false,
            log_limit: None,
            threads: None,
            compiler,
            lines: Default::default(),
            tell: |_| {},
        };
        let source = ModelSource::Script(self.root.join("script.toml"));
        let model = ModelFlag { label: "default".into(), source };
        let request = Request {
            target: self.root.join("team"),
            input: plan.input().into(),
            models: vec![model],
            budget: self.budget(),
            weights: vec![("high".into(), HIGH)],
            ..Request::default()
        };
        let mut prepared = prepare(&dirs, &options, request)?;
        let backend = Backend::new();
        let door = Arc::new(Door {
            inner: order.driver(&backend)?,
            backend: backend.clone(),
            asked: Arc::default(),
        });
        prepared.behind("default", door.clone());
        let before = processor()?;
        let host = Host::open(&dirs, &options)?;
        let over = host.runtime().block_on(async {
            let running = host.run(prepared).await?;
            host.ended(running).await
        })?;
        host.close();
        let cpu = processor()? - before;
        returned(&dirs, over.exit)?;
        if let Some(differs) = replay(&dirs, &options, None, None)?.divergence {
            return Err(format!("its replay differs: {differs:?}").into());
        }
        std::fs::remove_dir_all(&dirs.state)?;
        let asked = door.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Ran { asked, served: backend.served(), refused: backend.refused(), cpu })
    }

    fn budget(&self) -> Vec<(Meter, u64)> {
        let free = Meter::ALL.into_iter().filter(|meter| ![Meter::Memory, Meter::Children].contains(meter));
        let mut budget: Vec<(Meter, u64)> = free.map(|meter| (meter, MAX)).collect();
        budget.push((Meter::Children, self.children));
        budget.push((Meter::Memory, (64 << 20) + (self.children << 21)));
        budget
    }
}

/// A run that failed measures nothing.
fn returned(dirs: &Dirs, exit: u64) -> Result<()> {
    let mut said = String::new();
    aos_host::journal::Reader::open(&dirs.state)?.lines(exit, exit, |_, line| {
        said = String::from_utf8_lossy(line).into_owned();
        Ok::<(), aos_host::journal::StoreError>(())
    })?;
    match said.contains(r#""event":{"exit":"returned"}"#) {
        true => Ok(()),
        false => Err(format!("the run failed: {said}").into()),
    }
}

/// Processor time that this process has used, in seconds: user and system, in ticks of 10 ms.
fn processor() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).ok_or("no such field");
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// Notes when each question comes, before it waits for anything.
struct Door {
    inner: Arc<dyn Driver>,
    backend: Arc<Backend>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Driver for Door {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn traits(&self, model: &str) -> Traits {
        self.inner.traits(model)
    }

    fn generate(&self, ask: Ask) -> BoxFuture<'static, std::result::Result<Completion, Fault>> {
        let asked = Asked { pid: ask.caller.pid, turn: ask.turn, at: self.backend.now() };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        self.inner.generate(ask)
    }

    fn stream(
        &self,
        ask: Ask,
    ) -> BoxFuture<'static, std::result::Result<Receiver<std::result::Result<Chunk, Fault>>, Fault>> {
        self.inner.stream(ask)
    }
}
