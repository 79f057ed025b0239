//! `aos:host/tool`.

use bytes::Bytes;
use wasmtime::component::LinkerInstance;

use super::bindings::tool::Tool;
use super::{Caller, call, call_owned, convert, text};
use crate::kernel::call::Call;
use crate::limits::BODY_BYTES;

pub(super) fn link<T: Caller>(tool: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    tool.func_wrap_async("list", |mut store, (): ()| {
        Box::new(async move {
            let out = call(&mut store, Call::Tools, None).await?.out;
            Ok((out.map(|_| Vec::<Tool>::new()).map_err(convert::error),))
        })
    })?;
    tool.func_wrap_async("call", |mut store, (name, input): (String, String)| {
        Box::new(async move {
            let name = text(&mut store, name)?;
            let reply = call_owned(&mut store, Call::Tool { name }, input.into_bytes(), BODY_BYTES).await?;
            let body = reply.body.unwrap_or_else(Bytes::new);
            Ok((reply.out.map(|_| String::from_utf8_lossy(&body).into_owned()).map_err(convert::error),))
        })
    })
}
