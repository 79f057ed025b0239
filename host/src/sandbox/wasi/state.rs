//! What one process's virtual WASI remembers: its clock, its random numbers, its handles, its unfinished lines.

use super::Stream;
use super::random::Generator;
use super::stdio::WRITE_BYTES;

/// Handles (streams, pollables, networks) that a process may have open at one time.
pub const HANDLES: usize = 256;
/// Nanoseconds of a millisecond.
const MS: u64 = 1_000_000;
/// The latest time that an entry can hold, in milliseconds.
const LATEST_MS: u64 = (1 << 53) - 1;

/// The state of one process's virtual WASI.
#[derive(Debug)]
pub struct Virtual {
    pub(super) random: Generator,
    started_ms: u64,
    now_ms: u64,
    handles: Vec<Option<Handle>>,
    /// Free places of `handles`; the last freed is taken first, so numbers repeat in a replay.
    free: Vec<u32>,
    out: Vec<u8>,
    err: Vec<u8>,
}

/// What a handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    /// Standard input, which is at its end.
    Input,
    /// Where to print.
    Output(Stream),
    /// Ready from this time on, in milliseconds of kernel time; 0 is always.
    Pollable(u64),
    /// The network that nobody may use.
    Network,
}

impl Virtual {
    /// A process that started at `started_ms` (milliseconds since the Unix epoch) and draws from `seed`.
    pub fn new(seed: [u8; 32], started_ms: u64) -> Self {
        Self {
            random: Generator::new(seed),
            started_ms,
            now_ms: started_ms,
            handles: Vec::new(),
            free: Vec::new(),
            out: Vec::new(),
            err: Vec::new(),
        }
    }

    /// The process saw an entry of this time. Time never goes back.
    pub fn saw(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// The time of the last entry that the process saw, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The line that the guest began on a stream and did not end; to be printed when it has ended.
    pub fn leftover(&mut self, stream: Stream) -> Vec<u8> {
        std::mem::take(self.line(stream))
    }

    /// The monotonic clock, in nanoseconds. It begins at 1 ms: some runtimes abort on a clock of 0.
    pub(super) fn monotonic(&self) -> u64 {
        (self.now_ms.saturating_sub(self.started_ms)).saturating_add(1).saturating_mul(MS)
    }

    /// The kernel time at which the monotonic clock has reached `instant`, in milliseconds.
    pub(super) fn at(&self, instant: u64) -> u64 {
        let ticks = instant.div_ceil(MS).max(1) - 1;
        self.started_ms.saturating_add(ticks).min(LATEST_MS)
    }

    /// The kernel time after `duration` nanoseconds, in milliseconds, rounded up.
    pub(super) fn after(&self, duration: u64) -> u64 {
        self.now_ms.saturating_add(duration.div_ceil(MS)).min(LATEST_MS)
    }

    /// Whether a deadline is reached.
    pub(super) fn reached(&self, until_ms: u64) -> bool {
        self.now_ms >= until_ms
    }

    /// Opens a handle. An error (the guest holds too many) ends the guest.
    pub(super) fn open(&mut self, handle: Handle) -> wasmtime::Result<u32> {
        if let Some(index) = self.free.pop() {
            self.handles[index as usize] = Some(handle);
            return Ok(index);
        }
        if self.handles.len() >= HANDLES {
            wasmtime::bail!("more than {HANDLES} WASI handles are open: drop streams and pollables");
        }
        self.handles.push(Some(handle));
        Ok((self.handles.len() - 1) as u32)
    }

    /// What a handle stands for. An error (there is none) ends the guest.
    pub(super) fn handle(&self, index: u32) -> wasmtime::Result<Handle> {
        match self.handles.get(index as usize) {
            Some(Some(handle)) => Ok(*handle),
            _ => wasmtime::bail!("WASI handle {index} is not open"),
        }
    }

    /// Closes a handle.
    pub(super) fn close(&mut self, index: u32) -> wasmtime::Result<()> {
        match self.handles.get_mut(index as usize).and_then(Option::take) {
            Some(_) => {
                self.free.push(index);
                Ok(())
            }
            None => wasmtime::bail!("WASI handle {index} is not open"),
        }
    }

    /// The deadline of a pollable.
    pub(super) fn deadline(&self, index: u32) -> wasmtime::Result<u64> {
        match self.handle(index)? {
            Handle::Pollable(until_ms) => Ok(until_ms),
            _ => wasmtime::bail!("WASI handle {index} is not a pollable"),
        }
    }

    /// Takes what the guest wrote and answers what is ready to be printed: whole lines, or a line that got too long.
    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8]) -> Option<Vec<u8>> {
        let line = self.line(stream);
        line.extend_from_slice(bytes);
        let whole = match line.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if line.len() >= WRITE_BYTES => line.len(),
            None => return None,
        };
        let rest = line.split_off(whole);
        Some(std::mem::replace(line, rest))
    }

    fn line(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        }
    }
}
