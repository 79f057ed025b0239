//! wasi:clocks: the time of the last entry that the process saw. It stands still between calls.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use super::poll::{self, Pollable};
use super::{Guest, versioned};

/// Both clocks tick in milliseconds, given in nanoseconds.
const RESOLUTION: u32 = 1_000_000;

pub(super) fn link<T: Guest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut monotonic = linker.instance(&versioned("wasi:clocks/monotonic-clock"))?;
    monotonic.func_wrap("now", |mut store: StoreContextMut<'_, T>, (): ()| {
        T::charge(&mut store, 8)?;
        Ok((store.data_mut().wasi().monotonic(),))
    })?;
    monotonic.func_wrap("resolution", |mut store, (): ()| {
        T::charge(&mut store, 8)?;
        Ok((u64::from(RESOLUTION),))
    })?;
    monotonic.func_wrap("subscribe-instant", |mut store, (instant,): (u64,)| {
        let until_ms = store.data_mut().wasi().at(instant);
        pollable(store, until_ms)
    })?;
    monotonic.func_wrap("subscribe-duration", |mut store, (duration,): (u64,)| {
        let until_ms = store.data_mut().wasi().after(duration);
        pollable(store, until_ms)
    })?;

    let mut wall = linker.instance(&versioned("wasi:clocks/wall-clock"))?;
    wall.func_wrap("now", |mut store: StoreContextMut<'_, T>, (): ()| {
        T::charge(&mut store, 16)?;
        let now_ms = store.data_mut().wasi().now_ms();
        Ok((Datetime { seconds: now_ms / 1_000, nanoseconds: (now_ms % 1_000) as u32 * RESOLUTION },))
    })?;
    wall.func_wrap("resolution", |mut store, (): ()| {
        T::charge(&mut store, 16)?;
        Ok((Datetime { seconds: 0, nanoseconds: RESOLUTION },))
    })
}

fn pollable<T: Guest>(
    store: StoreContextMut<'_, T>,
    until_ms: u64,
) -> wasmtime::Result<(Resource<Pollable>,)> {
    Ok((poll::open(store, until_ms)?,))
}
