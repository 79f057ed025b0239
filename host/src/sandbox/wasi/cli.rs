//! wasi:cli without its streams: no environment, no arguments, no terminal; and the way out.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};

use super::{Exit, Guest, define, versioned};

struct TerminalInput;
struct TerminalOutput;

pub(super) fn link<T: Guest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut environment = linker.instance(&versioned("wasi:cli/environment"))?;
    define(&mut environment, "get-environment", 0, |_, ()| Ok((Vec::<(String, String)>::new(),)))?;
    define(&mut environment, "get-arguments", 0, |_, ()| Ok((Vec::<String>::new(),)))?;
    define(&mut environment, "initial-cwd", 0, |_, ()| Ok((None::<String>,)))?;

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
    let mut stdin = linker.instance(&versioned("wasi:cli/terminal-stdin"))?;
    define(&mut stdin, "get-terminal-stdin", 0, |_, ()| Ok((None::<Resource<TerminalInput>>,)))?;
    for (name, function) in [
        ("wasi:cli/terminal-stdout", "get-terminal-stdout"),
        ("wasi:cli/terminal-stderr", "get-terminal-stderr"),
    ] {
        let mut output = linker.instance(&versioned(name))?;
        define(&mut output, function, 0, |_, ()| Ok((None::<Resource<TerminalOutput>>,)))?;
    }
    Ok(())
}
