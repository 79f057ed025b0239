//! The virtual WASI: what a guest compiled for `wasm32-wasip2` finds.
//!
//! Nothing here reaches the machine. The clock is the time of the last entry that the process saw, random numbers
//! come from a recorded seed, sleeping is a kernel timer with an entry, output is a log line, and files and
//! sockets link but are not there. Interfaces: WASI 0.2 (<https://github.com/WebAssembly/WASI>), the closed list of
//! [`super::imports`]. wasmtime-wasi's own implementations are not used: they read the real clock.

mod cli;
mod clock;
mod deny;
mod poll;
mod random;
mod state;
mod stdio;
#[cfg(test)]
mod tests;

use std::future::Future;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentNamedList, Lift, Linker, LinkerInstance, Lower};

pub use state::{HANDLES, Virtual};

/// What the virtual WASI needs of the store's data.
pub trait Guest: Send + Sized + 'static {
    /// The process's own state.
    fn wasi(&mut self) -> &mut Virtual;

    /// Waits by a kernel timer with an entry; returns when kernel time has reached `until_ms` (milliseconds since
    /// the Unix epoch). An error ends the guest.
    fn sleep(
        store: StoreContextMut<'_, Self>,
        until_ms: u64,
    ) -> impl Future<Output = wasmtime::Result<()>> + Send;

    /// Whole lines with their line ends, for the log or for a command's result; at most [`PRINT_BYTES`]. A line
    /// without an end comes when it is that long; what is left when the guest ends is [`Virtual::leftover`]'s.
    fn print(
        store: StoreContextMut<'_, Self>,
        stream: Stream,
        bytes: Vec<u8>,
    ) -> impl Future<Output = wasmtime::Result<()>> + Send;

    /// Charges one call that carries so many bytes to the guest's fuel, like other host work, and lets others run
    /// when it is their turn: a guest may call nothing else.
    fn charge(
        store: &mut StoreContextMut<'_, Self>,
        bytes: u64,
    ) -> impl Future<Output = wasmtime::Result<()>> + Send;
}

/// What one [`Guest::print`] carries at most, in bytes.
pub const PRINT_BYTES: usize = 2 * stdio::WRITE_BYTES;

/// Where a guest prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// The guest called `exit`; found by `downcast_ref` in the error that ended it. Holds whether it exited with success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the guest exited with {}", if *.0 { "success" } else { "failure" })]
pub struct Exit(pub bool);

/// Defines every interface of the closed list in `linker`.
///
/// Fails only when one of them is defined there already.
pub fn link<T: Guest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    poll::link(linker)?;
    stdio::link(linker)?;
    clock::link(linker)?;
    random::link(linker)?;
    cli::link(linker)?;
    deny::link(linker)
}

/// Defines a function whose every call carries so many bytes: charged first, then answered.
fn define<T: Guest, P, R>(
    instance: &mut LinkerInstance<'_, T>,
    name: &str,
    bytes: u64,
    answer: impl Fn(StoreContextMut<'_, T>, P) -> wasmtime::Result<R> + Copy + Send + Sync + 'static,
) -> wasmtime::Result<()>
where
    P: ComponentNamedList + Lift + Send + 'static,
    R: ComponentNamedList + Lower + 'static,
{
    instance.func_wrap_async(name, move |mut store: StoreContextMut<'_, T>, arguments: P| {
        Box::new(async move {
            T::charge(&mut store, bytes).await?;
            answer(store, arguments)
        })
    })
}

/// The name under which an interface is defined; wasmtime matches any other 0.2 version to it.
fn versioned(interface: &str) -> String {
    format!("{interface}@0.2.12")
}
