//! The command line: exit codes, what goes to which stream, JSON, help.
//!
//! - [`interrupt`][]: Ctrl-C ends a run in order.
//! - [`overlay`]: what becomes of what a run left in an overlay.
//! - [`streams`]: results on standard output and nothing else there; JSON; readers that go away.
//! - [`words`]: help, completions, slips of the pen, the places of flags.

mod interrupt;
mod overlay;
mod streams;
mod words;
