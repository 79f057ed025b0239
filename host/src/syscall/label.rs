//! `aos:host/label`.

use wasmtime::component::LinkerInstance;

use super::{Caller, call, convert, text};
use crate::kernel::answer::Answer;
use crate::kernel::call::Call;

pub(super) fn link<T: Caller>(label: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    label.func_wrap_async("list", |mut store, (): ()| {
        Box::new(async move {
            let reply = call(&mut store, Call::Labels, None).await?;
            let out = match reply.out {
                Ok(Answer::Listing) => {
                    Ok(serde_json::from_slice::<Vec<String>>(&reply.body.unwrap_or_default())?)
                }
                Ok(other) => return Err(convert::unexpected(&other)),
                Err(error) => Err(convert::error(error)),
            };
            Ok((out,))
        })
    })?;
    label.func_wrap_async("declassify", |mut store, (label,): (String,)| {
        Box::new(async move {
            let label = text(&mut store, label)?;
            let out = call(&mut store, Call::Declassify { label }, None).await?.out;
            Ok((out.map(|_| ()).map_err(convert::error),))
        })
    })
}
