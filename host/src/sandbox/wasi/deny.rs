//! wasi:filesystem and wasi:sockets: they link, because toolchains import them unasked, and give nothing away.
//!
//! There are no preopened directories and no sockets, so the functions of what can never exist trap.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode as FileError;
use wasmtime_wasi::p2::bindings::io::error::Error as IoError;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};

use super::state::Handle;
use super::{Guest, define, versioned};
use crate::sandbox::imports;

struct Descriptor;
struct DirectoryEntryStream;
struct Network;
struct TcpSocket;
struct UdpSocket;
struct IncomingDatagrams;
struct OutgoingDatagrams;
struct Addresses;

pub(super) fn link<T: Guest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    link_files(linker)?;
    link_sockets(linker)?;
    for interface in ["wasi:filesystem/types", "wasi:sockets/tcp", "wasi:sockets/udp"] {
        link_traps(linker, interface, "[method]")?;
    }
    link_traps(linker, "wasi:sockets/ip-name-lookup", "[method]")?;
    link_traps(linker, "wasi:sockets/network", "network-error-code")
}

fn link_files<T: Guest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut types = linker.instance(&versioned("wasi:filesystem/types"))?;
    types.resource("descriptor", ResourceType::host::<Descriptor>(), |_, _| Ok(()))?;
    types.resource("directory-entry-stream", ResourceType::host::<DirectoryEntryStream>(), |_, _| Ok(()))?;
    define(&mut types, "filesystem-error-code", 0, |_, (_,): (Resource<IoError>,)| Ok((None::<FileError>,)))?;
    let mut preopens = linker.instance(&versioned("wasi:filesystem/preopens"))?;
    define(&mut preopens, "get-directories", 0, |_, ()| Ok((Vec::<(Resource<Descriptor>, String)>::new(),)))
}

fn link_sockets<T: Guest>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut network = linker.instance(&versioned("wasi:sockets/network"))?;
    network.resource("network", ResourceType::host::<Network>(), |mut store, index| {
        store.data_mut().wasi().close(index)
    })?;
    let mut instance = linker.instance(&versioned("wasi:sockets/instance-network"))?;
    define(&mut instance, "instance-network", 0, |mut store, ()| {
        let index = store.data_mut().wasi().open(Handle::Network)?;
        Ok((Resource::<Network>::new_own(index),))
    })?;

    let mut tcp = linker.instance(&versioned("wasi:sockets/tcp"))?;
    tcp.resource("tcp-socket", ResourceType::host::<TcpSocket>(), |_, _| Ok(()))?;
    let mut tcp = linker.instance(&versioned("wasi:sockets/tcp-create-socket"))?;
    define(&mut tcp, "create-tcp-socket", 0, |_, (_,): (IpAddressFamily,)| {
        Ok((Err::<Resource<TcpSocket>, _>(ErrorCode::AccessDenied),))
    })?;

    let mut udp = linker.instance(&versioned("wasi:sockets/udp"))?;
    udp.resource("udp-socket", ResourceType::host::<UdpSocket>(), |_, _| Ok(()))?;
    udp.resource("incoming-datagram-stream", ResourceType::host::<IncomingDatagrams>(), |_, _| Ok(()))?;
    udp.resource("outgoing-datagram-stream", ResourceType::host::<OutgoingDatagrams>(), |_, _| Ok(()))?;
    let mut udp = linker.instance(&versioned("wasi:sockets/udp-create-socket"))?;
    define(&mut udp, "create-udp-socket", 0, |_, (_,): (IpAddressFamily,)| {
        Ok((Err::<Resource<UdpSocket>, _>(ErrorCode::AccessDenied),))
    })?;

    let mut lookup = linker.instance(&versioned("wasi:sockets/ip-name-lookup"))?;
    lookup.resource("resolve-address-stream", ResourceType::host::<Addresses>(), |_, _| Ok(()))?;
    lookup.func_wrap_async(
        "resolve-addresses",
        |mut store: StoreContextMut<'_, T>, (_, name): (Resource<Network>, String)| {
            Box::new(async move {
                T::charge(&mut store, name.len() as u64).await?;
                Ok((Err::<Resource<Addresses>, _>(ErrorCode::AccessDenied),))
            })
        },
    )
}

/// The functions of an interface whose names begin so trap: their first argument cannot exist.
fn link_traps<T: Guest>(
    linker: &mut Linker<T>,
    interface: &'static str,
    prefix: &str,
) -> wasmtime::Result<()> {
    let mut instance = linker.instance(&versioned(interface))?;
    for function in imports::functions(interface) {
        if function.starts_with(prefix) {
            instance.func_new(function, move |_, _, _, _| {
                wasmtime::bail!("{interface}/{function} called on a handle that cannot exist")
            })?;
        }
    }
    Ok(())
}
