//! `aos:host/infer`.

use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource, ResourceType};

use super::bindings::infer::{self as wit, Request, Response};
use super::bindings::{GenerationHandle, types::Error};
use super::convert::{self, unexpected};
use super::handles::Handle;
use super::prompt;
use super::{Caller, call, call_owned, infallible, work};
use crate::kernel::answer::Answer;
use crate::kernel::call::Call;
use crate::kernel::cost::FUEL_CALL;
use crate::kernel::live::Reply;
use crate::kernel::ports;
use crate::limits::PROMPT_BYTES;

pub(super) fn link<T: Caller>(infer: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    infer.func_wrap_async("models", |mut store, (): ()| {
        Box::new(async move {
            let reply = call(&mut store, Call::Models, None).await?;
            Ok((match reply.out {
                Ok(Answer::Listing) => Ok(prompt::models(&reply.body.unwrap_or_default())?),
                Ok(other) => return Err(unexpected(&other)),
                Err(error) => Err(convert::error(error)),
            },))
        })
    })?;
    infer.func_wrap_async("generate", |mut store, (request,): (Request,)| {
        Box::new(async move { Ok((generate(&mut store, request).await?,)) })
    })?;
    infer.func_wrap_async("stream", |mut store, (request,): (Request,)| {
        Box::new(async move {
            Ok((match ask(&mut store, request, true).await?.out {
                Ok(Answer::Id(id)) => {
                    let rep = store.data_mut().desk().handles.push(Handle::Generation(id, false))?;
                    Ok(Resource::<GenerationHandle>::new_own(rep))
                }
                Ok(other) => return Err(unexpected(&other)),
                Err(error) => Err(convert::error(error)),
            },))
        })
    })?;
    infer.resource_async("generation", ResourceType::host::<GenerationHandle>(), |mut store, rep| {
        Box::new(async move {
            cancel(&mut store, rep).await?;
            store.data_mut().desk().handles.take(rep).map(|_| ())
        })
    })?;
    infer.func_wrap_async(
        "[method]generation.next",
        |mut store, (handle,): (Resource<GenerationHandle>,)| {
            Box::new(async move { Ok((next(&mut store, handle.rep()).await?,)) })
        },
    )?;
    infer.func_wrap_async(
        "[method]generation.cancel",
        |mut store, (handle,): (Resource<GenerationHandle>,)| {
            Box::new(async move { cancel(&mut store, handle.rep()).await })
        },
    )
}

async fn ask<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    request: Request,
    streams: bool,
) -> wasmtime::Result<Reply> {
    let (question, body) = prompt::question(store, request)?;
    let made = if streams { Call::Stream(question) } else { Call::Generate(question) };
    call_owned(store, made, body, PROMPT_BYTES).await
}

async fn generate<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    request: Request,
) -> wasmtime::Result<Result<Response, Error>> {
    let reply = ask(store, request, false).await?;
    match reply.out {
        Ok(Answer::Completion(spent)) => Ok(Ok(prompt::response(&reply.body.unwrap_or_default(), spent)?)),
        Ok(other) => Err(unexpected(&other)),
        Err(error) => Ok(Err(convert::error(error))),
    }
}

async fn next<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    rep: u32,
) -> wasmtime::Result<Result<Option<wit::Chunk>, Error>> {
    let Handle::Generation(generation, _) = *store.data_mut().desk().handles.get(rep)? else {
        return Err(wasmtime::Error::msg("not a generation"));
    };
    let reply = call(store, Call::Next { generation }, None).await?;
    match reply.out {
        Ok(Answer::Chunk { spent }) => {
            let chunk: ports::Chunk = serde_json::from_slice(&reply.body.unwrap_or_default())?;
            Ok(Ok(Some(prompt::chunk(chunk, spent.unwrap_or_default()))))
        }
        Ok(Answer::Nothing) => Ok(Ok(None)),
        Ok(other) => Err(unexpected(&other)),
        Err(error) => Ok(Err(convert::error(error))),
    }
}

/// Stops a generation, once.
async fn cancel<T: Caller>(store: &mut StoreContextMut<'_, T>, rep: u32) -> wasmtime::Result<()> {
    let Handle::Generation(generation, cancelled @ false) = store.data_mut().desk().handles.get(rep)? else {
        return work(store, FUEL_CALL).await;
    };
    *cancelled = true;
    let generation = *generation;
    infallible(store, Call::Cancel { generation }).await.map(|_| ())
}
