//! Every limit that has a name, with its unit.

/// A message, event, input of a child or of a run, tool input: bytes.
pub const BODY_BYTES: u64 = 1 << 20;
/// A file, an artifact, a saved state, an agent's output: bytes.
pub const FILE_BYTES: u64 = 16 << 20;
/// A prompt or an answer: bytes.
pub const PROMPT_BYTES: u64 = 4 << 20;
/// A log line: bytes.
pub const LOG_BYTES: u64 = 8 << 10;
/// A name (process, mount, lease, kind, model, tool): bytes.
pub const NAME_BYTES: usize = 128;
/// Messages in a mailbox.
pub const MAILBOX_MESSAGES: usize = 1_024;
/// Bodies in a mailbox: bytes.
pub const MAILBOX_BYTES: u64 = 8 << 20;
/// Processes that wait for room in one mailbox, or for one lease.
pub const LINE_LENGTH: usize = 16_384;
/// Subscriptions of a process.
pub const SUBSCRIPTIONS: usize = 64;
/// Leases that a process holds.
pub const LEASES: usize = 64;
/// Longest life of a lease without renewal: milliseconds.
pub const LEASE_TTL_MS: u64 = 86_400_000;
/// Files of a scratch mount.
pub const SCRATCH_FILES: usize = 1_024;
/// Paths that an overlay covers, removed ones included.
pub const OVERLAY_FILES: usize = 4_096;
/// Files in an overlay: bytes.
pub const OVERLAY_BYTES: u64 = 256 << 20;
/// Artifacts of a run.
pub const ARTIFACTS: usize = 4_096;
/// Parents of an artifact.
pub const PARENTS: usize = 16;
/// Entries that one listing answers.
pub const LISTED: u32 = 1_000;
/// Open generations of a process.
pub const GENERATIONS: usize = 8;
/// Processes of a run, ended ones included.
pub const PROCESSES: usize = 16_384;
/// Capabilities or meters that a spawn may name.
pub const SPAWN_TERMS: usize = 64;
/// A text argument in an entry, as JSON: bytes. Longer ones are recorded by size and digest, and refused.
pub const TEXT_BYTES: usize = 1_024;
/// An entry: bytes.
pub const ENTRY_BYTES: usize = 16 << 10;
/// A failure's message, a trap's text: bytes.
pub const REASON_BYTES: usize = 1_024;
/// Handles that a process holds of one kind.
pub const HANDLES: usize = 1_024;
/// Bytes lifted from a guest by one call, beside its body: wasmtime's host call fuel.
pub const LIFT_BYTES: usize = 20 << 20;
/// Bytes of bodies that all guests' calls carry at one time.
pub const LIFT_BYTES_HOST: usize = 256 << 20;
/// Entries that wait for the writer before a process that appends has to wait.
pub const QUEUE_ENTRIES: usize = 65_536;
/// Bodies that wait for the writer before a process that appends has to wait: bytes.
pub const QUEUE_BYTES: u64 = 64 << 20;
