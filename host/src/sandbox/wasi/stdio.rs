//! wasi:io/streams and the standard streams: input is at its end, output is lines for the kernel.

use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};
use wasmtime::{AsContextMut, StoreContextMut};
use wasmtime_wasi::p2::bindings::io::error::Error as IoError;
use wasmtime_wasi::p2::bindings::io::streams::StreamError;

use super::poll;
use super::state::Handle;
use super::{Guest, Stream, define, versioned};

/// What one write may carry, in bytes: WASI lets `blocking-write-and-flush` carry no more.
pub(super) const WRITE_BYTES: usize = 4_096;

struct InputStream;
struct OutputStream;

type Input = Resource<InputStream>;
type Output = Resource<OutputStream>;
type Streamed<R> = Result<R, StreamError>;

pub(super) fn link<T: Guest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut error = linker.instance(&versioned("wasi:io/error"))?;
    // No stream fails: there is never an error to describe.
    error.resource("error", ResourceType::host::<IoError>(), |_, _| Ok(()))?;
    define(&mut error, "[method]error.to-debug-string", 0, |_, (_,): (Resource<IoError>,)| {
        Ok((String::new(),))
    })?;

    let mut streams = linker.instance(&versioned("wasi:io/streams"))?;
    link_input(&mut streams)?;
    link_output(&mut streams)?;

    let mut stdin = linker.instance(&versioned("wasi:cli/stdin"))?;
    define(&mut stdin, "get-stdin", 0, |mut store, ()| {
        Ok((Input::new_own(store.data_mut().wasi().open(Handle::Input)?),))
    })?;
    for (name, function, stream) in
        [("wasi:cli/stdout", "get-stdout", Stream::Out), ("wasi:cli/stderr", "get-stderr", Stream::Err)]
    {
        let mut output = linker.instance(&versioned(name))?;
        define(&mut output, function, 0, move |mut store, ()| {
            Ok((Output::new_own(store.data_mut().wasi().open(Handle::Output(stream))?),))
        })?;
    }
    Ok(())
}

fn link_input<T: Guest>(streams: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    streams.resource("input-stream", ResourceType::host::<InputStream>(), |mut store, index| {
        store.data_mut().wasi().close(index)
    })?;
    for name in ["read", "blocking-read"] {
        define(streams, &format!("[method]input-stream.{name}"), 0, |_, (_, _): (Input, u64)| {
            Ok((Streamed::<Vec<u8>>::Err(StreamError::Closed),))
        })?;
    }
    for name in ["skip", "blocking-skip"] {
        define(streams, &format!("[method]input-stream.{name}"), 0, |_, (_, _): (Input, u64)| {
            Ok((Streamed::<u64>::Err(StreamError::Closed),))
        })?;
    }
    define(streams, "[method]input-stream.subscribe", 0, |store, (_,): (Input,)| Ok((poll::open(store, 0)?,)))
}

fn link_output<T: Guest>(streams: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    streams.resource("output-stream", ResourceType::host::<OutputStream>(), |mut store, index| {
        store.data_mut().wasi().close(index)
    })?;
    define(streams, "[method]output-stream.check-write", 0, |_, (_,): (Output,)| {
        Ok((Streamed::Ok(WRITE_BYTES as u64),))
    })?;
    define(streams, "[method]output-stream.subscribe", 0, |store, (_,): (Output,)| {
        Ok((poll::open(store, 0)?,))
    })?;
    link_writes(streams)?;
    for name in ["flush", "blocking-flush"] {
        // Nothing is held back but an unfinished line; a log line is not shown in halves.
        define(streams, &format!("[method]output-stream.{name}"), 0, |_, (_,): (Output,)| {
            Ok((Streamed::Ok(()),))
        })?;
    }
    for name in ["splice", "blocking-splice"] {
        // The only input there is is closed.
        let name = format!("[method]output-stream.{name}");
        define(streams, &name, 0, |_, (_, _, _): (Output, Input, u64)| {
            Ok((Streamed::<u64>::Err(StreamError::Closed),))
        })?;
    }
    Ok(())
}

fn link_writes<T: Guest>(streams: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    for name in ["write", "blocking-write-and-flush"] {
        streams.func_wrap_async(
            &format!("[method]output-stream.{name}"),
            |store: StoreContextMut<'_, T>, (output, bytes): (Output, Vec<u8>)| {
                Box::new(async move { write(store, output, bytes.len() as u64, bytes).await })
            },
        )?;
    }
    for name in ["write-zeroes", "blocking-write-zeroes-and-flush"] {
        streams.func_wrap_async(
            &format!("[method]output-stream.{name}"),
            |store: StoreContextMut<'_, T>, (output, length): (Output, u64)| {
                Box::new(async move {
                    let zeroes = vec![0; length.min(WRITE_BYTES as u64) as usize];
                    write(store, output, length, zeroes).await
                })
            },
        )?;
    }
    Ok(())
}

/// Prints; more than `check-write` allows is a trap, as WASI says.
async fn write<T: Guest>(
    mut store: StoreContextMut<'_, T>,
    output: Output,
    length: u64,
    bytes: Vec<u8>,
) -> wasmtime::Result<(Streamed<()>,)> {
    T::charge(&mut store, length).await?;
    if length > WRITE_BYTES as u64 {
        wasmtime::bail!("a write of {length} bytes: `check-write` allows {WRITE_BYTES}");
    }
    let state = store.data_mut().wasi();
    let Handle::Output(stream) = state.handle(output.rep())? else {
        wasmtime::bail!("WASI handle {} is not an output stream", output.rep());
    };
    if let Some(lines) = state.write(stream, &bytes) {
        T::print(store.as_context_mut(), stream, lines).await?;
    }
    Ok((Ok(()),))
}
