//! `aos:host/ipc`.

use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource, ResourceType, WasmList};

use super::bindings::ipc::{Message, SendOptions};
use super::bindings::{SubscriptionHandle, types::Error};
use super::convert::{self, unexpected};
use super::handles::Handle;
use super::{Caller, call, call_with, infallible, number, text, work};
use crate::kernel::answer::Answer;
use crate::kernel::call::Call;
use crate::kernel::cost::FUEL_CALL;

pub(super) fn link<T: Caller>(ipc: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    ipc.func_wrap_async("send", |mut store, (to, body, options): (String, WasmList<u8>, SendOptions)| {
        Box::new(async move { Ok((send(&mut store, to, &body, options).await?,)) })
    })?;
    ipc.func_wrap_async("receive", |mut store, (timeout,): (Option<u64>,)| {
        Box::new(async move { Ok((receive(&mut store, timeout).await?,)) })
    })?;
    ipc.func_wrap_async("publish", |mut store, (topic, body): (String, WasmList<u8>)| {
        Box::new(async move {
            let topic = text(&mut store, topic)?;
            let reply = call_with(&mut store, Call::Publish { topic }, &body).await?;
            Ok((match reply.out {
                // Each subscriber is work of the host's.
                Ok(Answer::Count(count)) => {
                    work(&mut store, FUEL_CALL * u64::from(count)).await?;
                    Ok(count)
                }
                Ok(other) => return Err(unexpected(&other)),
                Err(error) => Err(convert::error(error)),
            },))
        })
    })?;
    ipc.func_wrap_async("subscribe", |mut store, (pattern,): (String,)| {
        Box::new(async move { Ok((subscribe(&mut store, pattern).await?,)) })
    })?;
    ipc.resource_async("subscription", ResourceType::host::<SubscriptionHandle>(), |mut store, rep| {
        Box::new(async move {
            close(&mut store, rep).await?;
            store.data_mut().desk().handles.take(rep).map(|_| ())
        })
    })?;
    ipc.func_wrap_async(
        "[method]subscription.close",
        |mut store, (handle,): (Resource<SubscriptionHandle>,)| {
            Box::new(async move { close(&mut store, handle.rep()).await })
        },
    )
}

async fn send<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    to: String,
    body: &WasmList<u8>,
    options: SendOptions,
) -> wasmtime::Result<Result<u64, Error>> {
    let priority = convert::kernel_priority(options.priority);
    let (in_reply_to, wait) = (options.in_reply_to.map(number), options.wait_ms.map(number));
    let send = Call::Send { to: text(store, to)?, priority, in_reply_to, wait };
    match call_with(store, send, body).await?.out {
        Ok(Answer::Id(id)) => Ok(Ok(id)),
        Ok(other) => Err(unexpected(&other)),
        Err(error) => Ok(Err(convert::error(error))),
    }
}

async fn receive<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    wait: Option<u64>,
) -> wasmtime::Result<Result<Option<Message>, Error>> {
    let reply = call(store, Call::Receive { wait: wait.map(number) }, None).await?;
    match reply.out {
        Ok(Answer::Message(head)) => {
            Ok(Ok(Some(convert::message(*head, reply.body.unwrap_or_default().into()))))
        }
        Ok(Answer::Nothing) => Ok(Ok(None)),
        Ok(other) => Err(unexpected(&other)),
        Err(error) => Ok(Err(convert::error(error))),
    }
}

async fn subscribe<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    pattern: String,
) -> wasmtime::Result<Result<Resource<SubscriptionHandle>, Error>> {
    let pattern = text(store, pattern)?;
    match call(store, Call::Subscribe { pattern }, None).await?.out {
        Ok(Answer::Id(id)) => {
            let rep = store.data_mut().desk().handles.push(Handle::Subscription(id, false))?;
            Ok(Ok(Resource::new_own(rep)))
        }
        Ok(other) => Err(unexpected(&other)),
        Err(error) => Ok(Err(convert::error(error))),
    }
}

/// Ends a subscription, once.
async fn close<T: Caller>(store: &mut StoreContextMut<'_, T>, rep: u32) -> wasmtime::Result<()> {
    let Handle::Subscription(subscription, closed @ false) = store.data_mut().desk().handles.get(rep)? else {
        return work(store, FUEL_CALL).await;
    };
    *closed = true;
    let subscription = *subscription;
    infallible(store, Call::Close { subscription }).await.map(|_| ())
}
