//! wasi:cli without its streams: no environment, no arguments, no terminal; and the way out.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};

use super::{Exit, Guest, versioned};

struct TerminalInput;
struct TerminalOutput;

pub(super) fn link<T: Guest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut environment = linker.instance(&versioned("wasi:cli/environment"))?;
    environment.func_wrap("get-environment", |mut store, (): ()| {
        T::charge(&mut store, 0)?;
        Ok((Vec::<(String, String)>::new(),))
    })?;
    environment.func_wrap("get-arguments", |mut store, (): ()| {
        T::charge(&mut store, 0)?;
        Ok((Vec::<String>::new(),))
    })?;
    environment.func_wrap("initial-cwd", |mut store, (): ()| {
        T::charge(&mut store, 0)?;
        Ok((None::<String>,))
    })?;

    let mut exit = linker.instance(&versioned("wasi:cli/exit"))?;
    exit.func_wrap(
        "exit",
        |_: StoreContextMut<'_, T>, (status,): (Result<(), ()>,)| -> wasmtime::Result<()> {
            Err(Exit(status.is_ok()).into())
        },
    )?;
    exit.func_wrap("exit-with-code", |_: StoreContextMut<'_, T>, (code,): (u8,)| -> wasmtime::Result<()> {
        Err(Exit(code == 0).into())
    })?;
    link_terminals(linker)
}

fn link_terminals<T: Guest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.instance(&versioned("wasi:cli/terminal-input"))?.resource(
        "terminal-input",
        ResourceType::host::<TerminalInput>(),
        |_, _| Ok(()),
    )?;
    linker.instance(&versioned("wasi:cli/terminal-output"))?.resource(
        "terminal-output",
        ResourceType::host::<TerminalOutput>(),
        |_, _| Ok(()),
    )?;
    linker.instance(&versioned("wasi:cli/terminal-stdin"))?.func_wrap(
        "get-terminal-stdin",
        |mut store, (): ()| {
            T::charge(&mut store, 0)?;
            Ok((None::<Resource<TerminalInput>>,))
        },
    )?;
    for (name, function) in [
        ("wasi:cli/terminal-stdout", "get-terminal-stdout"),
        ("wasi:cli/terminal-stderr", "get-terminal-stderr"),
    ] {
        linker.instance(&versioned(name))?.func_wrap(function, |mut store, (): ()| {
            T::charge(&mut store, 0)?;
            Ok((None::<Resource<TerminalOutput>>,))
        })?;
    }
    Ok(())
}
