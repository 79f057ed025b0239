//! `aos:host/tool`.

use bytes::Bytes;
use wasmtime::component::LinkerInstance;

use super::bindings::tool::Tool;
use super::{Caller, Lifted, call, convert, text};
use crate::kernel::call::Call;

pub(super) fn link<T: Caller>(tool: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    tool.func_wrap_async("list", |mut store, (): ()| {
        Box::new(async move {
            let out = call(&mut store, Call::Tools, None).await?.out;
            Ok((out.map(|_| Vec::<Tool>::new()).map_err(convert::error),))
        })
    })?;
    tool.func_wrap_async("call", |mut store, (name, input): (String, String)| {
        Box::new(async move {
            let reply = match Lifted::owned(input.into_bytes()).await? {
                Ok(input) => call(&mut store, Call::Tool { name: text(name) }, Some(input.bytes)).await?,
                Err(size) => {
                    call(&mut store, Call::Oversized { verb: "tool.call".into(), size }, None).await?
                }
            };
            let body = reply.body.unwrap_or_else(Bytes::new);
            Ok((reply.out.map(|_| String::from_utf8_lossy(&body).into_owned()).map_err(convert::error),))
        })
    })
}
