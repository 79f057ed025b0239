//! `aos:host/artifact`.

use wasmtime::component::{LinkerInstance, WasmList};

use super::bindings::artifact::{Filter, Stored};
use super::convert::{self, unexpected};
use super::{Caller, bounded, call, call_with, some_text, text};
use crate::kernel::answer::{self, Answer};
use crate::kernel::call::{self as kernel, Call};

type Draft = (String, String, WasmList<u8>, Vec<String>, Option<String>);

pub(super) fn link<T: Caller>(artifact: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    artifact.func_wrap_async("put", |mut store, (kind, media_type, body, parents, subject): Draft| {
        Box::new(async move {
            let parents =
                parents.into_iter().map(|p| text(&mut store, p)).collect::<wasmtime::Result<_>>()?;
            let (kind, media_type) = (text(&mut store, kind)?, text(&mut store, media_type)?);
            let put = kernel::Put { kind, media_type, parents, subject: some_text(&mut store, subject)? };
            let put = bounded(Call::Put(Box::new(put)));
            let reply = match put {
                Call::Put(_) => call_with(&mut store, put, &body).await?,
                oversized => call(&mut store, oversized, None).await?,
            };
            Ok((match reply.out {
                Ok(Answer::Digest(digest)) => Ok(digest.to_string()),
                Ok(other) => return Err(unexpected(&other)),
                Err(error) => Err(convert::error(error)),
            },))
        })
    })?;
    artifact.func_wrap_async("get", |mut store, (digest,): (String,)| {
        Box::new(async move {
            let digest = text(&mut store, digest)?;
            let reply = call(&mut store, Call::Get { digest }, None).await?;
            Ok((match reply.out {
                Ok(Answer::Artifact { artifact, .. }) => {
                    let body = reply.body.unwrap_or_default().into();
                    Ok(Stored { artifact: convert::artifact(*artifact), body })
                }
                Ok(other) => return Err(unexpected(&other)),
                Err(error) => Err(convert::error(error)),
            },))
        })
    })?;
    artifact.func_wrap_async("list", |mut store, (filter,): (Filter,)| {
        Box::new(async move {
            let filter = kernel::Filter {
                kind: some_text(&mut store, filter.kind)?,
                parent: some_text(&mut store, filter.parent)?,
                subject: some_text(&mut store, filter.subject)?,
                after: some_text(&mut store, filter.after)?,
                limit: filter.limit,
            };
            let reply = call(&mut store, Call::Artifacts(Box::new(filter)), None).await?;
            Ok((match reply.out {
                Ok(Answer::Listing) => {
                    let list: Vec<answer::Artifact> =
                        serde_json::from_slice(&reply.body.unwrap_or_default())?;
                    Ok(list.into_iter().map(convert::artifact).collect::<Vec<_>>())
                }
                Ok(other) => return Err(unexpected(&other)),
                Err(error) => Err(convert::error(error)),
            },))
        })
    })
}
