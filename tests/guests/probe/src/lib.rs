//! One agent for all tests: it does what its input says.
//!
//! The input is a JSON array of steps, the output a JSON array with what each one answered:
//! `{"ok":…}`, or `{"err":{"denied":null}}` with the case of `aos:host/types.error` and its payload.
//! A step that is answered with an error does not stop the script, unless it says `"must": true`.
//! A step that is no step (an unknown op or key, a wrong type, an unknown handle) fails the agent, so that a test with
//! a slip in it does not pass.
//!
//! Keys: variant cases and enum values are spelt as in `wit/`, keys as in Rust (`in_reply_to`). A handle is named by
//! `"as"` where it is made and by `"on"` where it is used; `drop` drops it. A body is `"body": "text"`,
//! `"hex": "ff00"`, or `"size": n` for n bytes of `x`. Bytes are shown as text when they are UTF-8 of at
//! most 4 KiB, else as `{"size":n,"start":"…"}` or `{"size":n,"hex":"…"}` with the first 32 bytes.
//!
//! The interface is called without the SDK's conveniences, so that a script can say what they would not.
//! The ops are listed in [`script`]'s `step` and in the modules of [`ops`], each with its keys.

mod args;
mod hex;
mod ops;
mod script;
mod show;
mod state;

use aos_guest::{Failure, agent};

agent!(probe);

fn probe(input: Vec<u8>) -> Result<Vec<u8>, Failure> {
    script::run(&input)
}
