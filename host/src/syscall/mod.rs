//! System calls as guests see them: the WIT's functions, each turned into one call of the gate.
//!
//! Nothing is decided here. A function lifts its arguments, names them, and lowers the kernel's answer; fuel is read,
//! charged and set in [`call`] alone.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use ledger::{MAX, Meter};
use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::component::{Linker, WasmList};
use wasmtime::{StoreContextMut, Trap};

mod artifact;
pub mod bindings;
pub mod convert;
mod handles;
mod infer;
mod ipc;
mod label;
mod lease;
mod log;
mod mount;
mod process;
mod prompt;
mod tool;

pub use handles::Handles;

use crate::kernel::call::{Call, Key, clip};
use crate::kernel::cost::{FUEL_BYTE, FUEL_CALL, FUEL_YIELD};
use crate::kernel::live::Reply;
use crate::kernel::resume::Resumed;
use crate::kernel::tape::Tape;
use crate::kernel::{Halt, Kernel, Lifted};
use crate::limits::{FILE_BYTES, LIFT_BYTES_HOST};

/// The interface's package and the version that this host offers.
pub const WIT: &str = "aos:host@0.1.0";

/// Where a process's calls go: to the kernel, or to its recording.
pub enum Gate {
    /// To the kernel.
    Live(Arc<Kernel>, Key),
    /// To what was logged.
    Replay(Box<Tape>),
    /// To what was logged, and then to the kernel.
    Resumed(Arc<Kernel>, Box<Resumed>),
}

/// What a process's calls need, in its store.
pub struct Desk {
    gate: Gate,
    /// The fuel that the process may have consumed in all.
    fuel: u64,
    /// Fuel consumed when it last let others run.
    yielded: u64,
    handles: Handles,
}

/// The store's data, as far as system calls are concerned.
pub trait Caller: Send + Sized + 'static {
    /// Where its calls go.
    fn desk(&mut self) -> &mut Desk;
    /// Bytes of memory that it holds.
    fn memory(&self) -> u64;
    /// Takes note of kernel time, and of the memory that it may hold.
    fn saw(&mut self, now: u64, memory: u64);
}

/// Why a guest was stopped in a call.
#[derive(Debug, thiserror::Error)]
pub enum Cut {
    /// The kernel does nothing more for it.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// Its entries end here, or differ.
    #[error("the recording goes no further")]
    Recording,
    /// A meter does not cover a call that has no way to say so.
    #[error("exhausted {0}")]
    Exhausted(Meter),
}

/// Bodies in flight in all guests' calls, in KiB.
static IN_FLIGHT: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(LIFT_BYTES_HOST >> 10));
/// A body up to this size is not counted, in bytes: as many processes as there can be carry few of them.
const UNCOUNTED: usize = 4 << 10;

impl Desk {
    /// For a process that may consume so much fuel in all.
    pub fn new(gate: Gate, fuel: u64) -> Desk {
        Desk { gate, fuel, yielded: 0, handles: Handles::default() }
    }

    /// The fuel that the process may have consumed in all.
    pub fn fuel(&self) -> u64 {
        self.fuel
    }

    /// Gives the way back, to compare a recording's end.
    pub fn into_gate(self) -> Gate {
        self.gate
    }
}

/// Defines all of `aos:host` in a linker.
///
/// # Errors
/// When one of the names is taken.
pub fn link<T: Caller>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.instance("aos:host/types@0.1.0")?;
    ipc::link(&mut linker.instance("aos:host/ipc@0.1.0")?)?;
    lease::link(&mut linker.instance("aos:host/lease@0.1.0")?)?;
    mount::link(&mut linker.instance("aos:host/mount@0.1.0")?)?;
    artifact::link(&mut linker.instance("aos:host/artifact@0.1.0")?)?;
    infer::link(&mut linker.instance("aos:host/infer@0.1.0")?)?;
    process::link(&mut linker.instance("aos:host/process@0.1.0")?)?;
    label::link(&mut linker.instance("aos:host/label@0.1.0")?)?;
    tool::link(&mut linker.instance("aos:host/tool@0.1.0")?)?;
    log::link(&mut linker.instance("aos:host/log@0.1.0")?)
}

/// Fuel that the process has consumed.
pub fn consumed<T: Caller>(store: &mut StoreContextMut<'_, T>) -> wasmtime::Result<u64> {
    let left = store.get_fuel()?;
    Ok(store.data_mut().desk().fuel.saturating_sub(left))
}

/// Takes fuel for host work; a process that cannot pay ends as one that ran out.
pub fn charge<T: Caller>(store: &mut StoreContextMut<'_, T>, fuel: u64) -> wasmtime::Result<()> {
    let left = store.get_fuel()?;
    store.set_fuel(left.saturating_sub(fuel))?;
    if left < fuel { Err(Trap::OutOfFuel.into()) } else { Ok(()) }
}

/// Charges host work that is no system call, and lets others run when it is time.
pub async fn work<T: Caller>(store: &mut StoreContextMut<'_, T>, fuel: u64) -> wasmtime::Result<()> {
    let before = consumed(store)?;
    charge(store, fuel)?;
    take_turns(store, before).await;
    Ok(())
}

/// Lets others run. Setting fuel starts wasmtime's own interval anew: without this, a guest that only calls would never
/// yield.
async fn take_turns<T: Caller>(store: &mut StoreContextMut<'_, T>, consumed: u64) {
    let desk = store.data_mut().desk();
    if consumed.saturating_sub(desk.yielded) >= FUEL_YIELD {
        desk.yielded = consumed;
        tokio::task::yield_now().await;
    }
}

/// Makes one system call.
pub async fn call<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    call: Call,
    body: Option<Lifted>,
) -> wasmtime::Result<Reply> {
    let before = consumed(store)?;
    let carried = body.as_ref().map_or(0, |b| b.size);
    charge(store, FUEL_CALL + FUEL_BYTE * carried)?;
    take_turns(store, before).await;
    let reply = match &mut store.data_mut().desk().gate {
        Gate::Live(kernel, key) => kernel.call(*key, before, call, body).await.map_err(Cut::from),
        Gate::Replay(tape) => match tape.call(before, &call, body.as_ref()) {
            Some(reply) => Ok(reply),
            None => Err(Cut::Recording),
        },
        gate @ Gate::Resumed(..) => Box::pin(resumed(gate, before, call, body)).await,
    };
    let reply = reply.map_err(wasmtime::Error::from)?;
    let answered = reply.body.as_ref().map_or(0, |b| b.len() as u64);
    if let Some(limits) = reply.limits {
        let spent = consumed(store)?;
        store.data_mut().saw(reply.now, limits.memory);
        store.data_mut().desk().fuel = limits.fuel;
        store.set_fuel(limits.fuel.saturating_sub(spent))?;
    }
    charge(store, FUEL_BYTE * answered)?;
    Ok(reply)
}

/// Makes a call of a process that is executed again, until it has caught up with its entries.
async fn resumed(gate: &mut Gate, fuel: u64, call: Call, body: Option<Lifted>) -> Result<Reply, Cut> {
    let Gate::Resumed(kernel, process) = gate else { return Err(Cut::Recording) };
    let reply = process.call(kernel, fuel, call, body).await?;
    if process.is_live() {
        *gate = Gate::Live(kernel.clone(), process.key());
    }
    reply.ok_or(Cut::Recording)
}

/// Waits until a body of this size may be in flight.
async fn in_flight(size: usize) -> wasmtime::Result<Option<SemaphorePermit<'static>>> {
    if size <= UNCOUNTED {
        return Ok(None);
    }
    Ok(Some(IN_FLIGHT.acquire_many((size >> 10) as u32 + 1).await?))
}

/// Makes a system call that carries a body which wasmtime has lifted already. One over the verb's limit is dropped at once:
/// the call is recorded by its size and refused.
pub(crate) async fn call_owned<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    call: Call,
    bytes: Vec<u8>,
    limit: u64,
) -> wasmtime::Result<Reply> {
    let size = bytes.len();
    if size as u64 > limit {
        drop(bytes);
        let dropped = Lifted { bytes: None, size: size as u64, in_flight: None };
        return self::call(store, call, Some(dropped)).await;
    }
    let lifted = Lifted { in_flight: in_flight(size).await?, size: size as u64, bytes: Some(bytes.into()) };
    self::call(store, call, Some(lifted)).await
}

/// Makes a system call that carries a body, which is copied out of the guest's memory only when it may be in flight. One
/// over every limit is not copied: the call is recorded by its size and refused.
pub(crate) async fn call_with<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    call: Call,
    list: &WasmList<u8>,
) -> wasmtime::Result<Reply> {
    let size = list.len();
    if size as u64 > FILE_BYTES {
        let dropped = Lifted { bytes: None, size: size as u64, in_flight: None };
        return self::call(store, call, Some(dropped)).await;
    }
    let in_flight = in_flight(size).await?;
    let bytes = Bytes::copy_from_slice(list.as_le_slice(&*store));
    self::call(store, call, Some(Lifted { bytes: Some(bytes), size: size as u64, in_flight })).await
}

/// Makes a call whose function has no error: a meter that does not cover it ends the process.
pub(crate) async fn infallible<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    made: Call,
) -> wasmtime::Result<crate::kernel::answer::Answer> {
    use crate::kernel::answer::Error;
    let verb = made.verb();
    match call(store, made, None).await?.out {
        Ok(answer) => Ok(answer),
        Err(Error::Exhausted(meter)) => Err(Cut::Exhausted(meter).into()),
        Err(error) => Err(wasmtime::Error::msg(format!("{verb}: {error:?}"))),
    }
}

/// Texts of a call that may hold many of them: one call whose JSON would not fit an entry is recorded by its size.
pub(crate) fn bounded(call: Call) -> Call {
    let limit = crate::limits::ENTRY_BYTES as u64 / 2;
    let size = serde_json::to_vec(&call).map_or(u64::MAX, |json| json.len() as u64);
    if size <= limit {
        return call;
    }
    Call::Oversized { verb: call.verb().to_owned(), size, limit }
}

/// A text argument as entries hold it, paid for by its bytes.
pub(crate) fn text<T: Caller>(store: &mut StoreContextMut<'_, T>, text: String) -> wasmtime::Result<String> {
    charge(store, FUEL_BYTE * text.len() as u64)?;
    Ok(clip(text))
}

/// As [`text`], of one that may be absent.
pub(crate) fn some_text<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    given: Option<String>,
) -> wasmtime::Result<Option<String>> {
    given.map(|given| text(store, given)).transpose()
}

/// A number as entries can hold it: one over 2^53 - 1 is recorded as 2^53, and refused.
pub(crate) fn number(n: u64) -> u64 {
    n.min(MAX + 1)
}
