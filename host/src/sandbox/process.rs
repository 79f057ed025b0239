//! A guest from its first instruction to its end, live or replayed: the only place that makes a store.

use std::sync::Arc;

use bytes::Bytes;
use ledger::Meter;
use wasmtime::{Engine, Store, StoreContextMut, Trap};

use super::Ready;
use super::component::Shape;
use super::limits::{HostFailed, Quota};
use super::wasi::{self, Stream, Virtual};
use crate::kernel::answer::{Error, Exit};
use crate::kernel::call::{Call, Level, clip};
use crate::kernel::cost::{FUEL_BYTE, FUEL_CALL, FUEL_YIELD};
use crate::kernel::live::Control;
use crate::kernel::state::Limits;
use crate::limits::{FILE_BYTES, LIFT_BYTES, LOG_BYTES, REASON_BYTES};
use crate::syscall::bindings::types::Failure;
use crate::syscall::{self, Caller, Cut, Desk, Gate, convert};

/// What a process begins with.
pub(crate) struct Life {
    pub seed: String,
    pub born: u64,
    pub limits: Limits,
    pub input: Bytes,
    pub control: Arc<Control>,
}

/// How it ended.
pub(crate) struct Ended {
    pub fuel: u64,
    pub exit: Exit,
    pub output: Option<Bytes>,
    pub gate: Gate,
}

/// The store's data.
pub struct Guest {
    desk: Desk,
    quota: Quota,
    wasi: Virtual,
    /// A command's standard output, which is its result.
    result: Option<Vec<u8>>,
}

impl Caller for Guest {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn memory(&self) -> u64 {
        self.quota.bytes()
    }

    fn saw(&mut self, now: u64, memory: u64) {
        self.wasi.saw(now);
        self.quota.set_limit(memory);
    }
}

impl wasi::Guest for Guest {
    fn wasi(&mut self) -> &mut Virtual {
        &mut self.wasi
    }

    async fn sleep(mut store: StoreContextMut<'_, Self>, until: u64) -> wasmtime::Result<()> {
        // A sleep that a stop request ends early is over all the same: WASI has no other answer.
        let reply = syscall::call(&mut store, Call::Sleep { until }, None).await?;
        match reply.out {
            Err(Error::Exhausted(meter)) => Err(Cut::Exhausted(meter).into()),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn print(
        mut store: StoreContextMut<'_, Self>,
        stream: Stream,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<()> {
        if let (Stream::Out, Some(result)) = (stream, &mut store.data_mut().result) {
            if result.len() as u64 + bytes.len() as u64 > FILE_BYTES {
                return Err(wasmtime::Error::msg(format!(
                    "standard output is longer than {FILE_BYTES} bytes"
                )));
            }
            result.extend(bytes);
            return Ok(());
        }
        let level = if stream == Stream::Out { Level::Stdout } else { Level::Stderr };
        // A refused line is on record; a program that prints does not expect to be told.
        syscall::call_owned(&mut store, Call::Log { level }, bytes, LOG_BYTES).await.map(|_| ())
    }

    async fn charge(store: &mut StoreContextMut<'_, Self>, bytes: u64) -> wasmtime::Result<()> {
        syscall::work(store, FUEL_CALL.saturating_add(FUEL_BYTE.saturating_mul(bytes))).await
    }
}

/// What a guest answered.
enum Answered {
    Output(Bytes),
    Failure(Failure),
    Command,
}

/// Runs a guest to its end.
pub(crate) async fn run(engine: &Engine, ready: &Ready, gate: Gate, life: Life) -> Ended {
    let guest = Guest {
        desk: Desk::new(gate, life.limits.fuel),
        quota: Quota::new(life.limits.memory),
        wasi: Virtual::new(seed(&life.seed), life.born),
        result: (ready.shape == Shape::Command).then(Vec::new),
    };
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.quota);
    store.set_hostcall_fuel(LIFT_BYTES);
    let mut started = false;
    let fuelled =
        store.set_fuel(life.limits.fuel).and_then(|()| store.fuel_async_yield_interval(Some(FUEL_YIELD)));
    let answered = match fuelled {
        Ok(()) => tokio::select! {
            biased;
            reason = life.control.ended() => Err(Stopped::Outside(reason)),
            answered = execute(&mut store, ready, life.input, &mut started) => answered.map_err(Stopped::Inside),
        },
        Err(error) => Err(Stopped::Inside(error)),
    };
    let left = store.get_fuel().unwrap_or(0);
    let consumed = store.data().desk.fuel().saturating_sub(left);
    let (exit, output) = judge(answered, started, store.data_mut());
    let fuel = match exit {
        // At a trap wasmtime knows a lower bound: charged is up to the end of the interval.
        Exit::Trapped(_) => consumed.saturating_add(FUEL_YIELD).min(store.data().desk.fuel()),
        _ => consumed,
    };
    Ended { fuel, exit, output, gate: store.into_data().desk.into_gate() }
}

/// Who stopped a guest.
enum Stopped {
    Inside(wasmtime::Error),
    Outside(Exit),
}

async fn execute(
    store: &mut Store<Guest>,
    ready: &Ready,
    input: Bytes,
    started: &mut bool,
) -> wasmtime::Result<Answered> {
    let instance = ready.pre.instantiate_async(&mut *store).await?;
    *started = true;
    let answered = match ready.shape {
        Shape::Agent => {
            let run = instance.get_typed_func::<(&[u8],), (Result<Vec<u8>, Failure>,)>(&mut *store, "run")?;
            match run.call_async(&mut *store, (&input,)).await?.0 {
                Ok(output) => Answered::Output(output.into()),
                Err(failure) => Answered::Failure(failure),
            }
        }
        Shape::Command => {
            let (_, interface) = command(ready)?;
            let at = instance.get_export_index(&mut *store, None, &interface);
            let at = at.and_then(|at| instance.get_export_index(&mut *store, Some(&at), "run"));
            let at = at.ok_or_else(|| wasmtime::Error::msg("exports no run"))?;
            let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut *store, at)?;
            match run.call_async(&mut *store, ()).await?.0 {
                Ok(()) => Answered::Command,
                Err(()) => {
                    Answered::Failure(Failure { message: "it exited with failure".into(), cause: None })
                }
            }
        }
    };
    for stream in [Stream::Out, Stream::Err] {
        let rest = store.data_mut().wasi.leftover(stream);
        if !rest.is_empty() {
            use wasmtime::AsContextMut;
            <Guest as wasi::Guest>::print(store.as_context_mut(), stream, rest).await?;
        }
    }
    Ok(answered)
}

/// The name under which a command exports its `run`.
fn command(ready: &Ready) -> wasmtime::Result<((), String)> {
    let engine = ready.pre.engine();
    let ty = ready.pre.component().component_type();
    let found =
        ty.exports(engine).map(|(name, _)| name.to_owned()).find(|name| name.starts_with("wasi:cli/run@"));
    found.map(|name| ((), name)).ok_or_else(|| wasmtime::Error::msg("exports no wasi:cli/run"))
}

fn judge(answered: Result<Answered, Stopped>, started: bool, guest: &mut Guest) -> (Exit, Option<Bytes>) {
    let error = match answered {
        Ok(Answered::Output(output)) if output.len() as u64 > FILE_BYTES => {
            let message = format!("its output is {} bytes; the limit is {FILE_BYTES}", output.len());
            return (Exit::Failed { message, cause: Some(Error::TooLarge(FILE_BYTES)) }, None);
        }
        Ok(Answered::Output(output)) => return (Exit::Returned, Some(output)),
        Ok(Answered::Command) => return (Exit::Returned, guest.result.take().map(Bytes::from)),
        Ok(Answered::Failure(failure)) => return (failed(failure), None),
        Err(Stopped::Outside(exit)) => return (exit, None),
        Err(Stopped::Inside(error)) => error,
    };
    if let Some(wasi::Exit(success)) = error.downcast_ref::<wasi::Exit>() {
        return match success {
            true => (Exit::Returned, Some(guest.result.take().unwrap_or_default().into())),
            false => (Exit::Failed { message: "it exited with failure".into(), cause: None }, None),
        };
    }
    match error.downcast_ref::<Cut>() {
        Some(Cut::Exhausted(meter)) => return (Exit::Exhausted(*meter), None),
        Some(Cut::Halt(_) | Cut::Recording) => return (Exit::Killed, None),
        None => {}
    }
    if error.is::<HostFailed>() {
        return (Exit::Killed, None);
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::OutOfFuel) {
        return (Exit::Exhausted(Meter::Fuel), None);
    }
    if guest.quota.refused() {
        return (Exit::Exhausted(Meter::Memory), None);
    }
    let text = trap.map_or_else(|| error.root_cause().to_string(), ToString::to_string);
    let text = shorten(text);
    if started || trap.is_some() { (Exit::Trapped(text), None) } else { (Exit::Unstarted(text), None) }
}

fn failed(failure: Failure) -> Exit {
    Exit::Failed { message: shorten(failure.message), cause: failure.cause.map(convert::kernel_error) }
}

/// The first bytes of a reason, whole characters.
fn shorten(text: String) -> String {
    let mut end = REASON_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    clip(text[..end].to_owned())
}

/// The seed of an entry. A damaged one gives other random numbers, which replay then shows.
fn seed(hex: &str) -> [u8; 32] {
    let mut seed = [0; 32];
    for (byte, pair) in seed.iter_mut().zip(hex.as_bytes().as_chunks::<2>().0) {
        *byte =
            std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0);
    }
    seed
}
