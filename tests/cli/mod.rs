//! The command line: exit codes, what goes to which stream, JSON, help.
//!
//! - [`inspect`], [`report`]: what a run did, for people, for programs, and as a page. [`evidence`]: what a long one needed.
//! - [`interrupt`][]: Ctrl-C ends a run in order.
//! - [`overlay`]: what becomes of what a run left in an overlay.
//! - [`streams`]: results on standard output and nothing else there; JSON; readers that go away.
//! - [`words`]: help, completions, slips of the pen, the places of flags.

mod evidence;
mod inspect;
mod interrupt;
mod overlay;
mod report;
mod streams;
mod why;
mod words;
