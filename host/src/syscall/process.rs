//! `aos:host/process`.

use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource, ResourceType, WasmList};

use super::bindings::process::{Allowance, Exit, HeldThings, Info, Restart, Signal, Spec};
use super::bindings::{ChildHandle, types::Error};
use super::convert::{self, unexpected};
use super::handles::Handle;
use super::{Caller, bounded, call, call_owned, call_with, infallible, number, some_text, text};
use crate::kernel::answer::Answer;
use crate::kernel::call::{self as kernel, Call};
use crate::limits::BODY_BYTES;

pub(super) fn link<T: Caller>(process: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    process.func_wrap_async("whoami", |mut store, (): ()| {
        Box::new(async move {
            match infallible(&mut store, Call::Whoami).await? {
                Answer::Info { pid, parent, name } => {
                    Ok((Info { pid: u64::from(pid), parent: parent.map(u64::from), name },))
                }
                other => Err(unexpected(&other)),
            }
        })
    })?;
    process.func_wrap_async("spawn", |mut store, (spec,): (Spec,)| {
        Box::new(async move { Ok((spawn(&mut store, spec).await?,)) })
    })?;
    process.func_wrap_async("continue-as-new", |mut store, (state,): (WasmList<u8>,)| {
        Box::new(async move {
            let out = call_with(&mut store, Call::ContinueAsNew, &state).await?.out;
            Ok((out.map(|_| ()).map_err(convert::error),))
        })
    })?;
    process.func_wrap_async("restored", |mut store, (): ()| {
        Box::new(async move {
            infallible(&mut store, Call::Restored).await?;
            Ok((None::<Vec<u8>>,))
        })
    })?;
    process.func_wrap_async("held", |mut store, (): ()| {
        Box::new(async move {
            infallible(&mut store, Call::Held).await?;
            Ok((HeldThings { leases: Vec::new(), subscriptions: Vec::new(), children: Vec::new() },))
        })
    })?;
    process.func_wrap_async("budget", |mut store, (): ()| {
        Box::new(async move {
            match infallible(&mut store, Call::Budget).await? {
                Answer::Allowances(list) => Ok((list
                    .into_iter()
                    .map(|(meter, left, granted)| Allowance { meter: convert::meter(meter), left, granted })
                    .collect::<Vec<_>>(),)),
                other => Err(unexpected(&other)),
            }
        })
    })?;
    link_child(process)
}

fn link_child<T: Caller>(process: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    process.resource_async("child", ResourceType::host::<ChildHandle>(), |mut store, rep| {
        Box::new(async move { store.data_mut().desk().handles.take(rep).map(|_| ()) })
    })?;
    process.func_wrap_async("[method]child.pid", |mut store, (handle,): (Resource<ChildHandle>,)| {
        Box::new(async move {
            let child = child(&mut store, &handle)?;
            match infallible(&mut store, Call::Pid { child }).await? {
                Answer::Id(pid) => Ok((pid,)),
                other => Err(unexpected(&other)),
            }
        })
    })?;
    process.func_wrap_async(
        "[method]child.wait",
        |mut store, (handle, wait): (Resource<ChildHandle>, Option<u64>)| {
            Box::new(async move {
                let child = child(&mut store, &handle)?;
                Ok((waited(&mut store, Call::Wait { child, wait: wait.map(number) }).await?,))
            })
        },
    )?;
    process.func_wrap_async(
        "[method]child.signal",
        |mut store, (handle, signal): (Resource<ChildHandle>, Signal)| {
            Box::new(async move {
                let child = child(&mut store, &handle)?;
                let signal = match signal {
                    Signal::Pause => kernel::Signal::Pause,
                    Signal::Resume => kernel::Signal::Resume,
                    Signal::Stop => kernel::Signal::Stop,
                    Signal::Kill => kernel::Signal::Kill,
                };
                let out = call(&mut store, Call::Signal { child, signal }, None).await?.out;
                Ok((out.map(|_| ()).map_err(convert::error),))
            })
        },
    )
}

fn child<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    handle: &Resource<ChildHandle>,
) -> wasmtime::Result<u64> {
    match store.data_mut().desk().handles.get(handle.rep())? {
        Handle::Child(pid) => Ok(*pid),
        Handle::Lease(..) | Handle::Subscription(..) | Handle::Generation(..) => {
            Err(wasmtime::Error::msg("not a child"))
        }
    }
}

async fn spawn<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    spec: Spec,
) -> wasmtime::Result<Result<Resource<ChildHandle>, Error>> {
    let mut capabilities = spec.capabilities.as_ref().map(|_| Vec::new());
    for asked in spec.capabilities.into_iter().flatten() {
        let pair = (text(store, asked.verb)?, text(store, asked.object)?);
        capabilities.get_or_insert_default().push(pair);
    }
    let asked = kernel::Spec {
        holds: store.data().memory(),
        component: text(store, spec.component)?,
        name: some_text(store, spec.name)?,
        budget: spec.budget.into_iter().map(|a| (convert::kernel_meter(a.meter), number(a.amount))).collect(),
        capabilities,
        restart: match spec.restart {
            Restart::Never => kernel::Restart::Never,
            Restart::OnFailure => kernel::Restart::OnFailure,
            Restart::Always => kernel::Restart::Always,
        },
    };
    let made = bounded(Call::Spawn(Box::new(asked)));
    let reply = match made {
        Call::Spawn(_) => call_owned(store, made, spec.input, BODY_BYTES).await?,
        oversized => call(store, oversized, None).await?,
    };
    match reply.out {
        Ok(Answer::Id(pid)) => {
            Ok(Ok(Resource::new_own(store.data_mut().desk().handles.push(Handle::Child(pid))?)))
        }
        Ok(other) => Err(unexpected(&other)),
        Err(error) => Ok(Err(convert::error(error))),
    }
}

async fn waited<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    wait: Call,
) -> wasmtime::Result<Result<Option<Exit>, Error>> {
    let reply = call(store, wait, None).await?;
    match reply.out {
        Ok(Answer::Exit { exit, .. }) => {
            Ok(Ok(Some(convert::exit(*exit, reply.body.unwrap_or_default().into()))))
        }
        Ok(Answer::Nothing) => Ok(Ok(None)),
        Ok(other) => Err(unexpected(&other)),
        Err(error) => Ok(Err(convert::error(error))),
    }
}
