//! The command line: exit codes, what goes to which stream, JSON, help.
//!
//! - [`streams`]: results on standard output and nothing else there; JSON; readers that go away.
//! - [`words`]: help, completions, slips of the pen, the places of flags.

mod streams;
mod words;
