//! The WIT's types. Only the types: functions are registered by hand, because a call has to read and charge the store's
//! fuel, which a generated trait does not see.

/// What a `lease` handle is at the host.
#[derive(Debug)]
pub struct LeaseHandle;
/// What a `subscription` handle is at the host.
#[derive(Debug)]
pub struct SubscriptionHandle;
/// What a `generation` handle is at the host.
#[derive(Debug)]
pub struct GenerationHandle;
/// What a `child` handle is at the host.
#[derive(Debug)]
pub struct ChildHandle;

#[allow(missing_docs, clippy::all, reason = "generated from wit/, where everything is described")]
mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "agent",
        with: {
            "aos:host/lease.lease": super::LeaseHandle,
            "aos:host/ipc.subscription": super::SubscriptionHandle,
            "aos:host/infer.generation": super::GenerationHandle,
            "aos:host/process.child": super::ChildHandle,
        },
    });
}

pub use generated::aos::host::{artifact, infer, ipc, lease, log, mount, process, tool, types};
