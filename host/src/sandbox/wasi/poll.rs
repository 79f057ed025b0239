//! wasi:io/poll: waiting is one kernel timer, the earliest.

use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{AsContextMut, StoreContextMut};

use super::state::Handle;
use super::{Guest, define, versioned};

/// Pollables that one call may name; the same one may come more than once.
const POLLED: usize = 1_024;

/// The resource `pollable`.
pub(super) struct Pollable;

pub(super) fn link<T: Guest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut poll = linker.instance(&versioned("wasi:io/poll"))?;
    poll.resource("pollable", ResourceType::host::<Pollable>(), |mut store, index| {
        store.data_mut().wasi().close(index)
    })?;
    define(&mut poll, "[method]pollable.ready", 0, |mut store, (pollable,): (Resource<Pollable>,)| {
        let state = store.data_mut().wasi();
        let until_ms = state.deadline(pollable.rep())?;
        Ok((state.reached(until_ms),))
    })?;
    poll.func_wrap_async(
        "[method]pollable.block",
        |store: StoreContextMut<'_, T>, (pollable,): (Resource<Pollable>,)| {
            Box::new(async move { wait(store, &[pollable]).await.map(|_| ()) })
        },
    )?;
    poll.func_wrap_async("poll", |store: StoreContextMut<'_, T>, (pollables,): (Vec<Resource<Pollable>>,)| {
        Box::new(async move { Ok((wait(store, &pollables).await?,)) })
    })
}

/// Gives the guest a pollable that is ready from `until_ms` on; 0 is always. The caller has charged.
pub(super) fn open<T: Guest>(
    mut store: StoreContextMut<'_, T>,
    until_ms: u64,
) -> wasmtime::Result<Resource<Pollable>> {
    let index = store.data_mut().wasi().open(Handle::Pollable(until_ms))?;
    Ok(Resource::new_own(index))
}

/// The places of those that are ready, after sleeping once if none is.
async fn wait<T: Guest>(
    mut store: StoreContextMut<'_, T>,
    pollables: &[Resource<Pollable>],
) -> wasmtime::Result<Vec<u32>> {
    // The first is what WASI asks for; a list over the limit could not be charged fairly.
    if pollables.is_empty() || pollables.len() > POLLED {
        wasmtime::bail!("poll of {} pollables: name 1 to {POLLED}", pollables.len());
    }
    T::charge(&mut store, 4 * pollables.len() as u64).await?;
    let state = store.data_mut().wasi();
    let deadlines = pollables
        .iter()
        .map(|pollable| state.deadline(pollable.rep()))
        .collect::<wasmtime::Result<Vec<_>>>()?;
    let earliest = deadlines.iter().copied().min().unwrap_or(0);
    if !state.reached(earliest) {
        T::sleep(store.as_context_mut(), earliest).await?;
        store.data_mut().wasi().saw(earliest);
    }
    let state = store.data_mut().wasi();
    Ok((0..)
        .zip(deadlines)
        .filter(|(_, until_ms)| state.reached(*until_ms))
        .map(|(place, _)| place)
        .collect())
}
