//! The sandbox: how a component is checked, compiled, confined and run.
//!
//! - [`engine`]: one configuration for compiling and running. [`limits`]: one quota for all of a process's memory.
//! - [`component`], [`imports`]: what may be asked of the host, and what is refused by name.
//! - [`compile`], [`cache`]: machine code, made in a child with limits and kept where nobody else can write.
//! - [`wasi`]: the virtual WASI.
//! - [`process`]: a guest from its first instruction to its end.

pub mod cache;
pub mod compile;
pub mod component;
pub mod engine;
pub mod imports;
pub mod limits;
pub mod process;
#[cfg(test)]
mod testing;
pub mod wasi;

use std::collections::HashMap;
use std::sync::Arc;

use audit::Digest;
use wasmtime::Engine;
use wasmtime::component::{InstancePre, Linker};

use crate::kernel::answer::Exit;
use crate::kernel::tape::{Divergence, Tape, TapeError};
use crate::kernel::{Kernel, Launch, Start, cost};
use crate::syscall::{self, Gate};
use cache::Loaded;
use component::Shape;
use process::{Ended, Guest, Life};

/// Runs processes, from components that were loaded before.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<Guest>,
    ready: HashMap<Digest, Ready>,
}

/// A component, linked but for its instances.
#[derive(Clone)]
pub(crate) struct Ready {
    pre: InstancePre<Guest>,
    shape: Shape,
}

/// What decides a run's semantics, for its first entry: engine, configuration, costs.
pub fn semantics() -> String {
    format!("{}; {}", engine::semantics(), cost::TABLE)
}

impl Sandbox {
    /// A sandbox without components.
    ///
    /// # Errors
    /// When the interfaces cannot be linked.
    pub fn new(engine: Engine) -> wasmtime::Result<Sandbox> {
        let mut linker = Linker::new(&engine);
        wasi::link(&mut linker)?;
        syscall::link(&mut linker)?;
        Ok(Sandbox { engine, linker, ready: HashMap::new() })
    }

    /// The engine under it.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Links a component.
    ///
    /// # Errors
    /// When a function that it imports has another type than this host's.
    pub fn add(&mut self, loaded: Loaded) -> wasmtime::Result<()> {
        let pre = self.linker.instantiate_pre(&loaded.component)?;
        self.ready.insert(loaded.digest, Ready { pre, shape: loaded.shape });
        Ok(())
    }

    /// Executes a recorded process again and answers the first difference.
    ///
    /// # Errors
    /// When the recording cannot be read.
    pub async fn replay(
        &self,
        tape: Tape,
        component: Digest,
    ) -> Result<(u64, Option<Divergence>), TapeError> {
        let Some(ready) = self.ready.get(&component).cloned() else { return Ok((0, None)) };
        let life = Life {
            seed: tape.birth.seed.clone(),
            born: tape.born,
            limits: tape.limits,
            input: tape.input()?,
            control: Arc::default(),
        };
        let ended = process::run(&self.engine, &ready, Gate::Replay(Box::new(tape)), life).await;
        let Gate::Replay(mut tape) = ended.gate else { return Ok((0, None)) };
        let differs = tape.finish(ended.fuel, &ended.exit, ended.output.as_ref())?;
        Ok((tape.calls(), differs))
    }
}

impl Start for Sandbox {
    fn start(&self, kernel: Arc<Kernel>, launch: Launch) {
        let (engine, ready) = (self.engine.clone(), self.ready.get(&launch.birth.component).cloned());
        tokio::spawn(async move {
            let key = launch.key;
            let Some(ready) = ready else {
                let text = format!("component {} is not loaded", launch.birth.component.short());
                let _halted = kernel.exit(key, 0, Exit::Unstarted(text), None).await;
                return;
            };
            let life = Life {
                seed: launch.birth.seed,
                born: launch.now,
                limits: launch.limits,
                input: launch.input,
                control: launch.control,
            };
            let gate = match launch.resumed {
                None => Gate::Live(kernel.clone(), key),
                Some(resumed) => Gate::Resumed(kernel.clone(), resumed),
            };
            let Ended { fuel, mut exit, mut output, gate } = process::run(&engine, &ready, gate, life).await;
            if let Gate::Resumed(_, resumed) = gate
                && let Some(strayed) = resumed.strayed(fuel, &exit)
            {
                (exit, output) = (strayed, None);
            }
            // When the log cannot be written there is nobody to tell: whoever waits for the run sees it there.
            let _halted = kernel.exit(key, fuel, exit, output).await;
        });
    }
}
