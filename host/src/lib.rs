//! aos-host runs each AI agent as a WebAssembly component whose only way out is a system call interface.
//!
//! What holds everywhere:
//! - **One path.** [`kernel::Kernel::call`] is the gate: every system call of every guest is charged, authorised and recorded
//!   there before its effect. There is no second way in.
//! - **A run is its log.** The kernel's state is a pure fold over the entries; replay answers a component from them.
//!   Append order is apply order.
//! - **No audit, no effect.** An effect outside waits until everything through its intent is on disk. What is shown outside
//!   is read from durable entries.
//! - **What is authorised is the resolved object**, never the guest's string again.
//! - **Nothing points up**: cli → host → sandbox → syscall → kernel → journal; `mounts` and `infer` know the kernel's ports; `witness`
//!   knows logs of others only.
//! - **Everything is bounded**, by the constants of [`limits`] or beside the thing they bound.

pub mod cli;
pub mod host;
pub mod infer;
pub mod journal;
pub mod kernel;
pub mod limits;
pub mod mounts;
pub mod sandbox;
pub mod syscall;
pub mod witness;
