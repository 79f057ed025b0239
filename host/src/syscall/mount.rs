//! `aos:host/mount`.

use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, WasmList};

use super::bindings::mount::{Condition, Content, Entry, Range};
use super::bindings::types::Error;
use super::convert::{self, unexpected};
use super::{Caller, call, call_with, number, some_text, text, work};
use crate::kernel::answer::Answer;
use crate::kernel::call::Call;
use crate::kernel::cost::FUEL_BYTE;
use crate::kernel::ports;

pub(super) fn link<T: Caller>(mount: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    mount.func_wrap_async("read", |mut store, (mount, path, range): (String, String, Option<Range>)| {
        Box::new(async move { Ok((read(&mut store, mount, path, range).await?,)) })
    })?;
    mount.func_wrap_async(
        "write",
        |mut store, (mount, path, data, condition): (String, String, WasmList<u8>, Condition)| {
            Box::new(async move {
                let condition = convert::kernel_condition(condition);
                let (mount, path) = (text(&mut store, mount)?, text(&mut store, path)?);
                let write = Call::Write { mount, path, condition };
                Ok((match call_with(&mut store, write, &data).await?.out {
                    Ok(Answer::Digest(digest)) => Ok(digest.to_string()),
                    Ok(other) => return Err(unexpected(&other)),
                    Err(error) => Err(convert::error(error)),
                },))
            })
        },
    )?;
    mount.func_wrap_async(
        "list",
        |mut store, (mount, path, after, limit): (String, String, Option<String>, u32)| {
            Box::new(async move {
                let (mount, path) = (text(&mut store, mount)?, text(&mut store, path)?);
                let list = Call::List { mount, path, after: some_text(&mut store, after)?, limit };
                Ok((listing(&mut store, list).await?,))
            })
        },
    )?;
    mount.func_wrap_async("stat", |mut store, (mount, path): (String, String)| {
        Box::new(async move {
            let (mount, path) = (text(&mut store, mount)?, text(&mut store, path)?);
            Ok((match call(&mut store, Call::Stat { mount, path }, None).await?.out {
                // Its digest is the work of reading it all.
                Ok(Answer::Stat(listed)) => {
                    work(&mut store, FUEL_BYTE * listed.size).await?;
                    Ok(convert::listed(listed))
                }
                Ok(other) => return Err(unexpected(&other)),
                Err(error) => Err(convert::error(error)),
            },))
        })
    })?;
    mount.func_wrap_async("remove", |mut store, (mount, path, condition): (String, String, Condition)| {
        Box::new(async move {
            let condition = convert::kernel_condition(condition);
            let (mount, path) = (text(&mut store, mount)?, text(&mut store, path)?);
            done(&mut store, Call::Remove { mount, path, condition }).await
        })
    })?;
    mount.func_wrap_async(
        "rename",
        |mut store, (mount, source, target, condition): (String, String, String, Condition)| {
            Box::new(async move {
                let mount = text(&mut store, mount)?;
                let (source, target) = (text(&mut store, source)?, text(&mut store, target)?);
                let condition = convert::kernel_condition(condition);
                done(&mut store, Call::Rename { mount, source, target, condition }).await
            })
        },
    )
}

async fn done<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    change: Call,
) -> wasmtime::Result<(Result<(), Error>,)> {
    let out = call(store, change, None).await?.out;
    Ok((out.map(|_| ()).map_err(convert::error),))
}

async fn read<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    mount: String,
    path: String,
    range: Option<Range>,
) -> wasmtime::Result<Result<Content, Error>> {
    let range = range.map(|r| ports::Range { offset: number(r.offset), length: number(r.length) });
    let (mount, path) = (text(store, mount)?, text(store, path)?);
    let reply = call(store, Call::Read { mount, path, range }, None).await?;
    match reply.out {
        Ok(Answer::Content { digest, size, from }) => {
            let body = reply.body.unwrap_or_default();
            // Its digest is the work of reading it all, whatever the range.
            work(store, FUEL_BYTE * size.saturating_sub(body.len() as u64)).await?;
            // A body that another entry stored is the whole file.
            let data = match (from, range) {
                (Some(_), Some(range)) => cut(&body, range).to_vec(),
                (Some(_), None) | (None, _) => body.into(),
            };
            Ok(Ok(Content { data, digest: digest.to_string(), size }))
        }
        Ok(other) => Err(unexpected(&other)),
        Err(error) => Ok(Err(convert::error(error))),
    }
}

/// A range of a file, short at its end.
fn cut(whole: &[u8], range: ports::Range) -> &[u8] {
    let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(whole.len());
    &whole[at(range.offset)..at(range.offset.saturating_add(range.length))]
}

async fn listing<T: Caller>(
    store: &mut StoreContextMut<'_, T>,
    list: Call,
) -> wasmtime::Result<Result<Vec<Entry>, Error>> {
    let reply = call(store, list, None).await?;
    match reply.out {
        Ok(Answer::Listing) => {
            let list: Vec<ports::Listed> = serde_json::from_slice(&reply.body.unwrap_or_default())?;
            Ok(Ok(list.into_iter().map(convert::listed).collect()))
        }
        Ok(other) => Err(unexpected(&other)),
        Err(error) => Ok(Err(convert::error(error))),
    }
}
