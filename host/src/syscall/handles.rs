//! A process's handles to kernel objects. They have a table of their own: shared with WASI's, their numbers would differ
//! from language to language.

use crate::limits::HANDLES;

/// What a handle stands for; a lease's is its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handle {
    /// A lease, and whether it was released.
    Lease(u64, bool),
    /// A subscription, and whether it was closed.
    Subscription(u64, bool),
    /// A generation, and whether it was cancelled.
    Generation(u64, bool),
    /// A child's process number.
    Child(u64),
}

/// The table.
#[derive(Debug, Default)]
pub struct Handles {
    slots: Vec<Option<Handle>>,
    free: Vec<u32>,
}

impl Handles {
    /// Keeps a handle and answers its place.
    ///
    /// # Errors
    /// When the process holds too many: that traps.
    pub fn push(&mut self, handle: Handle) -> wasmtime::Result<u32> {
        if let Some(at) = self.free.pop() {
            self.slots[at as usize] = Some(handle);
            return Ok(at);
        }
        if self.slots.len() >= HANDLES {
            return Err(wasmtime::Error::msg(format!(
                "more than {HANDLES} handles: drop those that are done with"
            )));
        }
        self.slots.push(Some(handle));
        Ok(self.slots.len() as u32 - 1)
    }

    /// What a place stands for.
    ///
    /// # Errors
    /// When it is empty: that traps.
    pub fn get(&mut self, at: u32) -> wasmtime::Result<&mut Handle> {
        let slot = self.slots.get_mut(at as usize).and_then(Option::as_mut);
        slot.ok_or_else(|| wasmtime::Error::msg("no such handle"))
    }

    /// Empties a place.
    ///
    /// # Errors
    /// When it is empty: that traps.
    pub fn take(&mut self, at: u32) -> wasmtime::Result<Handle> {
        let taken = self.slots.get_mut(at as usize).and_then(Option::take);
        let handle = taken.ok_or_else(|| wasmtime::Error::msg("no such handle"))?;
        self.free.push(at);
        Ok(handle)
    }
}
