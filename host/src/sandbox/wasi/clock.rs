//! wasi:clocks: the time of the last entry that the process saw. It stands still between calls.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use super::poll::{self, Pollable};
use super::{Guest, define, versioned};

/// Both clocks tick in milliseconds, given in nanoseconds.
const RESOLUTION: u32 = 1_000_000;

pub(super) fn link<T: Guest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut monotonic = linker.instance(&versioned("wasi:clocks/monotonic-clock"))?;
    define(&mut monotonic, "now", 8, |mut store, ()| Ok((store.data_mut().wasi().monotonic(),)))?;
    define(&mut monotonic, "resolution", 8, |_, ()| Ok((u64::from(RESOLUTION),)))?;
    define(&mut monotonic, "subscribe-instant", 0, |mut store, (instant,): (u64,)| {
        let until_ms = store.data_mut().wasi().at(instant);
        pollable(store, until_ms)
    })?;
    define(&mut monotonic, "subscribe-duration", 0, |mut store, (duration,): (u64,)| {
        let until_ms = store.data_mut().wasi().after(duration);
        pollable(store, until_ms)
    })?;

    let mut wall = linker.instance(&versioned("wasi:clocks/wall-clock"))?;
    define(&mut wall, "now", 16, |mut store, ()| {
        let now_ms = store.data_mut().wasi().now_ms();
        Ok((Datetime { seconds: now_ms / 1_000, nanoseconds: (now_ms % 1_000) as u32 * RESOLUTION },))
    })?;
    define(&mut wall, "resolution", 16, |_, ()| Ok((Datetime { seconds: 0, nanoseconds: RESOLUTION },)))
}

fn pollable<T: Guest>(
    store: StoreContextMut<'_, T>,
    until_ms: u64,
) -> wasmtime::Result<(Resource<Pollable>,)> {
    Ok((poll::open(store, until_ms)?,))
}
