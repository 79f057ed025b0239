//! `aos:host/log`.

use wasmtime::component::LinkerInstance;

use super::bindings::log::Level;
use super::{Caller, Lifted, call, convert};
use crate::kernel::call::Call;

pub(super) fn link<T: Caller>(log: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    log.func_wrap_async("emit", |mut store, (level, text): (Level, String)| {
        Box::new(async move {
            let level = convert::kernel_level(level);
            let reply = match Lifted::owned(text.into_bytes()).await? {
                Ok(text) => call(&mut store, Call::Log { level }, Some(text.bytes)).await?,
                Err(size) => {
                    call(&mut store, Call::Oversized { verb: "log.emit".into(), size }, None).await?
                }
            };
            Ok((reply.out.map(|_| ()).map_err(convert::error),))
        })
    })
}
