//! Hostile components, from WebAssembly text: what no compiler would make of honest source.
//!
//! All have one frame, the world `agent` with a few of its imports. An attack fills in the parts.

/// Where `run`'s answer lies, in bytes: zeros there are `ok` with an empty output.
const ANSWER: u32 = 1_024;
/// Where the allocator begins, in bytes; what is below belongs to the attack.
const HEAP: u32 = 32_768;

/// The parts of an agent that an attack fills in, each as instructions or items of the text format.
///
/// `items` and `run` may call `$emit (level text len answer)`, `$publish (topic len body len answer)`,
/// `$subscribe (pattern len answer)`, `$close (handle)`, `$drop (handle)` and `$put (kind len media len body len
/// parents count some subject len answer)`; `answer` is where the host's answer is written.
pub struct Agent<'a> {
    /// The first memory: pages at the start, and at most.
    pub pages: &'a str,
    /// The body of `realloc` (`$old $size $align $new`); leaves a pointer.
    pub realloc: &'a str,
    /// Further items of the main module: memories, tables, a start function.
    pub items: &'a str,
    /// The body of `run` (`$input $size`); leaves nothing.
    pub run: &'a str,
    /// The body of `run`'s post-return.
    pub after: &'a str,
    /// Further items of the component, before the main module's instance.
    pub outside: &'a str,
}

impl Default for Agent<'_> {
    /// One that answers nothing, at once, with an honest allocator.
    fn default() -> Self {
        Agent { pages: "1", realloc: BUMP, items: "", run: "", after: "", outside: "" }
    }
}

/// An allocator that never frees.
const BUMP: &str = "(local $at i32)
  (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
  (global.set $next (i32.add (local.get $at) (local.get $new)))
  (local.get $at)";

impl Agent<'_> {
    /// The component's bytes.
    pub fn forge(&self) -> Vec<u8> {
        assemble(&self.text())
    }

    /// The component's text.
    pub fn text(&self) -> String {
        let Agent { pages, realloc, items, run, after, outside } = self;
        format!(
            r#"(component
{TYPES}{IMPORTS}
(core module $Memory
  (memory (export "memory") {pages})
  (global $next (mut i32) (i32.const {HEAP}))
  (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
    {realloc}))
(core instance $memory (instantiate $Memory))
(alias core export $memory "memory" (core memory $bytes))
(alias core export $memory "realloc" (core func $realloc))
{LOWERED}
{outside}
(core module $Main
  (import "own" "memory" (memory 1))
  (import "host" "emit" (func $emit (param i32 i32 i32 i32)))
  (import "host" "publish" (func $publish (param i32 i32 i32 i32 i32)))
  (import "host" "subscribe" (func $subscribe (param i32 i32 i32)))
  (import "host" "close" (func $close (param i32)))
  (import "host" "drop" (func $drop (param i32)))
  (import "host" "put" (func $put (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  {items}
  (func (export "run") (param $input i32) (param $size i32) (result i32)
    {run}
    (i32.const {ANSWER}))
  (func (export "after") (param i32) {after}))
(core instance $main (instantiate $Main
  (with "own" (instance $memory))
  (with "host" (instance
    (export "emit" (func $emit)) (export "publish" (func $publish)) (export "subscribe" (func $subscribe))
    (export "close" (func $close)) (export "drop" (func $drop)) (export "put" (func $put))))))
(func $run (param "input" (list u8)) (result (result (list u8) (error $failure)))
  (canon lift (core func $main "run") (memory $bytes) (realloc $realloc) (post-return (core func $main "after"))))
(export "run" (func $run)))"#
        )
    }
}

/// A component that imports one instance and exports `run`: for imports that no host offers.
pub fn importing(name: &str, exports: &str) -> Vec<u8> {
    let text =
        Agent { outside: &format!("(import \"{name}\" (instance {exports}))"), ..Agent::default() }.text();
    assemble(&text)
}

/// The bytes of a text.
pub fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// `aos:host/types`, as wit/types.wit has it.
const TYPES: &str = r#"(import "aos:host/types@0.1.0" (instance $types
  (type $m (enum "fuel" "memory" "wall-time" "tokens-in" "tokens-out" "micro-usd" "bytes-stored" "bytes-sent"
    "calls" "children"))
  (export "meter" (type $meter (eq $m)))
  (type $t (record (field "detail" string) (field "retryable" bool) (field "retry-after-ms" (option u64))))
  (export "fault" (type $fault (eq $t)))
  (type $e (variant (case "denied") (case "exhausted" $meter) (case "not-found") (case "conflict" (option string))
    (case "stale" u64) (case "busy") (case "timed-out") (case "interrupted") (case "closed")
    (case "too-large" u64) (case "invalid" string) (case "unsupported") (case "unavailable" $fault)
    (case "unknown-outcome")))
  (export "error" (type $error (eq $e)))
  (type $f (record (field "message" string) (field "cause" (option $error))))
  (export "failure" (type (eq $f)))))
(alias export $types "error" (type $error))
(alias export $types "failure" (type $failure))
"#;

/// The functions that attacks call.
const IMPORTS: &str = r#"(import "aos:host/log@0.1.0" (instance $log
  (type $l (enum "trace" "debug" "info" "warn" "error"))
  (export "level" (type $level (eq $l)))
  (alias outer 1 $error (type $error))
  (export "emit" (func (param "level" $level) (param "text" string) (result (result (error $error)))))))
(import "aos:host/ipc@0.1.0" (instance $ipc
  (alias outer 1 $error (type $error))
  (export "subscription" (type $subscription (sub resource)))
  (export "publish" (func (param "topic" string) (param "body" (list u8)) (result (result u32 (error $error)))))
  (export "subscribe" (func (param "pattern" string) (result (result (own $subscription) (error $error)))))
  (export "[method]subscription.close" (func (param "self" (borrow $subscription))))))
(alias export $ipc "subscription" (type $subscription))
(import "aos:host/artifact@0.1.0" (instance $artifact
  (alias outer 1 $error (type $error))
  (export "put" (func (param "kind" string) (param "media-type" string) (param "body" (list u8))
    (param "parents" (list string)) (param "subject" (option string)) (result (result string (error $error)))))))
"#;

/// Those functions for core code, over the first memory.
const LOWERED: &str = r#"
(core func $emit (canon lower (func $log "emit") (memory $bytes) (realloc $realloc)))
(core func $publish (canon lower (func $ipc "publish") (memory $bytes) (realloc $realloc)))
(core func $subscribe
  (canon lower (func $ipc "subscribe") (memory $bytes) (realloc $realloc)))
(core func $close (canon lower (func $ipc "[method]subscription.close")))
(core func $drop (canon resource.drop $subscription))
(core func $put (canon lower (func $artifact "put") (memory $bytes) (realloc $realloc)))
"#;
