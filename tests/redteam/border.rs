//! Attacks at the border between a component and the host: handles, texts, lists and pointers that are not what they should
//! be. Whoever tries it traps; the host neither panics nor allocates what was claimed.

use super::forge::Agent;
use super::siege::{Attack, By, Ends, Siege};
use crate::support::Place;

fn forged(number: u32, name: &'static str, agent: Agent<'_>, ends: Ends) -> Attack {
    Attack {
        number,
        name,
        by: By::Component(agent.forge()),
        needs: &["subscribe = [\"a\"]"],
        budget: &[],
        ends,
    }
}

/// `run` alone.
fn doing(number: u32, name: &'static str, run: &str, ends: Ends) -> Attack {
    forged(number, name, Agent { run, items: r#"(data (i32.const 64) "a")"#, ..Agent::default() }, ends)
}

const SUBSCRIBE: &str = "(call $subscribe (i32.const 64) (i32.const 1) (i32.const 0))";

/// `put` with so many parents whose list is here, a subject of this case, all else one byte.
fn put(parents: &str, count: u32, some: u32) -> String {
    format!(
        "(call $put (i32.const 64) (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const {parents})
           (i32.const {count}) (i32.const {some}) (i32.const 0) (i32.const 0) (i32.const 2048))"
    )
}

/// A list of 8,000 texts that are all the same 60,000 bytes: 480 MB, if somebody copied it.
const AMPLIFIED: &str = "(local $i i32)
  (loop $l
    (i32.store (i32.add (i32.const 65536) (i32.shl (local.get $i) (i32.const 3))) (i32.const 0))
    (i32.store (i32.add (i32.const 65540) (i32.shl (local.get $i) (i32.const 3))) (i32.const 60000))
    (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 8000))))";

/// Subscribes and closes 1,100 times and never drops a handle.
const FLOOD: &str = "(local $i i32)
  (loop $l
    (call $subscribe (i32.const 64) (i32.const 1) (i32.const 0))
    (if (i32.load8_u (i32.const 0)) (then unreachable))
    (call $close (i32.load (i32.const 8)))
    (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1100))))";

/// Subscribes 64 times and keeps the handles to the end; one more is refused.
const HOARD: &str = "(local $i i32)
  (loop $l
    (call $subscribe (i32.const 64) (i32.const 1) (i32.const 0))
    (if (i32.load8_u (i32.const 0)) (then unreachable))
    (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 64))))
  (call $subscribe (i32.const 64) (i32.const 1) (i32.const 0))
  (if (i32.eqz (i32.load8_u (i32.const 0))) (then unreachable))";

#[test]
fn handles_are_counted_and_cannot_be_forged() {
    let unknown = || Ends::Trapped("unknown handle index");
    let dropped =
        format!("{SUBSCRIBE} (call $drop (i32.load (i32.const 8))) (call $close (i32.load (i32.const 8)))");
    let twice =
        format!("{SUBSCRIBE} (call $drop (i32.load (i32.const 8))) (call $drop (i32.load (i32.const 8)))");
    let attacks = [
        doing(8, "handle-flood", FLOOD, Ends::Trapped("more than 1024 handles")),
        doing(10, "hoarded-handles", HOARD, Ends::Returned),
        doing(10, "hoarded-handles-again", HOARD, Ends::Returned),
        doing(11, "forged-handle", "(call $close (i32.const 12345))", unknown()),
        doing(11, "forged-first-handle", "(call $close (i32.const 1))", unknown()),
        doing(11, "negative-handle", "(call $close (i32.const -1))", unknown()),
        doing(11, "dropped-handle", &dropped, unknown()),
        doing(11, "handle-dropped-twice", &twice, unknown()),
    ];
    Siege::lay(&Place::new(), &[], &attacks);
}

#[test]
fn what_is_handed_over_is_checked_before_it_is_believed() {
    let amplified = format!("{AMPLIFIED} {}", put("65536", 8_000, 0));
    let bounds = || Ends::Trapped("out of bounds");
    let emit = |level: i32, at: i32, size: i64| {
        format!("(call $emit (i32.const {level}) (i32.const {at}) (i32.const {size}) (i32.const 0))")
    };
    let attacks = [
        doing(12, "text-of-2-gib", &emit(2, 0, 0x7fff_ffff), bounds()),
        doing(12, "text-that-wraps", &emit(2, -8, 16), bounds()),
        doing(
            12,
            "body-of-2-gib",
            "(call $publish (i32.const 64) (i32.const 1) (i32.const 0) (i32.const 0x7fffffff) (i32.const 0))",
            bounds(),
        ),
        doing(12, "list-of-half-a-billion", &put("0", 0x1fff_ffff, 0), bounds()),
        doing(
            12,
            "output-of-4-gib",
            "(i32.store (i32.const 1032) (i32.const 8)) (i32.store (i32.const 1036) (i32.const -1))",
            bounds(),
        ),
        forged(
            13,
            "amplification",
            Agent { pages: "2", run: &amplified, ..Agent::default() },
            Ends::Trapped("too much data"),
        ),
        forged(
            14,
            "bad-utf-8",
            Agent { items: r#"(data (i32.const 64) "\ff\fe\fd")"#, run: &emit(2, 64, 3), ..Agent::default() },
            Ends::Trapped("utf-8"),
        ),
        forged(
            14,
            "half-a-character",
            Agent { items: r#"(data (i32.const 64) "\e2\82")"#, run: &emit(2, 64, 2), ..Agent::default() },
            Ends::Trapped("utf-8"),
        ),
        doing(14, "odd-alignment", &put("65", 2, 0), Ends::Trapped("not aligned")),
        doing(14, "invalid-enum", &emit(99, 64, 1), Ends::Trapped("discriminant")),
        doing(14, "negative-enum", &emit(-1, 64, 1), Ends::Trapped("discriminant")),
        doing(14, "invalid-option", &put("64", 0, 7), Ends::Trapped("discriminant")),
        doing(
            14,
            "invalid-result",
            "(i32.store8 (i32.const 1024) (i32.const 9))",
            Ends::Trapped("discriminant"),
        ),
        doing(14, "answer-out-of-memory", "(return (i32.const -8))", bounds()),
        doing(14, "answer-at-an-odd-place", "(return (i32.const 1025))", Ends::Trapped("not aligned")),
        forged(
            15,
            "realloc-beyond-memory",
            Agent { realloc: "(i32.const 0x7fffffff)", ..Agent::default() },
            Ends::Trapped("realloc"),
        ),
        forged(
            15,
            "realloc-overlapping",
            Agent { realloc: "(i32.const 0)", ..Agent::default() },
            Ends::Returned,
        ),
        forged(
            15,
            "realloc-that-traps",
            Agent { realloc: "(unreachable)", ..Agent::default() },
            Ends::Trapped("unreachable"),
        ),
    ];
    Siege::lay(&Place::new(), &[], &attacks);
}

/// With memory enough, the claim is true; what the host copies is bounded all the same.
#[test]
fn a_gibibyte_in_one_call_is_not_copied() {
    let giant = |name, run: &str, ends| Attack {
        budget: &["memory = \"1500MiB\"", "fuel = \"4G\""],
        ..forged(
            12,
            name,
            Agent { pages: "20000", run, items: r#"(data (i32.const 64) "a")"#, ..Agent::default() },
            ends,
        )
    };
    let attacks = [
        giant(
            "true-text-of-1-gib",
            "(call $emit (i32.const 2) (i32.const 0) (i32.const 0x40000000) (i32.const 0))",
            Ends::Trapped("too much data"),
        ),
        giant(
            "true-body-of-1-gib",
            "(call $publish (i32.const 64) (i32.const 1) (i32.const 0) (i32.const 0x40000000) (i32.const 0))",
            Ends::Trapped("too much data"),
        ),
    ];
    Siege::lay(&Place::new(), &["--budget", "memory=4GiB"], &attacks);
}
