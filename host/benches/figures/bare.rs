//! The limit: a component on the host's engine, with host functions that do nothing.

use std::path::Path;
use std::time::Instant;

use aos_host::sandbox::cache::Cache;
use aos_host::sandbox::engine::{self, FUEL_YIELD, Pool};
use aos_host::syscall::bindings::{ipc, types};
use wasmtime::component::{InstancePre, Linker, WasmList};
use wasmtime::{Engine, Store};

use crate::Result;

type Answer = std::result::Result<u64, types::Error>;

/// A linked component.
pub(crate) struct Bare {
    engine: Engine,
    pre: InstancePre<()>,
}

impl Bare {
    /// Finds it in the cache, or compiles it there, and links it.
    pub(crate) fn new(path: &Path, cache: &Path, processes: u32) -> Result<Bare> {
        let engine = engine::runtime(Pool { processes, memory: 64 << 20 })?;
        let bytes = std::fs::read(path)?;
        let component = Cache::open(cache)?.get(&engine, &std::env::current_exe()?, &bytes)?.component;
        let mut linker = Linker::new(&engine);
        linker.allow_shadowing(true);
        linker.define_unknown_imports_as_traps(&component)?;
        let mut process = linker.instance("aos:host/process@0.1.0")?;
        process.func_wrap_async("restored", |_, (): ()| Box::new(async { Ok((None::<Vec<u8>>,)) }))?;
        let mut ipc = linker.instance("aos:host/ipc@0.1.0")?;
        ipc.func_wrap_async("send", |store, (_, body, _): (String, WasmList<u8>, ipc::SendOptions)| {
            let copied = body.as_le_slice(&store).to_vec();
            Box::new(async move { Ok((Answer::Ok(copied.len() as u64),)) })
        })?;
        ipc.func_wrap_async("receive", |_, (_,): (Option<u64>,)| {
            Box::new(async {
                std::future::pending::<()>().await;
                Ok((std::result::Result::<Option<ipc::Message>, types::Error>::Ok(None),))
            })
        })?;
        let pre = linker.instantiate_pre(&component)?;
        Ok(Bare { engine, pre })
    }

    /// A store such as a process has.
    pub(crate) fn store(&self) -> Result<Store<()>> {
        let mut store = Store::new(&self.engine, ());
        store.set_fuel(u64::MAX >> 12)?;
        store.fuel_async_yield_interval(Some(FUEL_YIELD))?;
        Ok(store)
    }

    /// Instantiates it; microseconds.
    pub(crate) async fn instantiate(&self) -> Result<f64> {
        let start = Instant::now();
        let mut store = self.store()?;
        self.pre.instantiate_async(&mut store).await?;
        Ok(start.elapsed().as_secs_f64() * 1e6)
    }

    /// Instantiates it and keeps it alive.
    pub(crate) async fn keep(&self) -> Result<Store<()>> {
        let mut store = self.store()?;
        self.pre.instantiate_async(&mut store).await?;
        Ok(store)
    }

    /// Instantiates and runs it with an input; microseconds from before the store to after the answer.
    pub(crate) async fn run(&self, input: &str) -> Result<f64> {
        let start = Instant::now();
        let mut store = self.store()?;
        let instance = self.pre.instantiate_async(&mut store).await?;
        type Returned = (std::result::Result<Vec<u8>, types::Failure>,);
        let run = instance.get_typed_func::<(&[u8],), Returned>(&mut store, "run")?;
        let (answer,) = run.call_async(&mut store, (input.as_bytes(),)).await?;
        answer.map_err(|failure| failure.message)?;
        Ok(start.elapsed().as_secs_f64() * 1e6)
    }
}
