//! `aos:host/log`.

use wasmtime::component::LinkerInstance;

use super::bindings::log::Level;
use super::{Caller, call_owned, convert};
use crate::kernel::call::Call;
use crate::limits::LOG_BYTES;

pub(super) fn link<T: Caller>(log: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    log.func_wrap_async("emit", |mut store, (level, text): (Level, String)| {
        Box::new(async move {
            let level = convert::kernel_level(level);
            let reply = call_owned(&mut store, Call::Log { level }, text.into_bytes(), LOG_BYTES).await?;
            Ok((reply.out.map(|_| ()).map_err(convert::error),))
        })
    })
}
