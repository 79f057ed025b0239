//! `aos:host/lease`.

use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource, ResourceType};

use super::bindings::{LeaseHandle, types::Error};
use super::convert::{self, unexpected};
use super::handles::Handle;
use super::{Caller, call, infallible, number, text};
use crate::kernel::answer::Answer;
use crate::kernel::call::Call;

pub(super) fn link<T: Caller>(lease: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    lease.resource_async("lease", ResourceType::host::<LeaseHandle>(), |mut store, rep| {
        Box::new(async move {
            if let Handle::Lease(_, false) = store.data_mut().desk().handles.get(rep)? {
                let _released = release(&mut store, rep).await?;
            }
            store.data_mut().desk().handles.take(rep).map(|_| ())
        })
    })?;
    lease.func_wrap_async("acquire", |mut store, (name, ttl, wait): (String, u64, Option<u64>)| {
        Box::new(async move {
            let name = text(&mut store, name)?;
            let acquire = Call::Acquire { name, ttl: number(ttl), wait: wait.map(number) };
            Ok((match call(&mut store, acquire, None).await?.out {
                Ok(Answer::Id(token)) => {
                    let rep = store.data_mut().desk().handles.push(Handle::Lease(token, false))?;
                    Ok(Resource::<LeaseHandle>::new_own(rep))
                }
                Ok(other) => return Err(unexpected(&other)),
                Err(error) => Err(convert::error(error)),
            },))
        })
    })?;
    lease.func_wrap_async("[method]lease.token", |mut store, (handle,): (Resource<LeaseHandle>,)| {
        Box::new(async move {
            let lease = token(&mut store, handle.rep())?;
            match infallible(&mut store, Call::Token { lease }).await? {
                Answer::Id(token) => Ok((token,)),
                other => Err(unexpected(&other)),
            }
        })
    })?;
    lease.func_wrap_async(
        "[method]lease.renew",
        |mut store, (handle, ttl): (Resource<LeaseHandle>, u64)| {
            Box::new(async move {
                let lease = token(&mut store, handle.rep())?;
                let out = call(&mut store, Call::Renew { lease, ttl: number(ttl) }, None).await?.out;
                Ok((out.map(|_| ()).map_err(convert::error),))
            })
        },
    )?;
    lease.func_wrap_async("[method]lease.release", |mut store, (handle,): (Resource<LeaseHandle>,)| {
        Box::new(async move { Ok((release(&mut store, handle.rep()).await?,)) })
    })
}

fn token<T: Caller>(store: &mut StoreContextMut<'_, T>, rep: u32) -> wasmtime::Result<u64> {
    match store.data_mut().desk().handles.get(rep)? {
        Handle::Lease(token, _) => Ok(*token),
        Handle::Subscription(..) | Handle::Generation(..) | Handle::Child(_) => {
            Err(wasmtime::Error::msg("not a lease"))
        }
    }
}

async fn release<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    rep: u32,
) -> wasmtime::Result<Result<(), Error>> {
    let lease = token(store, rep)?;
    let out = call(store, Call::Release { lease }, None).await?.out;
    *store.data_mut().desk().handles.get(rep)? = Handle::Lease(lease, true);
    Ok(out.map(|_| ()).map_err(convert::error))
}
